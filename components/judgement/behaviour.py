"""Tests of the model as a function: how its score answers when its inputs change."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from components.core.contracts import Columns, FloatArray, GateResult
from components.core.errors import FairleadError, unknown
from components.core.gating import Behaviour
from components.features.rows import number_of_rows

Score = Callable[[Columns], FloatArray]


def behave(score: Score, rows: Columns, behaviours: Sequence[Behaviour]) -> list[GateResult]:
    """Put a model through its behavioural tests.

    Args:
        score: rows → probabilities of shape (n,), as the bundle gives them.
        rows: n real request rows, entity histories included.
        behaviours: from the use case.

    Raises:
        FairleadError: a test names a column that a request does not have, or one of the wrong kind, or its condition
            is not SQL.
    """
    return [_one(score, rows, b) for b in behaviours]


def _one(score: Score, rows: Columns, behaviour: Behaviour) -> GateResult:
    if behaviour.kind == "riskier":
        return _riskier(score, rows, behaviour)
    column = str(behaviour.column)
    if column not in rows:
        raise unknown(f"column in behaviour {behaviour.name!r}", column, rows)
    n = number_of_rows(rows)
    if n < behaviour.minimum_rows:
        return _no_data(behaviour, f"{n} rows; needs {behaviour.minimum_rows}")
    if behaviour.kind == "invariance":
        scores = np.stack([score({**rows, column: _filled(rows[column], v, behaviour)}) for v in behaviour.values])
        moved = float(np.max(scores.max(axis=0) - scores.min(axis=0)))
    else:
        if rows[column].dtype.kind != "f":
            raise FairleadError(f"behaviour {behaviour.name!r} multiplies column {column!r}, which is not a number")
        change = score({**rows, column: rows[column] * float(behaviour.multiply or 1.0)}) - score(rows)
        moved = float(np.mean(change)) * (1 if behaviour.kind == "decreasing" else -1)
    return _result(behaviour, moved, moved <= behaviour.tolerance)


def _riskier(score: Score, rows: Columns, behaviour: Behaviour) -> GateResult:
    chosen = select(rows, str(behaviour.where), f"behaviour {behaviour.name!r}")
    inside, outside = int(chosen.sum()), int((~chosen).sum())
    if min(inside, outside) < behaviour.minimum_rows:
        reason = f"{inside} rows satisfy the condition and {outside} do not; needs {behaviour.minimum_rows} of each"
        return _no_data(behaviour, reason)
    scores = score(rows)
    gap = float(np.mean(scores[chosen]) - np.mean(scores[~chosen]))
    return _result(behaviour, gap, gap > behaviour.tolerance)


def select(rows: Columns, where: str, asked_by: str) -> npt.NDArray[np.bool_]:
    """Say for each row whether it satisfies an SQL condition; unknown counts as not.

    Args:
        rows: n rows by column.
        where: condition over their names, for example ``bank_bad > 0.1 * bank_count``.
        asked_by: what the condition belongs to, for the error's text.

    Raises:
        FairleadError: the condition is not SQL, not a condition, or names a column that is not there.

    >>> select({"x": np.array([1.0, 3.0, np.nan])}, "x > 2", "example")
    array([False,  True, False])
    """
    frame = pl.DataFrame([_series(name, values) for name, values in rows.items()])
    try:
        answer = frame.select(pl.sql_expr(where).alias("answer"))["answer"]
    except PolarsError as error:
        raise FairleadError(f"{asked_by}: cannot evaluate {where!r} ({error}); columns: {', '.join(rows)}") from error
    if answer.dtype != pl.Boolean or len(answer) != frame.height:
        raise FairleadError(f"{asked_by}: {where!r} gives {answer.dtype}, not true or false for each row")
    return answer.fill_null(False).to_numpy()


def _series(name: str, values: npt.NDArray[Any]) -> pl.Series:
    if values.dtype == object:
        return pl.Series(name, values.tolist(), dtype=pl.String)
    return pl.Series(name, values, nan_to_null=values.dtype.kind == "f")


def _filled(current: npt.NDArray[Any], value: str | float, behaviour: Behaviour) -> npt.NDArray[Any]:
    """Make a column that holds one value in every row, in the kind of the one it replaces."""
    try:
        if current.dtype == object:
            return np.full(len(current), _text(value), dtype=object)
        return np.full(len(current), value).astype(current.dtype)
    except ValueError as error:
        raise FairleadError(
            f"behaviour {behaviour.name!r} puts {value!r} into column {behaviour.column!r}, which holds {current.dtype}"
        ) from error


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.15g}"


def _words(behaviour: Behaviour) -> str:
    limit = f"{behaviour.tolerance:g}"
    if behaviour.kind == "riskier":
        return f"mean score where {behaviour.where} minus the rest > {limit}"
    if behaviour.kind == "invariance":
        values = ", ".join(_text(v) for v in behaviour.values)
        return f"largest move of a score over {behaviour.column} in ({values}) <= {limit}"
    wrong_way = "up" if behaviour.kind == "decreasing" else "down"
    return f"mean score moves {wrong_way} when {behaviour.column} x {behaviour.multiply:g} by <= {limit}"


def _result(behaviour: Behaviour, value: float, good: bool) -> GateResult:
    finite = bool(np.isfinite(value))
    return GateResult(
        gate=behaviour.name,
        check=_words(behaviour),
        threshold=behaviour.tolerance,
        value=value + 0.0 if finite else None,  # -0.0 becomes 0.0
        verdict="pass" if good and finite else "fail",
        reason="" if finite else "a score is not a number",
        blocking=behaviour.blocking,
    )


def _no_data(behaviour: Behaviour, reason: str) -> GateResult:
    return GateResult(
        gate=behaviour.name,
        check=_words(behaviour),
        threshold=behaviour.tolerance,
        value=None,
        verdict="no_data",
        reason=reason,
        blocking=behaviour.blocking,
    )
