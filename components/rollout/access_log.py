"""The proxy's access log: what became of each request, read on while it is written."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.rollout.traffic import Variant

METADATA = "fairlead"
"""Name under which our notes stand in the proxy's routes and endpoints."""

FORMAT = {
    "at": "%START_TIME(%s.%6f)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "chosen": "%REQ(X-FAIRLEAD-CHOSEN)%",
    "answered": f"%UPSTREAM_METADATA({METADATA}:variant)%",
    "candidate": f"%METADATA(ROUTE:{METADATA}:candidate)%",
    "mirror": f"%METADATA(ROUTE:{METADATA}:mirror)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "duration_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "waited_ms": "%DURATION%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "server": "%RESP(X-FAIRLEAD-VARIANT)%",
    "explains": "%REQ(X-FAIRLEAD-EXPLAINS)%",
}
"""What Envoy writes of each request, by Envoy's own operators."""


def log_format(sticky_header: str | None) -> dict[str, str]:
    """Return what Envoy writes of each request: with the key that sticks to a variant, where there is one.

    The key stands in the log as it was sent: one that names a person is best hashed before it is sent.
    """
    return FORMAT if sticky_header is None else {**FORMAT, "key": f"%REQ({sticky_header.upper()})%"}


_VARIANTS: dict[object, Variant] = {"stable": "stable", "candidate": "candidate"}


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one request.

    Args:
        at: when it came, in seconds since 1970 (UTC).
        request_id: the client's ``x-request-id``, or the one that the proxy gave it.
        method: of the request.
        path: of the request, its query included.
        chosen: for whom it was drawn; None when no route was found.
        answered: who answered in the end; None when nobody did.
        share: the candidate's weight in force when it was drawn, 0 to 100; None when no route was found.
        mirror: who got a copy.
        status: of the response; 0 when the client had gone before there was one.
        flags: Envoy's response flags, ``-`` for none.
        details: Envoy's word on who made the response.
        duration_ms: from the request's first byte to the response's last; None when the client had gone before.
        waited_ms: from the request's first byte until it was over, whoever ended it; None in logs without it.
        attempts: how many servers were asked.
        bytes_in: of the request's body.
        bytes_out: of the response's body.
        server: the variant that the server says it is, in ``x-fairlead-variant``; None when it says nothing.
        key: what the sticky header said; None without one.
        explains: an explainer asked, by its own word: nobody's request.
    """

    at: float
    request_id: str
    method: str
    path: str
    chosen: Variant | None
    answered: Variant | None
    share: int | None
    mirror: Variant | None
    status: int
    flags: str
    details: str
    duration_ms: float | None
    attempts: int
    bytes_in: int
    bytes_out: int
    server: Variant | None = None
    key: str | None = None
    waited_ms: float | None = None
    explains: bool = False

    @property
    def inference(self) -> bool:
        """Whether a client asked a model for an answer, over V1 or V2."""
        path = self.path.partition("?")[0]
        return self.method == "POST" and not self.explains and path.endswith(("/infer", ":predict", ":explain"))

    @property
    def gone(self) -> bool:
        """Whether the client went away before there was an answer: no certain failure, but none of it was answered."""
        return self.status == 0 or "DC" in self.flags.split(",")

    @property
    def failed(self) -> bool:
        """Whether the variant that was chosen failed it for certain, even where the other stepped in.

        A request that a client gave up on, or that was answered 4xx, may be the client's own doing: see ``bad``.
        """
        return not self.gone and (self.status >= 500 or self.attempts > 1 or self.answered != self.chosen)

    @property
    def rescued(self) -> bool:
        """Whether more than one server was asked, or another than was drawn."""
        return self.attempts > 1 or (self.answered is not None and self.answered != self.chosen)

    @property
    def bad(self) -> bool:
        """Whether the client got no good answer from the variant that was drawn, whoever is to blame.

        This is what to compare variants by. Clients that leave, or that send what is no good, do so whichever variant
        they were drawn for; where one variant has more of it, it is that variant's doing.
        """
        return self.gone or self.failed or self.status >= 400

    @property
    def seen_to_fail(self) -> bool:
        """Whether the client got an error that is not its own."""
        return not self.gone and self.status >= 500


def parse(line: bytes | str) -> Record | None:
    """Read one line of the log; None when it is not a whole line of ours.

    >>> record = parse('{"at":"1.5","chosen":"candidate","answered":"stable","status":200,"candidate":5,"attempts":2}')
    >>> record.failed, record.seen_to_fail, record.share
    (True, False, 5)
    >>> parse('{"at":"1.5","requ') is None
    True
    """
    try:
        values: dict[str, Any] = json.loads(line)
        at = float(values["at"])
        share, duration, waited = values.get("candidate"), values.get("duration_us"), values.get("waited_ms")
        return Record(
            at=at,
            request_id=values.get("request_id") or "",
            method=values.get("method") or "",
            path=values.get("path") or "",
            chosen=_VARIANTS.get(values.get("chosen")),
            answered=_VARIANTS.get(values.get("answered")),
            share=None if share is None else int(share),
            mirror=_VARIANTS.get(values.get("mirror")),
            status=int(values.get("status") or 0),
            flags=values.get("flags") or "-",
            details=values.get("details") or "",
            duration_ms=None if duration is None else float(duration) / 1000,
            attempts=int(values.get("attempts") or 0),
            bytes_in=int(values.get("bytes_in") or 0),
            bytes_out=int(values.get("bytes_out") or 0),
            server=_VARIANTS.get(values.get("server")),
            key=values.get("key") or None,
            waited_ms=None if waited is None else float(waited),
            explains=bool(values.get("explains")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read(path: Path, position: int = 0) -> tuple[list[Record], int]:
    """Read what was written since the last time.

    Args:
        path: of the log; one that is not there yet is empty.
        position: in bytes, as returned by the last call; 0 begins at the start.

    Returns:
        The requests in the order in which they ended, and the position to go on from. A line that is not finished is
        left for the next time, one that is not ours is passed over, and a file that became shorter is begun anew.
    """
    try:
        with path.open("rb") as log:
            if log.seek(0, 2) < position:
                position = 0
            log.seek(position)
            whole, newline, _ = log.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], 0
    records = (parse(line) for line in whole.splitlines())
    return [record for record in records if record is not None], position + len(whole) + len(newline)
