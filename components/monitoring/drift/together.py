"""What is told of several columns at once: tests of all features, and of columns that hold vectors."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from components.core import watching
from components.core.contracts import Kind
from components.monitoring.drift import embedding, multivariate
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.drift.columns import too_few
from components.monitoring.drift.effect import nothing
from components.monitoring.drift.embedding import Vectors
from components.monitoring.drift.line import Line
from components.monitoring.drift.matrix import matrices

ALL = "*"
"""The subject of what is told of all features together."""


def measure_together(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    settings: watching.Drift,
    discrepancy: Discrepancy | None,
    seed: int,
) -> list[Line]:
    """Run the tests of all features together that the use case asks for.

    Args:
        reference: rows as they were.
        current: rows as they are.
        kinds: subject → what it holds.
        settings: which tests, and the minimum of rows.
        discrepancy: what ``measure_apart`` found, for ``mmd``; without it that test has no data.
        seed: of samples, folds and halves.
    """
    wanted = [str(test) for test in settings.multivariate]
    if not wanted:
        return []
    rows = reference.height, current.height
    lacking = too_few(rows, settings.minimum_rows, "rows")
    if lacking:
        return [Line(ALL, "multivariate", test, nothing(lacking), rows) for test in wanted]
    lines = []
    old, new, _ = matrices(reference, current, kinds, seed)
    for test in wanted:
        if test == "mmd":
            lines.append(_mmd(discrepancy, rows))
        else:
            lines.append(Line(ALL, "multivariate", test, multivariate.tests[test](old, new, seed), rows))
    return lines


def measure_embeddings(
    reference: pl.DataFrame, current: pl.DataFrame, settings: watching.Drift, seed: int
) -> list[Line]:
    """Run every test of vectors on each column that holds some on both sides; rows without a vector are left out."""
    lines = []
    for name, kind in reference.schema.items():
        if not (kind in (pl.List, pl.Array) and current.schema.get(name) in (pl.List, pl.Array)):
            continue
        old, new = reference[name].drop_nulls(), current[name].drop_nulls()
        rows = len(old), len(new)
        lacking = too_few(rows, settings.minimum_rows, "vectors")
        both = [np.empty((0, 0))] * 2 if lacking else [_vectors(old), _vectors(new)]
        lacking = lacking or _unlike(both[0], both[1])
        for test, run in embedding.tests.items():
            effect = nothing(lacking) if lacking else run(both[0], both[1], seed)
            lines.append(Line(name, "embedding", test, effect, rows))
    return lines


def _mmd(discrepancy: Discrepancy | None, rows: tuple[int, int]) -> Line:
    if discrepancy is None:
        reason = "measured in an environment of its own, and nothing was handed in; see monitoring.drift.apart"
        return Line(ALL, "multivariate", "mmd", nothing(reason), rows)
    told = discrepancy.reference_rows, discrepancy.current_rows
    return Line(ALL, "multivariate", "mmd", discrepancy.effect, told)


def _vectors(values: pl.Series) -> Vectors:
    if values.dtype == pl.List:
        lengths = values.list.len().unique()
        if len(lengths) > 1:
            return np.empty((len(values), 0))
        values = values.cast(pl.Array(pl.Float64, int(lengths[0])))
    vectors: Vectors = values.to_numpy().astype(np.float64, copy=False)
    return vectors


def _unlike(old: Vectors, new: Vectors) -> str:
    if not old.shape[1] or not new.shape[1]:
        return "the vectors of one side differ in length among themselves"
    if old.shape[1] != new.shape[1]:
        return (
            f"the reference's vectors have {old.shape[1]} numbers, the newest {new.shape[1]}: another model made them"
        )
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        return "some vectors hold numbers that are not finite"
    return ""
