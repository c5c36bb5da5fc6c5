"""Faults of a category: other spellings, other codes, one value throughout, missing values filled by a word."""

import re
from collections.abc import Mapping

import polars as pl

from components.monitoring.causes.numbers import LEAST_COUNT, LEAST_GAIN, LEFT_EMPTY, as_much, filling
from components.monitoring.causes.patterns import LEAST_ROWS, Pattern, chance

_MARKS = ("", "?", "-", "--", ".", "0", "-1", "9", "99", "999", "na", "n/a", "#n/a", "nan", "nil", "none", "null")
_WORDS = ("tbd", "xx", "unknown", "undefined", "unspecified", "missing", "not stated", "not available")
NOTHING = frozenset({*_MARKS, *_WORDS})
"""Words that stand for "not known" in many tables, in small letters."""

MOSTLY = 0.8
"""Share of the new values that one rule has to explain."""
FEW = 5
"""Of more values, all but one do not end together."""
MOST_SHOWN = 3
MOST_EXCHANGED = 8
"""Among more values, some have the shares of others by chance."""

Shares = Mapping[str, float]


def find(before: pl.Series, now: pl.Series) -> Pattern | None:
    """Find the fault that explains a column of categories best.

    Args:
        before: the reference, text, null for missing.
        now: the current rows that changed.

    >>> find(pl.Series(["Y", "N"] * 50), pl.Series(["y", "n"] * 50)).name
    'respelled'
    """
    if len(before) < LEAST_ROWS or len(now) < LEAST_ROWS:
        return None
    old, new = shares(before), shares(now)
    found = empty(old, new, len(now)) or constant(old, new, len(now))
    if found is not None or not old or not new:
        return found
    sizes = len(before), len(now)
    return (
        filled(old, new, *sizes) or respelled(old, new, len(now)) or renamed(old, new, *sizes)
        or nothing(old, new, len(now)) or swapped(old, new, *sizes)
    )  # fmt: skip


def shares(values: pl.Series) -> dict[str, float]:
    """Share of all rows that each value has; what is missing up to 1 is missing."""
    return {str(v): n / len(values) for v, n in values.drop_nulls().value_counts().iter_rows()}


def empty(old: Shares, new: Shares, rows: int) -> Pattern | None:
    """The column came without any value."""
    had = sum(old.values())
    if new or had < 0.1:
        return None
    return Pattern("empty", f"none of {rows:,} rows has a value, where {had:.0%} had one")


def constant(old: Shares, new: Shares, rows: int) -> Pattern | None:
    """Every row has the same value, where there were several."""
    if len(new) != 1 or len(old) < 2:
        return None
    (value,) = new
    had = old.get(value, 0.0) / sum(old.values())
    if had > 0.9 or new[value] * rows < LEAST_ROWS:
        return None
    text = f"all of {new[value] * rows:,.0f} values are {value!r}, where {had:.0%} were"
    return Pattern("constant", text, certain=len(old) > FEW or (len(old) > 2 and had < 0.6))


def filled(old: Shares, new: Shares, n: int, m: int) -> Pattern | None:
    """Missing values became one value, all of them, and the others are as they were."""
    missing, left = 1 - sum(old.values()), 1 - sum(new.values())
    if left > LEFT_EMPTY * missing:
        return None
    value = max(new, key=lambda v: new[v] - old.get(v, 0.0))
    had, gain = old.get(value, 0.0), new[value] - old.get(value, 0.0)
    apart = sum(abs(old.get(v, 0.0) - new.get(v, 0.0)) for v in {*old, *new} - {value}) / 2
    if not as_much(gain, missing - left, n, m) or apart > 0.5 * gain:
        return None
    certain = had < LEAST_GAIN or _means_nothing(value)
    return Pattern("filled", filling(repr(value), gain, missing - left), certain=certain)


def nothing(old: Shares, new: Shares, rows: int) -> Pattern | None:
    """A word that stands for "not known" took the place of values."""
    for value, share in new.items():
        if share >= max(LEAST_GAIN, LEAST_COUNT / rows) and value not in old and _means_nothing(value):
            return Pattern("sentinel", f"{share:.1%} of the rows say {value!r}, which none said before")
    return None


def respelled(old: Shares, new: Shares, rows: int) -> Pattern | None:
    """The new values are old ones by another spelling: case, blanks, marks, zeros, cut off, or with something added."""
    fresh = {v: s for v, s in new.items() if v not in old}
    whole = sum(fresh.values())
    if whole < max(LEAST_GAIN, LEAST_COUNT / rows):
        return None
    plain = {_plain(v) for v in old}
    if sum(s for v, s in fresh.items() if _plain(v) in plain) >= MOSTLY * whole:
        return Pattern("respelled", f"the same names are spelled another way: {_examples(fresh, old)}")
    longest = max(map(len, fresh))
    cut = {v[:longest] for v in old if len(v) > longest}
    if longest > 1 and sum(s for v, s in fresh.items() if v in cut) >= MOSTLY * whole:
        return Pattern("respelled", f"the names are cut off after {longest} characters")
    first = max(fresh, key=lambda v: fresh[v])
    for value in sorted(old, key=len, reverse=True):
        if not value or value not in first:
            continue
        head, _, tail = first.partition(value)
        added = sum(
            s for v, s in fresh.items() if v.startswith(head) and v.endswith(tail) and _inner(v, head, tail) in old
        )
        if added >= MOSTLY * whole:
            return Pattern("respelled", f"the names have {head!r} before them and {tail!r} after them")
    return None


def renamed(old: Shares, new: Shares, n: int, m: int) -> Pattern | None:
    """Old values went and as many new ones came, with the same shares of the rows.

    Where a single name of several went, another may have taken its place in the world.
    """
    went = {v: s for v, s in old.items() if new.get(v, 0.0) < 0.1 * s}
    came = {v: s for v, s in new.items() if old.get(v, 0.0) < 0.1 * s}
    whole = sum(went.values())
    gone, fresh = (sorted((s for s in side.values() if s > 0.01), reverse=True) for side in (went, came))
    if not gone or not fresh or whole < LEAST_GAIN:
        return None
    # Names that are about as frequent as others may fall to either side of what is looked at.
    most = max(len(gone), len(fresh))
    pairs = zip(gone + [0.0] * (most - len(gone)), fresh + [0.0] * (most - len(fresh)), strict=True)
    apart = sum(abs(a - b) for a, b in pairs) / 2
    if apart > 0.1 * sum(gone) + chance(n, m):
        return None
    text = f"{len(went):,} of the names went ({whole:.0%} of the rows) and {len(came):,} came, with the same shares"
    return Pattern("renamed", text, certain=whole >= MOSTLY * sum(old.values()) and len(went) > 1)


def swapped(old: Shares, new: Shares, n: int, m: int) -> Pattern | None:
    """The same values have each other's shares. A world in which rare and frequent changed places looks the same."""
    places = exchange(old, new)
    if not places:
        return None
    values = set(places) | set(places.values())
    apart = sum(abs(old.get(v, 0.0) - new.get(v, 0.0)) for v in values) / 2
    left = sum(abs(old.get(was, 0.0) - new.get(is_, 0.0)) for is_, was in places.items()) / 2
    if apart < 0.2 or left > 0.05 + chance(n, m) or left > 0.35 * apart:
        return None
    pairs = [f"{is_} has the share of {was}" for is_, was in places.items() if is_ != was]
    return Pattern("swapped", f"the values changed places: {', '.join(pairs[:MOST_SHOWN])}", certain=False)


def exchange(old: Shares, new: Shares) -> dict[str, str]:
    """Say which value has whose share, by rank; empty where ranks are as they were, or there are too many values."""
    values = [v for v in {**old, **new} if max(old.get(v, 0.0), new.get(v, 0.0)) > 0.01]
    then = sorted(values, key=lambda v: (-old.get(v, 0.0), v))
    now = sorted(values, key=lambda v: (-new.get(v, 0.0), v))
    if then == now or not 2 <= len(values) <= MOST_EXCHANGED:
        return {}
    return dict(zip(now, then, strict=True))


def _plain(value: str) -> str:
    """Write a value without what spelling adds to it."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return re.sub(r"[\W_]+", "", value.casefold())


def _inner(value: str, head: str, tail: str) -> str:
    return value[len(head) : len(value) - len(tail)]


def _means_nothing(value: str) -> bool:
    return value.strip().casefold() in NOTHING


def _examples(fresh: Shares, old: Shares) -> str:
    known = {_plain(v): v for v in old}
    shown = [v for v in sorted(fresh, key=lambda v: -fresh[v]) if _plain(v) in known][:MOST_SHOWN]
    return ", ".join(f"{v!r} for {known[_plain(v)]!r}" for v in shown)
