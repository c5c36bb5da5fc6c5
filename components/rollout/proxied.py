"""What the proxy drew: its access log as columns, read on from look to look, each request in a place of its own."""

import io
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import polars as pl

from components.rollout.statistics.sticky import share_given_past

REQUESTS = {
    "at": pl.Datetime("us", "UTC"),
    "request_id": pl.String(),
    "candidate": pl.Boolean(),
    "share": pl.Float64(),
    "failed": pl.Boolean(),
    "latency_ms": pl.Float64(),
    "broken": pl.Boolean(),
    "gone": pl.Boolean(),
    "rescued": pl.Boolean(),
    "mirror": pl.String(),
    "settled": pl.Boolean(),
}
"""Columns of requests. ``failed`` is what variants are compared by, ``broken`` what one has failed for certain;
``latency_ms`` of a request that its client gave up on is how long the client waited."""

SETTLE = timedelta(seconds=5)
"""So long after it came, a request has its place among the others: see ``Proxied``."""

SLACK = timedelta(seconds=60)
"""Lines stand in the order in which requests ended, at most so much later than they came (the proxy's time-out)."""

BLOCK = 8 * 1024 * 1024
"""Bytes read at a time."""

_LINE = {
    "at": pl.String(),
    "request_id": pl.String(),
    "method": pl.String(),
    "path": pl.String(),
    "chosen": pl.String(),
    "answered": pl.String(),
    "candidate": pl.Float64(),
    "mirror": pl.String(),
    "status": pl.Int64(),
    "flags": pl.String(),
    "duration_us": pl.Float64(),
    "waited_ms": pl.Float64(),
    "attempts": pl.Int64(),
    "key": pl.String(),
    "explains": pl.String(),
}
"""The part of the log's lines that is read; the rest is never made into values."""

_KEPT = {name: REQUESTS[name] for name in REQUESTS if name != "settled"} | {
    "key": pl.String(),
    "place": pl.Datetime("us", "UTC"),
}


class Proxied:
    """The requests that the proxy drew since a rollout began: calls of a model, by clients.

    The order matters. By the order in which requests end, a slower candidate's part of a burst comes after the stable
    model's, and errors that hit both look like the candidate's. By the order in which they come, a request that is
    still under way would later be put in between, and change what was concluded before. So a request takes its place
    ``SETTLE`` after it came, or when it ended, if that is later: nothing is ever put in between, and whoever ends
    within that time stands in the order of arrival. What takes longer stands in the order of ending.

    A request is about 150 bytes here, and nothing is dropped while the rollout runs.

    Args:
        path: of the log; one that is not there yet is empty. One that became shorter, or another file under the same
            name, is begun anew; what was written to the old one since the last look is lost then.
        since: when the rollout began; nothing earlier counts.
        sticky: assignment sticks to a key. Then ``share`` is the probability that is left, given where the key went
            before: a second request at the same weight is no draw, and gets 0 or 1.
    """

    def __init__(self, path: Path, since: datetime, sticky: bool = False) -> None:
        self._path, self._since, self._sticky = path, since, sticky
        self._position: int | None = None
        self._file = 0
        self._frame = pl.DataFrame(schema=_KEPT)

    def read(self, now: datetime) -> pl.DataFrame:
        """Return the columns of ``REQUESTS``, settled requests first, in the order of their places.

        Args:
            now: time of the look.
        """
        new = self._new()
        if new:
            self._frame = pl.concat([self._frame, *new]).sort("place", maintain_order=True)
        return in_order(self._frame, now, self._sticky)

    def _new(self) -> list[pl.DataFrame]:
        try:
            log = self._path.open("rb")
        except FileNotFoundError:
            return []
        with log:
            size, file = log.seek(0, io.SEEK_END), log_number(log)
            if self._position is None:
                self._position = first_after(log, self._since - SLACK)
            elif size < self._position or file != self._file:
                self._position = 0
            self._file = file
            log.seek(self._position)
            found, rest = [], b""
            while block := log.read(BLOCK):
                whole, newline, tail = (rest + block).rpartition(b"\n")
                rest = tail
                self._position += len(whole) + len(newline)
                found.append(kept(lines(whole)).filter(pl.col("at") >= self._since))
        return [frame for frame in found if len(frame)]


def lines(text: bytes) -> pl.DataFrame:
    """Read lines of the log; those that are not whole lines of ours are passed over.

    >>> lines(b'{"at":"1.5","chosen":"stable","status":200}\\nnot ours').select("at", "chosen", "status", "key").rows()
    [('1.5', 'stable', 200, None)]
    """
    if not text.strip():
        return pl.DataFrame(schema=_LINE)
    try:
        return pl.read_ndjson(io.BytesIO(text), schema=_LINE)
    except pl.exceptions.PolarsError:
        rows = text.split(b"\n")
        if len(rows) == 1:
            return pl.DataFrame(schema=_LINE)
        middle = len(rows) // 2  # find the odd line by halves
        return pl.concat([lines(b"\n".join(rows[:middle])), lines(b"\n".join(rows[middle:]))])


def kept(line: pl.DataFrame) -> pl.DataFrame:
    """Turn lines into what is kept of the calls of a model, by the rules of ``access_log.Record``."""
    path = pl.col("path").fill_null("").str.split("?").list.first()
    asked = path.str.ends_with("/infer") | path.str.ends_with(":predict") | path.str.ends_with(":explain")
    ours = (pl.col("method") == "POST") & asked & pl.col("explains").fill_null("").eq("")
    drawn = pl.col("chosen").is_in(["stable", "candidate"]) & pl.col("candidate").is_not_null()
    status, attempts = pl.col("status").fill_null(0), pl.col("attempts").fill_null(0)
    gone = (status == 0) | pl.col("flags").fill_null("").str.split(",").list.contains("DC")
    elsewhere = pl.col("answered").ne_missing(pl.col("chosen"))
    broken = ~gone & ((status >= 500) | (attempts > 1) | elsewhere)
    time = (pl.col("at").cast(pl.Float64(), strict=False) * 1e6).round().cast(pl.Int64)
    duration = pl.col("duration_us") / 1000
    at = time.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    took = pl.coalesce("waited_ms", duration, pl.lit(0.0)) * 1000
    return line.filter(ours & drawn & time.is_not_null()).select(
        at=at,
        request_id=pl.col("request_id").fill_null(""),
        candidate=pl.col("chosen") == "candidate",
        share=pl.col("candidate") / 100,
        failed=gone | broken | (status >= 400),
        latency_ms=pl.when(gone).then(pl.coalesce("waited_ms", duration)).otherwise(duration),
        broken=broken,
        gone=gone,
        rescued=(attempts > 1) | (pl.col("answered").is_in(["stable", "candidate"]).fill_null(False) & elsewhere),
        mirror=pl.when(pl.col("mirror").is_in(["stable", "candidate"])).then("mirror"),
        key=pl.when(pl.col("key") != "").then("key"),
        place=at
        + pl.max_horizontal(took.cast(pl.Int64), pl.lit(SETTLE // timedelta(microseconds=1))).cast(pl.Duration("us")),
    )


def in_order(frame: pl.DataFrame, now: datetime, sticky: bool) -> pl.DataFrame:
    """Say which requests have their place by now, and of sticky ones what share of chance is left."""
    frame = frame.with_columns(settled=pl.col("place") <= now)
    if sticky:
        # One without a key is drawn by itself: it has a key of its own.
        keyed = pl.format("k{}", "key").fill_null(pl.format("n{}", pl.int_range(pl.len())))
        keys = frame.select(keyed).to_series().to_numpy().astype(str)
        left = share_given_past(keys, frame["candidate"].to_numpy(), frame["share"].to_numpy())
        frame = frame.with_columns(share=pl.Series(left, dtype=pl.Float64))
    return frame.select(list(REQUESTS))


def first_after(log: BinaryIO, at: datetime, near: int = 64 * 1024) -> int:
    """Find where in the log to begin to miss nothing that came after some time; in bytes, a line or ``near`` early.

    >>> log = io.BytesIO(b"".join(b'{"at":"%d"}\\n' % second for second in range(1000)))
    >>> from datetime import UTC
    >>> log.seek(first_after(log, datetime.fromtimestamp(500, UTC), near=30)); log.readline()
    6364
    b'{"at":"498"}\\n'
    """
    low, high = 0, log.seek(0, io.SEEK_END)
    while high - low > near:
        middle = (low + high) // 2
        log.seek(middle)
        log.readline()
        begin, line = log.tell(), lines(log.readline().rstrip(b"\n"))
        seconds = line["at"].cast(pl.Float64(), strict=False).to_list() if len(line) else [None]
        if begin < high and seconds[0] is not None and seconds[0] < at.timestamp():
            low = begin
        else:
            high = middle
    return low


def log_number(log: BinaryIO) -> int:
    """Return a number that another file under the same name does not have."""
    return os.fstat(log.fileno()).st_ino
