"""The tests of each column by itself: its distribution, by its kind, and its missing values."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import polars as pl

from components.core import watching
from components.core.contracts import Kind
from components.monitoring.drift import category, missing, numeric
from components.monitoring.drift.effect import Effect, nothing
from components.monitoring.drift.line import Line, LineKind
from components.monitoring.drift.schema import type_of

PREDICTION = "probability"
"""The column with the model's answers, in the watched rows."""

Compared = TypeVar("Compared")


def measure_column(
    subject: str, kind: Kind, reference: pl.Series, current: pl.Series, settings: watching.Drift
) -> list[Line]:
    """Run every test of one column that the use case asks for, on both sides' rows that have a value.

    The first test of its kind (``ks``, ``chi_square``) is always run, for its p-value: see ``judge``. Fewer values than
    ``settings.minimum_rows`` on either side give no data.

    Args:
        subject: name of the column.
        kind: what it holds; dates are compared as numbers of days.
        reference: as it was.
        current: as it is.
        settings: which tests, and the minimum.
    """
    rows = len(reference), len(current)
    gone = missing.count_missing(reference), missing.count_missing(current)
    lines = _distribution(subject, kind, reference, current, settings, (rows[0] - gone[0], rows[1] - gone[1]))
    if any(gone):
        lacking = too_few(rows, settings.minimum_rows, "rows")
        effect = nothing(lacking) if lacking else missing.missing_share((gone[0], rows[0]), (gone[1], rows[1]))
        lines.append(Line(subject, "missing", "missing_share", effect, rows))
    return lines


def too_few(rows: tuple[int, int], minimum: int, what: str = "values") -> str:
    """Say which side has too few to be compared; empty when neither has.

    >>> too_few((1000, 5), 200)
    'the newest window has 5 values, needed 200'
    """
    for count, side in zip(rows, ("the reference", "the newest window"), strict=True):
        if count < minimum:
            return f"{side} has {count:,} {what}, needed {minimum:,}"
    return ""


def _distribution(
    subject: str,
    kind: Kind,
    reference: pl.Series,
    current: pl.Series,
    settings: watching.Drift,
    rows: tuple[int, int],
) -> list[Line]:
    said: LineKind
    if kind == "category":
        said, wanted = "category", tuple(str(t) for t in settings.category)
    else:
        said, wanted = "numeric", tuple(str(t) for t in settings.numeric)
    said = "prediction" if subject == PREDICTION else said
    lacking = too_few(rows, settings.minimum_rows)
    if not lacking and kind != "category":
        lacking = _not_numbers(reference, current)
    if lacking:
        return [Line(subject, said, test, nothing(lacking), rows) for test in wanted]
    if kind == "category":
        return _run(category.tests, category.table(reference, current), wanted, subject, said, rows)
    return _run(numeric.tests, numeric.samples(reference, current), wanted, subject, said, rows)


def _run(
    tests: Mapping[str, Callable[[Compared], Effect]],
    compared: Compared,
    wanted: tuple[str, ...],
    subject: str,
    kind: LineKind,
    rows: tuple[int, int],
) -> list[Line]:
    first = next(iter(tests))
    found = [Line(subject, kind, test, tests[test](compared), rows) for test in wanted]
    if first not in wanted:
        found.append(Line(subject, kind, first, tests[first](compared), rows, shown=False))
    return found


def _not_numbers(reference: pl.Series, current: pl.Series) -> str:
    for values, side in ((reference, "the reference"), (current, "the newest window")):
        if type_of(values) not in ("number", "date"):
            return f"{side} holds {type_of(values)}, which no numeric test can compare"
    return ""
