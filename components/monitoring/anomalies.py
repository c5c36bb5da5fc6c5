"""Anomalies in a batch: a table that is about to be scored, or trained on, beside what the model learned from.

The same rules as at the server's doors say what is done with odd rows. What they keep back goes into quarantine in the
form of ``components.data.quarantine``, so that ``components.data.replay`` brings repaired rows back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Columns, Entity, Estimate, Field, FloatArray
from components.core.errors import FairleadError
from components.core.watching import Remedy, RemedyRule, require_inputs
from components.data.columns import as_text
from components.data.expectations import BREACH
from components.data.quarantine import QUARANTINE, with_originals
from components.features.rows import from_frame
from components.monitoring.batch_faults import BatchFault, batch_faults
from components.monitoring.row_detectors import RowDetector, by_bundle
from components.serving.ordinary import When, ordinary
from components.serving.remedy import Judge, Judged
from components.training.shares import wilson

if TYPE_CHECKING:
    from components.training.bundle import Bundle

KEPT_BACK: tuple[Remedy, ...] = ("reject", "quarantine")
WHOLE_ROW = "*"
"""In quarantine the column of an outlier."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OddRows(_Value):
    """One way in which rows of a batch are odd."""

    when: When
    column: str | None
    """The input; None of an outlier."""
    share: Estimate
    """Of the batch's rows, with its 95 % interval."""


class Anomalies(_Value):
    """What is odd about a batch."""

    rows: int
    odd: Estimate
    """Share of rows with anything odd, with its 95 % interval; without a value for a batch without rows."""
    by_oddity: tuple[OddRows, ...]
    """The most frequent first; a row that is odd in two ways counts in both."""
    batch: tuple[BatchFault, ...]
    """Oddities of the whole."""
    remedies: Mapping[Remedy, tuple[int, ...]]
    """The places in the batch, from 0, of the rows to be done with by each remedy; ordinary rows are in none."""
    detector: Literal["bundle", "forest", "none"]
    """What looked for outliers; ``none`` where nothing could."""
    not_judged: tuple[str, ...]
    """Rules that nothing could be held to, each with the cause."""


@dataclass(frozen=True)
class Expected:
    """What a batch is held to.

    Args:
        fields: the model's inputs.
        reference: content of the bundle's ``reference.json``.
        detector: of odd rows; None looks for none.
        entities: whose histories are among the inputs.
    """

    fields: tuple[Field, ...]
    reference: Mapping[str, Any]
    detector: RowDetector | None = None
    entities: tuple[Entity, ...] = ()

    @classmethod
    def of(cls, bundle: "Bundle") -> "Expected":
        """Take it from a bundle, with the detector that it carries."""
        reference = json.loads((bundle.path / "reference.json").read_text(encoding="utf-8"))
        return cls(bundle.contract.inputs, reference, by_bundle(bundle), bundle.contract.entities)


@dataclass(frozen=True)
class Remedied:
    """A batch after the rules.

    Args:
        kept: rows that may go on, in order, as they came but for values that were replaced.
        quarantined: those that may not, see ``components.data.quarantine.QUARANTINE``: one row for each oddity.
        report: on the batch as it came.
    """

    kept: pl.DataFrame
    quarantined: pl.DataFrame
    report: Anomalies


def judge_batch(
    batch: pl.DataFrame, rules: Sequence[RemedyRule], expected: Expected, usual_rows: Sequence[int] = ()
) -> Anomalies:
    """Say what is odd about a batch, and which rows the rules do what with.

    A raw table has no histories of entities: what is not in the batch is not judged. The bundle's own detector reads
    them; for a raw table give ``expected`` a forest.

    Args:
        batch: n rows, with at least one of the model's inputs, in types as ingest leaves them.
        rules: as at the server's doors; the first that fits a row counts.
        expected: what it is held to.
        usual_rows: sizes of earlier batches.

    Raises:
        FairleadError: the batch has none of the inputs, or a rule is about what is no input of the model.
    """
    return _judge(batch, rules, expected, usual_rows)[1]


def remedied(
    batch: pl.DataFrame,
    rules: Sequence[RemedyRule],
    expected: Expected,
    *,
    row_id: str = "",
    rows: pl.Series | None = None,
    usual_rows: Sequence[int] = (),
) -> Remedied:
    """Do with a batch what the rules say.

    Args:
        batch: as in ``judge_batch``.
        rules: as there.
        expected: as there.
        row_id: column with the rows' ids, for the quarantine; empty goes by position.
        rows: shape (n,), positions in the raw table that the batch is of; 0…n-1 when not given.
        usual_rows: as there.

    Raises:
        FairleadError: as there.
    """
    work, report = _judge(batch, rules, expected, usual_rows)
    position = pl.int_range(batch.height, eager=True, dtype=pl.Int64) if rows is None else rows.cast(pl.Int64)
    back = [i for remedy in KEPT_BACK for i in report.remedies.get(remedy, ())]
    stays = np.ones(batch.height, dtype=bool)
    stays[back] = False
    filled = batch
    if work is not None and "impute_and_flag" in report.remedies:
        filled = _filled(batch, work)
    breaches = pl.DataFrame(schema=BREACH) if work is None else _breaches(batch, work, sorted(back), row_id, position)
    quarantined = with_originals(breaches, batch, position).select(QUARANTINE.keys())
    return Remedied(filled.filter(pl.Series(stays)), quarantined, report)


@dataclass(frozen=True)
class _Work:
    judge: Judge
    judged: Judged
    columns: Columns
    scores: FloatArray | None


def _judge(
    batch: pl.DataFrame, rules: Sequence[RemedyRule], expected: Expected, usual_rows: Sequence[int]
) -> tuple[_Work | None, Anomalies]:
    fields = tuple(f for f in expected.fields if f.name in batch.columns)
    if not fields:
        allowed = ", ".join(f.name for f in expected.fields)
        raise FairleadError(
            f"the batch has none of the model's inputs; found: {', '.join(batch.columns)}, allowed: {allowed}"
        )
    there = {f.name for f in fields}
    detector = expected.detector if expected.detector and there.issuperset(expected.detector.fields) else None
    require_inputs(rules, expected.fields)
    absent = [r for r in rules if r.column is not None and r.column not in there]
    judge = Judge(
        ordinary(expected.reference, fields, expected.entities),
        [rule for rule in rules if rule not in absent],
        None if detector is None else detector.threshold,
    )
    not_judged = [*judge.blind(), *(f"{rule}: the batch has no such column" for rule in absent)]
    faults = batch_faults(batch, fields, expected.reference, usual_rows)
    name = "none" if detector is None else detector.name
    if batch.height == 0:
        nothing = Anomalies(
            rows=0,
            odd=_share(0, 0),
            by_oddity=(),
            batch=faults,
            remedies={},
            detector=name,
            not_judged=tuple(not_judged),
        )
        return None, nothing
    columns = from_frame(batch, fields)
    scores = None if detector is None else detector.score(columns)
    judged = judge.judge(columns, scores)
    remedies: dict[Remedy, list[int]] = {}
    for i, remedy in enumerate(judged.remedy.tolist()):
        if remedy is not None:
            remedies.setdefault(remedy, []).append(i)
    report = Anomalies(
        rows=batch.height,
        odd=_share(sum(map(len, remedies.values())), batch.height),
        by_oddity=_by_oddity(judged, batch.height),
        batch=faults,
        remedies={remedy: tuple(rows) for remedy, rows in remedies.items()},
        detector=name,
        not_judged=tuple(not_judged),
    )
    return _Work(judge, judged, columns, scores), report


def _by_oddity(judged: Judged, n: int) -> tuple[OddRows, ...]:
    found = [OddRows(when=f.when, column=f.column, share=_share(int(f.rows.sum()), n)) for f in judged.found]
    return tuple(sorted(found, key=lambda o: -(o.share.value or 0)))


def _share(odd: int, n: int) -> Estimate:
    if n == 0:
        return Estimate(value=None, n=0)
    low, high = wilson(odd, n)
    return Estimate(value=odd / n, low=low, high=high, n=n)


def _filled(batch: pl.DataFrame, work: _Work) -> pl.DataFrame:
    """Put what is typical into the cells that are to be replaced, in their columns' own types, and change no other."""
    changed = work.judge.filled(work.columns, work.judged)
    columns = []
    for name, values in changed.items():
        if values is work.columns[name]:
            continue
        there = work.columns[name]
        cells = values != there
        # What is missing is equal to nothing, not to itself either.
        cells &= ~((values != values) & (there != there))
        dtype = batch.schema[name]
        series = pl.Series(name, values.tolist() if values.dtype == object else values, nan_to_null=True)
        if series.dtype.is_float() and not dtype.is_float():
            series = series.cast(pl.Int64)
        columns.append(
            pl.when(pl.Series(cells.astype(bool))).then(series.cast(dtype)).otherwise(pl.col(name)).alias(name)
        )
    return batch.with_columns(columns)


def _breaches(batch: pl.DataFrame, work: _Work, back: Sequence[int], row_id: str, position: pl.Series) -> pl.DataFrame:
    """Tell the oddities of the rows that are kept back, as ``components.data.expectations`` tells broken rules."""
    held = np.zeros(batch.height, dtype=bool)
    held[list(back)] = True
    ids = batch[row_id].cast(pl.String) if row_id else pl.select(pl.format("#{}", pl.lit(position))).to_series()
    told = [pl.DataFrame(schema=BREACH)]
    for found in work.judged.found:
        at = pl.Series(np.flatnonzero(found.rows & held), dtype=pl.Int64)
        if found.column is None:
            assert work.scores is not None  # or there would be no outlier
            values = pl.Series(work.scores[at.to_numpy()]).cast(pl.String)
        else:
            values = batch[at].select(as_text(found.column, batch.schema[found.column])).to_series()
        part = pl.DataFrame({"row": position[at], "row_id": ids[at], "value": values}).with_columns(
            rule=pl.lit(found.when), column=pl.lit(found.column or WHOLE_ROW)
        )
        told.append(part.select(pl.col(name).cast(kind) for name, kind in BREACH.items()))
    return pl.concat(told).sort("row", maintain_order=True)
