"""From which day a change is seen, and whether it came in a step or over time.

A step in one day speaks for something that somebody switched, such as an upstream system; a slope for the world.

Sources: change points by binary segmentation (A. Scott and M. Knott, Biometrics 30, 1974; L. Vostrikova, 1981) with the
CUSUM statistic (E. Page, Biometrika 41, 1954), its p-value by permuting whole days or weeks (J. Antoch and M. Hušková,
"Permutation tests in change point analysis", 2001). The shape is told by the likelihoods of ramps of different length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray

Days = npt.NDArray[np.datetime64]

PERIODS = (1, 7, 28)
"""Days that are taken together: the fewest with which there are not too many periods, and enough rows in each."""
MOST_PERIODS = 180
LEAST_ROWS = 5
LEAST_PERIODS = 8
"""Fewer say nothing of time."""
PERMUTATIONS = 499
LEVEL = 0.01
"""A change is told where the p-value is no larger."""
EVIDENCE = 6.0
"""Twice the difference of log-likelihoods from which one shape is preferred to the other."""


@dataclass(frozen=True)
class Onset:
    """A change of a mean in time.

    Args:
        day: the first day of the change.
        until: the day by which it was complete; the same day for a step.
        shape: ``unclear`` where a step and a slope fit about as well, such as in a gap without rows.
        before: the mean until then.
        after: the mean from then on.
        p_value: that days in a random order would show as large a change somewhere.
    """

    day: date
    until: date
    shape: Literal["step", "slope", "unclear"]
    before: float
    after: float
    p_value: float


@dataclass(frozen=True)
class _Series:
    """Means by period: first day, number of rows and mean, shape (k,) each."""

    starts: Days
    rows: FloatArray
    means: FloatArray
    length: int


def changes(days: Days, values: FloatArray, seed: int = 7, most: int = 4) -> tuple[Onset, ...]:
    """Find the days from which the mean of a column changed, in order of time.

    Args:
        days: of the rows' events, shape (n,), datetime64[D], in any order.
        values: shape (n,); rows with NaN are left out.
        seed: of the permutations.
        most: changes to look for.

    >>> days = np.datetime64("2004-01-01") + np.arange(600) // 10
    >>> found = changes(days, (days >= np.datetime64("2004-02-10")).astype(float))
    >>> [(str(c.day), c.shape, c.before, c.after) for c in found]
    [('2004-02-10', 'step', 0.0, 1.0)]
    """
    known = ~np.isnan(values)
    days, values = days[known], values[known]
    return tuple(sorted(_split(days, values, np.random.default_rng(seed), most), key=lambda c: c.day))


def contributions(found: Sequence[Onset], before: tuple[Days, FloatArray], now: tuple[Days, FloatArray]) -> list[float]:
    """Share out the movement of the mean from the reference to the newest window among changes in time.

    With the mean level between two changes taken as constant, a change counts by its jump times how many more of the
    current rows than of the reference's lie after it: one that the reference has behind it as well explains nothing.

    Args:
        found: in order of time.
        before: days and values of the reference's rows.
        now: those of the current rows.

    Returns:
        What each change adds to the movement, in the unit of the values.
    """
    edges = np.array([c.day for c in found], dtype="datetime64[D]")
    days, values = (np.concatenate([a, b]) for a, b in zip(before, now, strict=True))
    known = ~np.isnan(values)
    part = np.searchsorted(edges, days[known], side="right")
    rows = np.bincount(part, minlength=len(edges) + 1)
    levels = np.bincount(part, weights=values[known], minlength=len(edges) + 1) / np.maximum(rows, 1)
    after = [[float((side[0][~np.isnan(side[1])] >= e).mean()) for e in edges] for side in (before, now)]
    return [float(jump) * (b - a) for jump, a, b in zip(np.diff(levels), after[0], after[1], strict=True)]


def onset(days: Days, values: FloatArray, seed: int = 7) -> Onset | None:
    """Find the one change that is seen best; None where there is none, or too little data to tell."""
    known = ~np.isnan(values)
    return _strongest(days[known], values[known], np.random.default_rng(seed))


def _split(days: Days, values: FloatArray, rng: np.random.Generator, most: int) -> list[Onset]:
    if most < 1:
        return []
    found = _strongest(days, values, rng)
    if found is None:
        return []
    if found.shape == "slope":  # cutting it again would only find more of the same slope
        return [found]
    earlier = days < np.datetime64(found.day)
    rest: list[Onset] = []
    for side in (earlier, ~earlier):
        rest += _split(days[side], values[side], rng, most - 1 - len(rest))
    return [found, *rest]


def _strongest(days: Days, values: FloatArray, rng: np.random.Generator) -> Onset | None:
    if not len(days):
        return None
    series = _by_period(days, values)
    k = len(series.rows)
    if k < LEAST_PERIODS or not np.ptp(series.means):
        return None
    seen, place = _cusum(series.rows[None, :], series.means[None, :])
    orders = rng.permuted(np.tile(np.arange(k), (PERMUTATIONS, 1)), axis=1)
    shuffled, _ = _cusum(series.rows[orders], series.means[orders])
    p_value = (1 + np.sum(shuffled >= seen[0] * (1 - 1e-12))) / (1 + PERMUTATIONS)
    if p_value > LEVEL:
        return None
    shape, first, last = _shape(series)
    if shape != "slope":
        first = last = _day_within(days, values, series, int(place[0]))
    earlier = days < first
    return Onset(
        day=first.astype(object),
        until=last.astype(object),
        shape=shape,
        before=float(values[earlier].mean()) if earlier.any() else float(values.mean()),
        after=float(values[~earlier].mean()),
        p_value=float(p_value),
    )


def _by_period(days: Days, values: FloatArray) -> _Series:
    first = days.min()
    passed = (days - first).astype(np.int64)
    for length in PERIODS:
        place = passed // length
        rows = np.bincount(place).astype(np.float64)
        some = rows > 0
        if some.sum() <= MOST_PERIODS and len(days) >= LEAST_ROWS * some.sum():
            break
    sums = np.bincount(place, weights=values)
    starts = first + np.flatnonzero(some) * length
    return _Series(starts, rows[some], sums[some] / rows[some], length)


def _cusum(rows: FloatArray, means: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Return the largest standardised difference between earlier and later means, and its place, by series.

    Args:
        rows: by period, shape (s, k).
        means: by period, shape (s, k).
    """
    whole = rows.sum(axis=1, keepdims=True)
    middle = (rows * means).sum(axis=1, keepdims=True) / whole
    drift = np.cumsum(rows * (means - middle), axis=1)[:, :-1]
    earlier = np.cumsum(rows, axis=1)[:, :-1]
    size = np.abs(drift) / np.sqrt(earlier * (whole - earlier) / whole)
    return size.max(axis=1), size.argmax(axis=1)


def _day_within(days: Days, values: FloatArray, series: _Series, place: int) -> np.datetime64:
    """Find the very day of a step that is known to the period."""
    first: np.datetime64 = series.starts[place + 1]
    if series.length == 1:
        return first
    reach = np.timedelta64(series.length, "D")
    near = (days >= series.starts[place]) & (days < first + reach)
    distinct, where = np.unique(days[near], return_inverse=True)
    rows = np.bincount(where).astype(np.float64)
    means = np.bincount(where, weights=values[near]) / rows
    if len(distinct) < 2 or not np.ptp(means):
        return first
    _, best = _cusum(rows[None, :], means[None, :])
    found: np.datetime64 = distinct[best[0] + 1]
    return found


def _shape(series: _Series) -> tuple[Literal["step", "slope", "unclear"], np.datetime64, np.datetime64]:
    """Compare ramps that rise within a period with longer ones, by their likelihoods."""
    at = (series.starts - series.starts[0]).astype(np.float64)
    unit = float(series.length)
    span = at[-1] + unit
    widths = [w * unit for w in (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0) if w * unit < span] + [span]
    grid = [(a, w) for w in widths for a in (at if w < span else at[:1])]
    # A step at a is complete at a; half a period of slack keeps the comparison exact on the grid of periods.
    ramps = np.stack([np.clip((at - a + unit / 2) / max(w, unit / 2), 0, 1) for a, w in grid])
    left = _misfit(ramps, series)
    quick = np.array([w <= unit for _, w in grid])
    slow = np.array([w >= 4 * unit for _, w in grid])
    if not slow.any():
        return "unclear", series.starts[0], series.starts[0]
    floor = 1e-9 * (series.rows * (series.means - series.means.mean()) ** 2).sum()
    best_quick, best_slow = left[quick].min() + floor, left[slow].min() + floor
    better = len(at) * np.log(best_slow / best_quick)
    begin, width = grid[int(np.where(slow, left, np.inf).argmin())]
    days = [series.starts[0] + np.timedelta64(int(d), "D") for d in (begin, min(begin + width, at[-1]))]
    if better > EVIDENCE:
        return "step", days[0], days[1]
    return ("slope" if better < -EVIDENCE else "unclear"), days[0], days[1]


def _misfit(ramps: FloatArray, series: _Series) -> FloatArray:
    """Return the weighted squares that the best level and height of each ramp, shape (r, k), leave, shape (r,)."""
    weights = series.rows / series.rows.sum()
    y = series.means - weights @ series.means
    x = ramps - (ramps @ weights)[:, None]
    across, own = x @ (weights * y), (x**2) @ weights
    fitted = np.where(own > 0, across**2 / np.where(own > 0, own, 1.0), 0.0)
    left: FloatArray = np.maximum(weights @ y**2 - fitted, 0) * series.rows.sum()
    return left
