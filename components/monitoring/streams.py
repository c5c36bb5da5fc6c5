"""Streams of values from watched rows, and the online detectors that watch them: drift of the concept, day by day.

A loss is seen on the day on which its row has matured and its label is known, the bad rows' too, although these are
known earlier: early on all that is known is bad, and a stream of what is known so far would cry wolf at every new
cohort. Scores, decisions and outliers are seen on the day of the event.

All is computed from the rows anew at each look, so nothing has to be kept between two, and a label that was corrected
counts as corrected.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError, unknown
from components.monitoring.detectors.catalogue import entry, make
from components.monitoring.detectors.detector import Baseline, Direction

ALL = "all"
"""The group of all rows."""

LOSS_BOUND = 8.0
"""A log loss beyond this counts as this: what a probability of 0.03 % costs that was wrong. Where the mean of the whole
losses keeps to its baseline, so does the mean of the cut ones."""

RECENT = 500
"""Values that a detection's ``value`` is the mean of, the newest by then."""

MINIMUM_ROWS = 200
"""Below this a stream says nothing."""


@dataclass(frozen=True)
class Kind:
    """What a stream is made of.

    Args:
        value: of a row; rows where it is null are left out.
        direction: which changes count.
        bound: values are within 0 and this.
        binary: whether they are 0 and 1 alone.
        labelled: whether it needs the label.
    """

    value: pl.Expr
    direction: Direction
    bound: float = 1.0
    binary: bool = False
    labelled: bool = False


def _log_loss() -> pl.Expr:
    p, label = pl.col("probability"), pl.col("label")
    loss = -pl.when(label == 1).then(p).otherwise(1 - p).log()
    return pl.when(label.is_not_null()).then(loss.clip(upper_bound=LOSS_BOUND))


LOSSES: Mapping[str, Callable[[], Kind]] = {
    "log_loss": lambda: Kind(_log_loss(), "up", LOSS_BOUND, labelled=True),
    "brier": lambda: Kind((pl.col("probability") - pl.col("label")) ** 2, "up", labelled=True),
}
"""Losses that a single row has, as a stream can be made of."""

STREAMS: Mapping[str, Kind] = {
    "loss": LOSSES["log_loss"](),
    "error": Kind((pl.col("decision") != pl.col("label")).cast(pl.Float64), "up", binary=True, labelled=True),
    "score": Kind(pl.col("probability"), "both"),
    "decision": Kind(pl.col("decision").cast(pl.Float64), "both", binary=True),
    "outlier": Kind(pl.col("outlier").cast(pl.Float64), "both", binary=True),
}
"""Name → stream: the loss, whether the decision was wrong, the probability, whether the row was decided 1, whether it
was an outlier."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Detection(_Value):
    """A detector found that a stream is no longer what it was."""

    detector: str
    stream: str
    group: str = ALL
    """``all``, or ``COLUMN=value``."""
    day: date
    """On which the value was seen that tipped it."""
    n: int
    """Values that it had seen of the stream by then."""
    value: float
    """Mean of the newest of them, 500 at most, in the stream's unit."""


class Watch(_Value):
    """What one detector made of one stream, up to now."""

    detector: str
    stream: str
    group: str = ALL
    n: int
    """Values seen."""
    mean: float | None
    """Of all of them; None without any."""
    baseline: float | None
    """What the stream was held to; None where the detector learned that from the stream."""
    state: Literal["quiet", "warning", "drift", "no_data"]
    """``drift``: it has found some, whenever that was."""
    detections: tuple[Detection, ...] = ()
    reason: str = ""
    """Why there is no data: the probable cause."""


@dataclass(frozen=True)
class Stream:
    """Values of one kind from one group of rows, in order.

    Args:
        name: one of ``STREAMS``.
        group: ``all``, or ``COLUMN=value``.
        days: shape (n,), on which each value was seen.
        values: shape (n,), in the stream's own unit.
        kind: what it is made of.
    """

    name: str
    group: str
    days: npt.NDArray[np.datetime64]
    values: FloatArray
    kind: Kind


def detect(
    frame: pl.DataFrame,
    names: Sequence[str],
    *,
    baselines: Mapping[tuple[str, str], Baseline] | None = None,
    streams: Sequence[str] = tuple(STREAMS),
    segments: Sequence[str] = (),
    loss: str = "log_loss",
    minimum_rows: int = MINIMUM_ROWS,
) -> tuple[Detection, ...]:
    """Return what detectors find in the streams of watched rows; arguments and errors as of ``watch_streams``."""
    watched = watch_streams(
        frame,
        names,
        baselines=baselines,
        streams=streams,
        segments=segments,
        loss=loss,
        minimum_rows=minimum_rows,
    )
    return tuple(found for watch in watched for found in watch.detections)


def watch_streams(
    frame: pl.DataFrame,
    names: Sequence[str],
    *,
    baselines: Mapping[tuple[str, str], Baseline] | None = None,
    streams: Sequence[str] = tuple(STREAMS),
    segments: Sequence[str] = (),
    loss: str = "log_loss",
    minimum_rows: int = MINIMUM_ROWS,
) -> tuple[Watch, ...]:
    """Run detectors over the streams of watched rows, those of all rows first and then those of each group.

    Args:
        frame: watched rows of one model: what another one cost says nothing of this one.
        names: of detectors; each runs on those of the streams that it can make sense of.
        baselines: (stream, group) → what the stream is held to, in its own unit; without one, a detector that needs it
            has no data.
        streams: some of ``STREAMS``.
        segments: columns by whose values rows are told apart too.
        loss: what the stream ``loss`` is, one of ``LOSSES``.
        minimum_rows: streams of fewer values say nothing.

    Raises:
        FairleadError: a detector, a stream, a loss or a column is unknown, or a detector fits none of the streams.
    """
    _check(frame, names, streams, segments)
    given = baselines or {}
    found = []
    for stream in _streams(frame, streams, segments, loss):
        for name in names:
            if fits(name, stream.kind):
                found.append(_watch(name, stream, given.get((stream.name, stream.group)), minimum_rows))
    return tuple(found)


def fits(detector: str, kind: Kind) -> bool:
    """Whether a detector can make sense of a stream: of its values, and of the changes that count in it.

    >>> fits("ddm", STREAMS["error"]), fits("ddm", STREAMS["loss"]), fits("ddm", STREAMS["decision"])
    (True, False, False)
    """
    about = entry(detector)
    return (kind.binary or about.wants != "zero_or_one") and (about.both or kind.direction == "up")


def _check(frame: pl.DataFrame, names: Sequence[str], streams: Sequence[str], segments: Sequence[str]) -> None:
    for name in streams:
        if name not in STREAMS:
            raise unknown("stream", name, STREAMS)
    for column in segments:
        if column not in frame.columns:
            raise unknown("column of the watched rows", column, frame.columns)
    for name in names:
        if not any(fits(name, STREAMS[stream]) for stream in streams):
            raise FairleadError(
                f"detector {name!r} wants {entry(name).wants.replace('_', ' ')}, and fits none of the streams "
                f"{', '.join(streams)}; it fits: {', '.join(s for s in STREAMS if fits(name, STREAMS[s]))}"
            )


def _streams(frame: pl.DataFrame, names: Sequence[str], segments: Sequence[str], loss: str) -> Iterator[Stream]:
    if loss not in LOSSES:
        raise unknown("loss of a single row", loss, LOSSES, "Others are of many rows together and have no stream.")
    for group, rows in _groups(frame, segments):
        for name in names:
            kind = LOSSES[loss]() if name == "loss" else STREAMS[name]
            seen = _label_seen() if kind.labelled else pl.col("event_time")
            counted = rows.filter(pl.col("mature")) if kind.labelled else rows
            values = counted.select("event_time", "request_id", "row", _day=seen, _value=kind.value).drop_nulls(
                "_value"
            )
            values = values.sort("_day", "event_time", "request_id", "row")
            days = values["_day"].to_numpy().astype("datetime64[D]")
            yield Stream(name, group, days, values["_value"].to_numpy().astype(np.float64), kind)


def _label_seen() -> pl.Expr:
    """Day on which a mature row's label is seen: that of its maturity, or a later one on which it was told at last.

    A row that turned bad after its time was over keeps its label and its day, though it was told of anew.
    """
    late = pl.max_horizontal("matures", "known_on")
    return pl.when(pl.col("outcome") == 1).then(pl.col("matures")).otherwise(late)


def _groups(frame: pl.DataFrame, segments: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    yield ALL, frame
    for column in segments:
        key = pl.col(column).cast(pl.String).fill_null("missing")
        parts = frame.with_columns(_group=key).partition_by("_group", as_dict=True)
        yield from ((f"{column}={value[0]}", parts[value]) for value in sorted(parts))


def _watch(name: str, stream: Stream, baseline: Baseline | None, minimum_rows: int) -> Watch:
    n, needs = len(stream.values), name == "sequential"
    empty = Watch(
        detector=name,
        stream=stream.name,
        group=stream.group,
        n=n,
        mean=float(stream.values.mean()) if n else None,
        baseline=baseline.mean if baseline is not None and needs else None,
        state="no_data",
    )
    reason = _why_nothing(stream, minimum_rows) or ("" if baseline or not needs else _NO_BASELINE)
    if reason:
        return empty.model_copy(update={"reason": reason})
    bound = stream.kind.bound
    scaled = None if baseline is None else Baseline(baseline.mean / bound, baseline.tolerated / bound)
    detector = make(name, scaled, stream.kind.direction)
    places = detector.run(stream.values / bound)
    detections = tuple(_detection(name, stream, place) for place in places)
    return empty.model_copy(update={"state": "drift" if places else detector.state, "detections": detections})


_NO_BASELINE = "no baseline: the model's card does not tell this figure for this group, or not surely enough"


def _why_nothing(stream: Stream, minimum_rows: int) -> str:
    n = len(stream.values)
    if n >= minimum_rows:
        return ""
    cause = {
        True: "their labels have not arrived, or their time is not over",
        False: "few rows were logged" + (", or the model has no outlier detector" if stream.name == "outlier" else ""),
    }[stream.kind.labelled]
    return f"{n} values, needed {minimum_rows}: {cause}"


def _detection(name: str, stream: Stream, place: int) -> Detection:
    newest = stream.values[max(0, place + 1 - RECENT) : place + 1]
    return Detection(
        detector=name,
        stream=stream.name,
        group=stream.group,
        day=stream.days[place].astype(date),
        n=place + 1,
        value=float(newest.mean()),
    )
