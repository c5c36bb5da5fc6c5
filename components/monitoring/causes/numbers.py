"""Faults of a column of numbers: another unit, the other sign, one value throughout, missing values filled in."""

import numpy as np

from components.core.contracts import FloatArray
from components.monitoring.causes.patterns import ALIKE, LEAST_ROWS, Pattern, chance, explains, known, ks

UNITS: tuple[tuple[float, str], ...] = (
    (10, "ten"),
    (100, "a hundred, as of per cent"),
    (1_000, "a thousand"),
    (10_000, "ten thousand"),
    (100_000, "a hundred thousand"),
    (1_000_000, "a million"),
    (1e9, "a thousand million"),
    (7, "seven, as of weeks and days"),
    (12, "twelve, as of months and years"),
    (24, "24, as of hours and days"),
    (30.4, "30, as of days and months"),
    (52, "52, as of weeks and years"),
    (60, "60, as of minutes and hours"),
    (365.25, "365, as of days and years"),
    (1_440, "1,440, as of minutes and days"),
    (3_600, "3,600, as of seconds and hours"),
    (86_400, "86,400, as of seconds and days"),
    (4, "four, as of quarters and years"),
)
"""Factors between units that are in use. The world makes smaller ones by itself."""

PLAIN = 9.0
"""A factor below, the world can bring about: only in one day is it a fault."""

AFFINE: tuple[tuple[float, float, str], ...] = (
    (1.8, 32.0, "degrees Fahrenheit in place of Celsius"),
    (1 / 1.8, -32 / 1.8, "degrees Celsius in place of Fahrenheit"),
    (1.0, 273.15, "kelvins in place of degrees Celsius"),
    (1.0, -273.15, "degrees Celsius in place of kelvins"),
    (1.0, 1900.0, "years with their century"),
    (1.0, -1900.0, "years without their century"),
    (1.0, -2000.0, "years without their century"),
)
"""Scale and shift of other conversions."""

SENTINELS = (-1.0, 0.0, -9.0, -99.0, -999.0, -9999.0, 9.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0, 1e9, -(2.0**31))
"""Numbers that stand for "not known" in many tables."""

LEAST_GAIN = 0.02
"""Share of the rows from which a filled value is told."""

LEFT_EMPTY = 0.1
"""Share of the values that were missing which may still be where missing values are filled."""
LEAST_COUNT = 5
"""Rows from which a value that never was is told."""

QUANTILES = np.linspace(0.05, 0.95, 19)


def find(before: FloatArray, now: FloatArray, *, scale: bool = True) -> Pattern | None:
    """Find the fault that explains a column of numbers best.

    Args:
        before: the reference, shape (n,), NaN for missing.
        now: the current rows that changed, shape (m,).
        scale: whether it is a quantity, which has a unit and a sign; False for ages in days.

    >>> cents = find(np.arange(100.0), 100 * np.arange(100.0))
    >>> cents.name, cents.reason
    ('unit', 'the values are 100 times the reference at every quantile: the factor is a hundred, as of per cent')
    """
    if len(before) < LEAST_ROWS or len(now) < LEAST_ROWS:
        return None
    simple = empty(before, now) or constant(before, now) or filled(before, now) or sentinel(before, now)
    if simple is not None or not scale:
        return simple
    old, new = known(before), known(now)
    if len(old) < LEAST_ROWS or len(new) < LEAST_ROWS:
        return None
    return unit(old, new) or sign(old, new) or affine(old, new)


def empty(before: FloatArray, now: FloatArray) -> Pattern | None:
    """The column came without any value."""
    missing = np.isnan(before).mean()
    if not np.isnan(now).all() or missing > 0.9:
        return None
    return Pattern("empty", f"none of {len(now):,} rows has a value, where {1 - missing:.0%} had one")


def constant(before: FloatArray, now: FloatArray) -> Pattern | None:
    """Every row has the same value, where there were several."""
    old, new = known(before), known(now)
    if len(new) < LEAST_ROWS or len(old) < LEAST_ROWS:
        return None
    value, share = _top(new)
    had = float((old == value).mean())
    if share < 0.999 or had > 0.9:
        return None
    few = len(np.unique(old)) <= 3
    text = f"{share:.0%} of {len(new):,} values are {value:g}, where {had:.0%} were"
    return Pattern("constant", text, certain=not few and had < 0.5)


def filled(before: FloatArray, now: FloatArray) -> Pattern | None:
    """Missing values became one value, all of them, and the others are as they were.

    Where a column fills up in the world, its missing values become many, and few of them go at once.
    """
    new = known(now)
    if len(new) < LEAST_ROWS or not filled_up(before, now):
        return None
    fell = float(np.isnan(before).mean() - np.isnan(now).mean())
    values, counts = np.unique(new, return_counts=True)
    top = values[np.argsort(-counts)[:5]]
    gain, value = max((float((now == v).mean() - (before == v).mean()), float(v)) for v in top)
    others = known(before[before != value]), new[new != value]
    if not as_much(gain, fell, len(before), len(now)) or min(map(len, others)) < LEAST_ROWS:
        return None
    if ks(*others) > ALIKE + chance(*map(len, others)):
        return None
    had = float((before == value).mean())
    return Pattern("filled", filling(f"{value:g}", gain, fell), certain=had < gain)


def filled_up(before: FloatArray, now: FloatArray) -> bool:
    """Say whether next to no value is missing of those that were."""
    return bool(np.isnan(now).mean() <= LEFT_EMPTY * np.isnan(before).mean())


def as_much(gain: float, fell: float, n: int, m: int) -> bool:
    """Say whether missing values fell by more than chance, and a value's gain is as much, but for chance."""
    if fell < LEAST_GAIN:
        return False
    error = float(np.sqrt(fell * (1 - fell) * (1 / n + 1 / m)))
    return fell > 4 * error and abs(gain - fell) <= 0.1 * fell + 2 * error


def filling(value: str, gain: float, fell: float) -> str:
    """Say what became of missing values."""
    return f"missing values became {value}: its share of the rows rose by {gain:.1%}, and theirs fell by {fell:.1%}"


def sentinel(before: FloatArray, now: FloatArray) -> Pattern | None:
    """A number that stands for "not known" turned up outside of what the column ever held."""
    old, new = known(before), known(now)
    if not len(new) or len(old) < LEAST_ROWS:
        return None
    low, high = old.min(), old.max()
    for value in SENTINELS:
        share = float((new == value).mean())
        if share < LEAST_GAIN / 2 or (new == value).sum() < LEAST_COUNT or low <= value <= high:
            continue
        # Where all large values came newly, a round one among them says nothing.
        beyond = new[(new < low) | (new > high)]
        if (beyond == value).mean() <= 0.9:
            continue
        # A count of 0 where 1 was the least may be the next thing that there is.
        next_to = value >= 0 and min(abs(value - low), abs(value - high)) <= 1
        text = f"{share:.1%} of the values are {value:g}, outside of all that there was ({low:g} to {high:g})"
        return Pattern("sentinel", text, certain=not next_to)
    return None


def unit(old: FloatArray, new: FloatArray) -> Pattern | None:
    """The values are those of the reference times the factor between two units.

    The differences between the logarithms of the quantiles must agree on a factor that is in use; and the values must
    be like the reference once divided by it. Values of 0 have no logarithm and are left out of the first step alone.
    """
    factor = _factor(old, new)
    if factor is None:
        return None
    found, size, text = factor
    if not explains(old, new, new / found):
        return None
    much = f"{size:g} times" if found > 1 else f"1/{size:g} of"
    reason = f"the values are {much} the reference at every quantile: the factor is {text}"
    return Pattern("unit", reason, certain=size > PLAIN)


def sign(old: FloatArray, new: FloatArray) -> Pattern | None:
    """The values are those of the reference with the other sign."""
    if not explains(old, new, -new):
        return None
    return Pattern(
        "sign",
        f"{(new < 0).mean():.0%} of the values are below 0, where {(old < 0).mean():.0%} were, by the same sizes",
    )


def affine(old: FloatArray, new: FloatArray) -> Pattern | None:
    """The values are those of the reference on a scale with another zero."""
    for times, plus, text in AFFINE:
        if explains(old, new, (new - plus) / times):
            return Pattern("unit", f"the values are as those of the reference would be as {text}", certain=False)
    return None


def _factor(old: FloatArray, new: FloatArray) -> tuple[float, float, str] | None:
    """Return the factor in use that the quantiles agree on, its size above 1, and its name."""
    sides = [np.abs(side[side != 0]) for side in (old, new)]
    if min(map(len, sides)) < LEAST_ROWS:
        return None
    logs = [np.log(np.quantile(side, QUANTILES, method="lower")) for side in sides]
    middle = float(np.median(logs[1] - logs[0]))
    spread = float(np.subtract(*np.quantile(logs[1] - logs[0], [0.75, 0.25])))
    named = [(abs(abs(middle) - np.log(size)), size, text) for size, text in UNITS]
    off, size, text = min(named)
    # What the world moved in the meantime, and chance, may shift quantiles by little beside a factor.
    room = min(0.15, 0.1 * float(np.log(size))) + 0.5 * chance(len(old), len(new))
    if off > room or spread > 0.5 * np.log(size):
        return None
    return (size if middle > 0 else 1 / size), size, text


def _top(values: FloatArray) -> tuple[float, float]:
    distinct, counts = np.unique(values, return_counts=True)
    best = int(counts.argmax())
    return float(distinct[best]), float(counts[best] / len(values))
