"""Records of the prediction log: arrays that were scored together become one record for each row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.serving.remedy import Note
from components.serving.scored import ScoredBatch

Change = Callable[[Any], Any]
"""Gives what stands in a masked value's place."""


class Record(NamedTuple):
    """One scored row.

    ``request_id``, ``row``, ``version`` and ``variant`` say which row it is. A client that sends an id twice gives two
    records, told apart by ``at``; a place that was handed a record twice holds two that are equal.
    """

    at: int
    """When it was scored, in microseconds since 1970 (UTC)."""
    request_id: str
    row: int
    """Place within its request, from 0."""
    model: str
    version: str
    variant: str
    inputs: str
    """A JSON object: ISO dates, null for missing; masked fields as the mask says."""
    probability: float
    decision: int
    outlier_score: float | None
    outlier: bool | None
    lookups: str | None
    """What became of the online lookup, ``bank=found zip=missing``; None when none was made."""
    latency_ms: float
    remedy: str | None = None
    """What was done with an odd row: a JSON object of ``remedy``, ``odd`` (a list) and ``replaced`` (values found, by
    input, masked as the inputs are); None where nothing was odd, or no rules are in force."""

    def as_json(self) -> bytes:
        """Write as a JSON object, with ``at`` in ISO form and ``inputs`` as an object.

        >>> Record(1, "a", 0, "m", "1", "stable", '{"x":null}', 0.5, 1, None, None, None, 2.5).as_json()[:77]
        b'{"at":"1970-01-01T00:00:00.000001Z","request_id":"a","row":0,"model":"m","ver'
        """
        values = self._asdict()
        values["at"] = iso(self.at)
        values["inputs"] = orjson.Fragment(self.inputs)
        if self.remedy is not None:
            values["remedy"] = orjson.Fragment(self.remedy)
        return orjson.dumps(values)


def iso(microseconds: int) -> str:
    """Write a record's time in ISO form, in UTC.

    >>> iso(1_096_588_800_000_005)
    '2004-10-01T00:00:00.000005Z'
    """
    return f"{np.datetime64(microseconds, 'us')}Z"


def microseconds(time: datetime) -> int:
    """Write a time as records have it.

    Raises:
        FairleadError: it has no time zone.
    """
    if time.tzinfo is None:
        raise FairleadError(f"time {time.isoformat()}: found no time zone, allowed: a time with one, as in UTC")
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Recorder:
    """Turns scored batches into records. It is the one place of the log that sees inputs unmasked.

    Args:
        model: name under which the model is served.
        version: its version.
        variant: what it is served as: ``stable``, ``canary``, ``shadow`` …
        fields: the contract's inputs, so that whole numbers are written as such.
        mask: for fields by name what is put in their values' place; None leaves the field out.
        keep: by a request's id, whether its rows are recorded; None records all.
    """

    def __init__(
        self,
        model: str,
        version: str,
        variant: str,
        fields: Sequence[Field] = (),
        mask: Mapping[str, Change | None] | None = None,
        keep: Callable[[str], bool] | None = None,
    ) -> None:
        self._who = (model, version, variant)
        self._whole = {f.name for f in fields if f.kind == "int"}
        self._mask = dict(mask or {})
        self._keep = keep

    def records(self, batches: Sequence[ScoredBatch]) -> list[Record]:
        """Make the records of batches that have the same columns, in their order; rows not kept have none."""
        kept = [b for b in map(self._kept, batches) if len(b.request_ids)]
        if not kept:
            return []
        inputs = iter(self._inputs(kept))
        made: list[Record] = []
        for b in kept:
            at, n = round(b.at * 1e6), len(b.request_ids)
            values = zip(
                b.request_ids,
                b.row_numbers,
                b.probability.tolist(),
                b.decision.tolist(),
                repeat(None, n) if b.outlier_score is None else b.outlier_score.tolist(),
                repeat(None, n) if b.outlier is None else b.outlier.tolist(),
                repeat(None, n) if b.lookups is None else b.lookups,
                b.latency_ms,
                repeat(None, n) if b.remedies is None else map(self._remedy, b.remedies),
                strict=True,
            )
            made += [Record(at, i, row, *self._who, next(inputs), *scores) for i, row, *scores in values]
        return made

    def _remedy(self, note: Note | None) -> str | None:
        if note is None:
            return None
        replaced = {}
        for name, value in note.replaced.items():
            change = self._mask.get(name, _as_it_is)
            if change is not None:
                replaced[name] = None if value is None else change(value)
        return orjson.dumps({"remedy": note.remedy, "odd": note.odd, "replaced": replaced}).decode()

    def _kept(self, batch: ScoredBatch) -> ScoredBatch:
        if self._keep is None:
            return batch
        rows = [i for i, request_id in enumerate(batch.request_ids) if self._keep(request_id)]
        return batch if len(rows) == len(batch.request_ids) else take(batch, rows)

    def _inputs(self, batches: Sequence[ScoredBatch]) -> list[str]:
        names, columns = [], []
        for name in batches[0].columns:
            if name in self._mask and self._mask[name] is None:
                continue
            names.append(name)
            columns.append(self._values(name, np.concatenate([b.columns[name] for b in batches])))
        if not names:
            return ["{}"] * sum(len(b.request_ids) for b in batches)
        # orjson writes dates in ISO form and NaN as null.
        return [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*columns, strict=True)]

    def _values(self, name: str, array: npt.NDArray[Any]) -> list[Any]:
        values: list[Any] = (array.astype("datetime64[D]") if array.dtype.kind == "M" else array).tolist()
        if name in self._whole:
            values = [int(v) if v == v else None for v in values]
        change = self._mask.get(name)
        if change is None:
            return values
        # What is missing stays so; it is the one value that is not equal to itself, or it is None.
        return [None if v is None or v != v else change(v) for v in values]


def pieces(batches: Sequence[ScoredBatch], rows: int) -> Iterator[list[ScoredBatch]]:
    """Cut batches into groups of about so many rows, at most twice as many; a large batch is divided."""
    group: list[ScoredBatch] = []
    size = 0
    for batch in batches:
        n = len(batch.request_ids)
        for start in range(0, n, rows):
            group.append(batch if n <= rows else take(batch, range(start, min(start + rows, n))))
            size += len(group[-1].request_ids)
            if size >= rows:
                yield group
                group, size = [], 0
    if group:
        yield group


def _as_it_is(value: Any) -> Any:
    return value


def take(batch: ScoredBatch, rows: Sequence[int]) -> ScoredBatch:
    """Take some of a batch's rows."""
    return replace(
        batch,
        request_ids=[batch.request_ids[i] for i in rows],
        row_numbers=[batch.row_numbers[i] for i in rows],
        columns={name: array[rows] for name, array in batch.columns.items()},
        probability=batch.probability[rows],
        decision=batch.decision[rows],
        latency_ms=[batch.latency_ms[i] for i in rows],
        outlier_score=None if batch.outlier_score is None else batch.outlier_score[rows],
        outlier=None if batch.outlier is None else batch.outlier[rows],
        lookups=None if batch.lookups is None else [batch.lookups[i] for i in rows],
        remedies=None if batch.remedies is None else [batch.remedies[i] for i in rows],
    )
