"""Which group each row belongs to, by a protected attribute or by two of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.errors import FairleadError, unknown
from components.core.judging import Attribute, Fairness

MISSING = "missing"
"""Group of the rows in which the attribute stands empty."""

UNLISTED = "unlisted"
"""Group of the rows whose value is in none of the groups that are named: they are counted, and nothing is guessed."""

TOGETHER = " & "


@dataclass(frozen=True)
class Grouping:
    """n rows told apart into k groups.

    Args:
        name: the attribute's column, ``sex``; of two together ``sex & marriage``.
        names: of the groups, ``sex=female``; also of those that are named in the use case and have no row.
        codes: shape (n,), each row's place in ``names``.
        privileged: which of ``names`` the others are held against; None takes the one with most good decisions.
    """

    name: str
    names: tuple[str, ...]
    codes: npt.NDArray[np.intp]
    privileged: str | None = None

    def __len__(self) -> int:
        return len(self.names)

    def rows(self) -> npt.NDArray[np.intp]:
        """Count the rows of each group, shape (k,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    def take(self, mask: npt.NDArray[np.bool_]) -> "Grouping":
        """Keep the rows where ``mask``, shape (n,), is true; groups stay although they may be empty."""
        return Grouping(self.name, self.names, self.codes[mask], self.privileged)


def groupings(frame: pl.DataFrame, fairness: Fairness) -> tuple[Grouping, ...]:
    """Tell rows apart by each attribute, then by each pair of ``intersections``.

    Raises:
        FairleadError: a column is missing, cuts are given for what is no number, or the privileged group is unknown.
    """
    single = {a.column: grouping(frame, a) for a in fairness.attributes}
    pairs = [together(single[first], single[second]) for first, second in fairness.intersections]
    return (*single.values(), *pairs)


def grouping(frame: pl.DataFrame, attribute: Attribute) -> Grouping:
    """Tell rows apart by one attribute.

    >>> sex = Attribute(column="sex", groups={"male": ("1",), "female": ("2",)}, privileged="male")
    >>> found = grouping(pl.DataFrame({"sex": ["2", None, "2"]}), sex)
    >>> found.names, found.codes.tolist(), found.privileged
    (('sex=male', 'sex=female', 'sex=missing'), [1, 2, 1], 'sex=male')

    Raises:
        FairleadError: see ``group_of``; or the privileged group is none of the groups.
    """
    found = group_of(frame, attribute)
    names = _names(found, attribute)
    if attribute.privileged and attribute.privileged not in names:
        raise unknown(f"privileged group of attribute {attribute.column!r}", attribute.privileged, names)
    codes = found.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy().astype(np.intp)
    privileged = f"{attribute.column}={attribute.privileged}" if attribute.privileged else None
    return Grouping(attribute.column, tuple(f"{attribute.column}={n}" for n in names), codes, privileged)


def together(first: Grouping, second: Grouping) -> Grouping:
    """Tell rows apart by two attributes at once; only groups that have a row are named.

    The privileged of both are the privileged ones together, where both attributes have one.
    """
    both = first.codes * len(second) + second.codes
    codes = np.unique(both)
    names = tuple(f"{first.names[c // len(second)]}{TOGETHER}{second.names[c % len(second)]}" for c in codes)
    privileged = None
    if first.privileged and second.privileged:
        privileged = f"{first.privileged}{TOGETHER}{second.privileged}"
    return Grouping(
        name=f"{first.name}{TOGETHER}{second.name}",
        names=names,
        codes=np.searchsorted(codes, both),
        privileged=privileged if privileged in names else None,
    )


def group_of(frame: pl.DataFrame, attribute: Attribute) -> pl.Series:
    """Name each row's group: shape (n,), text, never null.

    Categories go by ``groups``, numbers by ``cuts``, else each value is a group. Empty cells are ``missing``; a value
    that stands in no group is ``unlisted``.

    >>> age = Attribute(column="age", cuts=(30, 40))
    >>> group_of(pl.DataFrame({"age": [29, 30, 39, 40, None]}), age).to_list()
    ['under 30', '30 to 39', '30 to 39', '40 and over', 'missing']

    Raises:
        FairleadError: the frame lacks the column, or cuts are given for what is no number.
    """
    if attribute.column not in frame.columns:
        raise unknown(
            "column of a protected attribute",
            attribute.column,
            frame.columns,
            "Add it to features.inputs or training.segments, so that the data set carries it.",
        )
    column = frame[attribute.column]
    if attribute.cuts:
        return _banded(column, attribute)
    text = _text(column)
    if attribute.groups:
        named = {value: name for name, values in attribute.groups.items() for value in values}
        # A null has no default: it stays null.
        text = text.replace_strict({**named, None: None}, default=UNLISTED, return_dtype=pl.String)
    return text.fill_null(MISSING).alias(attribute.column)


def bands(cuts: Sequence[float]) -> tuple[str, ...]:
    """Name the bands between cuts, from the lowest to the highest.

    >>> bands((30, 40, 50))
    ('under 30', '30 to 39', '40 to 49', '50 and over')
    >>> bands((0.5, 0.8))
    ('under 0.5', '0.5 to under 0.8', '0.8 and over')
    """
    whole = all(float(c).is_integer() for c in cuts)
    middle = [_band(a, b, whole) for a, b in pairwise(cuts)]
    return (f"under {cuts[0]:g}", *middle, f"{cuts[-1]:g} and over")


def _band(low: float, high: float, whole: bool) -> str:
    if not whole:
        return f"{low:g} to under {high:g}"
    return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"


def _banded(column: pl.Series, attribute: Attribute) -> pl.Series:
    if not column.dtype.is_numeric():
        raise FairleadError(
            f"attribute {attribute.column!r} has cuts, which are for numbers, and its column is {column.dtype}; "
            "name its groups instead"
        )
    values = column.cast(pl.Float64).fill_nan(None)
    place = pl.Series(np.searchsorted(np.array(attribute.cuts), values.fill_null(0.0).to_numpy(), side="right"))
    names = dict(enumerate(bands(attribute.cuts)))
    named = place.replace_strict(names, return_dtype=pl.String)
    return named.set(values.is_null(), MISSING).alias(attribute.column)


def _text(column: pl.Series) -> pl.Series:
    """Write values as text: a whole number without a point, since a log holds as 1.0 what a table holds as 1."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
        if bool((column.drop_nulls() % 1 == 0).all()):
            column = column.cast(pl.Int64)
    return column.cast(pl.String)


def _names(found: pl.Series, attribute: Attribute) -> list[str]:
    """List the groups that are named, in their order, then those that turned up besides."""
    named = list(bands(attribute.cuts)) if attribute.cuts else list(attribute.groups)
    return [*named, *sorted(set(found.unique()) - set(named))]
