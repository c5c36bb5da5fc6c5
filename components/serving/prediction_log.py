"""The prediction log: what was asked and what was answered, written down beside the serving and never in its way."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from components.core.contracts import Field
from components.serving.outlet import CAPACITY_BYTES, Counts, Outlet
from components.serving.records import Change, Recorder
from components.serving.sampling import keep, rate_of
from components.serving.scored import ScoredBatch
from components.serving.sinks.opening import open_sink
from components.serving.sinks.sink import Sink

CAPACITY_ROWS = 100_000
"""Rows that may wait for each sink: 20 seconds at 5,000 rows a second. With long text, or a batch for each row, the
limit in bytes (``outlet.CAPACITY_BYTES``) is met before."""


class PredictionLog:
    """Takes what was scored and writes it to every sink.

    Each sink has its own bounded queue and thread, so that one that is slow or down costs its own rows alone, which
    are counted.

    Args:
        sinks: where to; none is allowed and logs nothing.
        model: name under which the model is served.
        version: its version.
        variant: what it is served as: ``stable``, ``canary``, ``shadow`` …
        fields: the contract's inputs.
        capacity_rows: most rows that wait for a sink.
        capacity_bytes: most memory that they take, as estimated.
        sample_rate: share of the requests that is logged; by variant, or one for all.
        mask: as ``read_mask`` gives it.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        model: str,
        version: str,
        variant: str,
        *,
        fields: Sequence[Field] = (),
        capacity_rows: int = CAPACITY_ROWS,
        capacity_bytes: int = CAPACITY_BYTES,
        sample_rate: float | Mapping[str, float] = 1.0,
        mask: Mapping[str, Change | None] | None = None,
    ) -> None:
        rate = rate_of(sample_rate, variant) if isinstance(sample_rate, Mapping) else sample_rate
        recorder = Recorder(model, version, variant, fields, mask, keep(rate))
        self._outlets = {
            name: Outlet(name, sink, recorder, capacity_rows, capacity_bytes) for name, sink in _named(sinks)
        }

    def put(self, batch: ScoredBatch) -> None:
        """Take a batch; waits for nothing, and drops and counts what finds no room."""
        rows = len(batch.request_ids)
        for outlet in self._outlets.values():
            outlet.offer(batch, rows)

    def counts(self) -> dict[str, Counts]:
        """What became of the rows so far, by sink."""
        return {name: outlet.counts() for name, outlet in self._outlets.items()}

    def close(self, deadline: float = 5.0) -> None:
        """Write what waits, for at most ``deadline`` seconds; what is left then is dropped, and counted as such."""
        end = time.monotonic() + deadline
        for outlet in self._outlets.values():
            outlet.begin_close()
        for outlet in self._outlets.values():
            outlet.close(end)


def open_log(
    uris: Sequence[str],
    model: str,
    version: str,
    variant: str,
    *,
    fields: Sequence[Field] = (),
    rates: Mapping[str, float] | None = None,
    mask: Mapping[str, Change | None] | None = None,
    capacity_rows: int = CAPACITY_ROWS,
) -> PredictionLog:
    """Open the prediction log of one served model.

    Args:
        uris: where to, as in ``sinks.opening.SCHEMES``.
        model: name under which the model is served.
        version: its version.
        variant: what it is served as.
        fields: the contract's inputs.
        rates: share of the requests that is logged, by variant; a variant that is not named is logged in full.
        mask: as ``read_mask`` gives it.
        capacity_rows: most rows that wait for a sink.

    Raises:
        FairleadError: a URI is of an unknown scheme or lacks a part.
    """
    sinks = [open_sink(uri) for uri in uris]
    return PredictionLog(
        sinks,
        model,
        version,
        variant,
        fields=fields,
        capacity_rows=capacity_rows,
        sample_rate=rates or 1.0,
        mask=mask,
    )


def _named(sinks: Sequence[Sink]) -> Iterator[tuple[str, Sink]]:
    """Tell sinks of one kind apart: ``sqlite``, ``sqlite-2`` …"""
    seen: Counter[str] = Counter()
    for sink in sinks:
        seen[sink.name] += 1
        yield (sink.name if seen[sink.name] == 1 else f"{sink.name}-{seen[sink.name]}"), sink
