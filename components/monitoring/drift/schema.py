"""Whether the columns are still those of the reference: there, of the same type, within their closed domains."""

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from components.monitoring.drift.effect import Effect


def type_of(values: pl.Series) -> str:
    """Name the sort of values a column holds, as far as it matters to whoever compares them.

    Whole numbers and fractions are one sort, since missing values turn one into the other.

    >>> type_of(pl.Series([1, 2])), type_of(pl.Series(["a"]))
    ('number', 'text')
    """
    kind = values.dtype
    if kind.is_numeric() or kind == pl.Boolean:
        return "number"
    if kind.is_temporal():
        return "date"
    if kind in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return "vector" if kind in (pl.List, pl.Array) else str(kind)


def schema_changes(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    subjects: Iterable[str],
    domains: Mapping[str, Collection[str]] | None = None,
) -> list[tuple[str, str, Effect]]:
    """List what has changed in the columns asked for; empty when nothing has.

    Facts, not estimates: without a p-value, and told however few rows there are.

    Args:
        reference: rows as they were.
        current: rows as they are.
        subjects: columns that are watched.
        domains: column → its closed domain.

    Returns:
        (column, test, effect): ``column_gone`` and ``column_new`` (size 1), ``dtype_changed`` (1), ``outside_domain``
        (share of the current rows that have a value and one that is not allowed).

    >>> schema_changes(pl.DataFrame({"x": [1]}), pl.DataFrame({"x": ["1"]}), ["x"])[0][:2]
    ('x', 'dtype_changed')
    """
    found = []
    for name in dict.fromkeys(subjects):
        before, now = name in reference.columns, name in current.columns
        if before and not now:
            found.append(
                (name, "column_gone", Effect(1.0, None, "the reference has the column, the newest rows lack it"))
            )
        elif now and not before:
            found.append((name, "column_new", Effect(1.0, None, "the reference lacks the column")))
        elif before and _both_known(reference[name], current[name]):
            old, new = type_of(reference[name]), type_of(current[name])
            if old != new:
                found.append((name, "dtype_changed", Effect(1.0, None, f"it held {old}s and holds {new}s")))
    for name, allowed in (domains or {}).items():
        if name in current.columns:
            effect = _outside(current[name], allowed)
            if effect.size:
                found.append((name, "outside_domain", effect))
    return found


def _both_known(before: pl.Series, now: pl.Series) -> bool:
    """Whether both sides hold a value: a column of nulls alone has whatever type its reader gave it."""
    return before.null_count() < len(before) and now.null_count() < len(now)


def _outside(values: pl.Series, allowed: Collection[str]) -> Effect:
    known = values.drop_nulls().cast(pl.String)
    odd = known.filter(~known.is_in(sorted(allowed)))
    if odd.is_empty():
        return Effect(0.0)
    most = odd.value_counts(sort=True)[0, 0]
    return Effect(len(odd) / len(known), None, f"{len(odd):,} values outside the domain, most often {most!r}")
