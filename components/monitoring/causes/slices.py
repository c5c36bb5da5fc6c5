"""Cohort error analysis: the slices of rows whose loss is worse than elsewhere, and those that grew most.

Slices are the bins of each column, and of each pair of columns. Of each of them the loss beyond what the model itself
expects is compared with that of all other rows; where a model is calibrated the mean of it is 0 however risky the rows.
All slices of a size that can be told are tested, and false discoveries are controlled over all of them, whatever the
slices have in common: Y. Benjamini and D. Yekutieli, "The control of the false discovery rate in multiple testing under
dependency", Annals of Statistics 29 (2001). The search itself is that of Y. Chung et al., "Slice Finder" (ICDE 2019),
made exhaustive for two columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from components.core.contracts import Estimate, FloatArray
from components.monitoring.causes.bins import Bins
from components.training.shares import wilson

Mask = npt.NDArray[np.bool_]

MINIMUM_ROWS = 50
"""Smaller slices are not looked at."""
LEAST_BEFORE = 20
"""Rows of the reference that a slice must have for what it was before to be told."""
MOST_ROWS = 20_000
"""Of more rows, so many are drawn."""
LEAST_GROWTH = 0.02
"""Share of the rows by which a slice has to have grown to be told."""
STILL_WORSE = 3.0
"""Standard errors by which a slice has to be worse without the rows of worse slices, to be told beside them."""
MOST_TRIED = 200
EDGE = 1e-6
"""Probabilities are held this far from 0 and 1."""


@dataclass(frozen=True)
class Slice:
    """A slice that is worse than elsewhere, or has grown.

    Args:
        condition: such as ``Bank=X and NewExist=2``.
        columns: that it is about.
        rows: in the newest window, of those looked at.
        value: worse: mean loss beyond the expected one; grown: share of the rows.
        elsewhere: worse: the same of all other rows; grown: share of the reference's rows.
        share: worse: of the loss beyond the expected one, without what was so in the reference; grown: of the rows.
        p_value: adjusted for all slices looked at.
        bad: share of bad rows; worse slices only.
        expected: mean probability; worse slices only.
        before: the same as ``value`` in the reference, where that is known.
    """

    condition: str
    columns: tuple[str, ...]
    rows: int
    value: Estimate
    elsewhere: float
    share: float
    p_value: float
    bad: Estimate | None = None
    expected: float | None = None
    before: Estimate | None = None


@dataclass(frozen=True)
class Labelled:
    """What is known of rows whose outcome is known.

    Args:
        places: which rows of the window they are, shape (n,).
        probability: shape (n,).
        label: 1 bad, 0 good, shape (n,).
        weight: how many rows each stands for, shape (n,).
    """

    places: npt.NDArray[np.intp]
    probability: FloatArray
    label: FloatArray
    weight: FloatArray

    def excess(self) -> FloatArray:
        """Log loss of each row beyond the mean that its probability lets one expect, shape (n,)."""
        p = np.clip(self.probability, EDGE, 1 - EDGE)
        found: FloatArray = (self.label - p) * np.log((1 - p) / p)
        return found

    def take(self, chosen: npt.NDArray[np.intp]) -> "Labelled":
        """Keep some of them."""
        return Labelled(self.places[chosen], self.probability[chosen], self.label[chosen], self.weight[chosen])


def worst(
    columns: Sequence[Bins],
    current: Labelled,
    reference: Labelled | None = None,
    *,
    rate: float = 0.05,
    most: int = 5,
    seed: int = 7,
) -> list[Slice]:
    """Find the slices that are worse than elsewhere, the clearest first.

    A slice inside of which another one explains everything is left out.

    Args:
        columns: cut in both windows.
        current: rows of the newest window.
        reference: rows of the reference, to tell what is new from what was always so.
        rate: of false discoveries among the slices found, at most.
        most: slices to return.
        seed: of the sample of more than ``MOST_ROWS`` rows.
    """
    if len(current.places) > MOST_ROWS:
        rng = np.random.default_rng(seed)
        current = current.take(np.sort(rng.choice(len(current.places), MOST_ROWS, replace=False)))
    if len(current.places) < 2 * MINIMUM_ROWS:
        return []
    grid = _Grid(columns)
    codes = [bins.current[current.places] for bins in columns]
    x, w = current.excess(), current.weight
    if (w == 1).all():
        counts, first, second = grid.sums(codes, (x, x * x))
        sums = [counts, counts, counts, first, second]
    else:
        sums = grid.sums(codes, (w, w * w, w * x, w * x * x))
    z, df = _worse(sums, w, x)
    kept = grid.told(sums[0], len(x) - MINIMUM_ROWS)
    if not kept[0].size:
        return []
    adjusted = stats.false_discovery_control(stats.t.sf(z[kept], df[kept]), method="by")
    order = [i for i in np.argsort(-z[kept]) if adjusted[i] <= rate][:MOST_TRIED]
    everywhere = 0.0
    if reference is not None and len(reference.places):
        everywhere = max(0.0, float(np.average(reference.excess(), weights=reference.weight)))
    found: list[Slice] = []
    taken = np.zeros(len(x), dtype=bool)
    for i in order:
        mask = grid.mask(codes, kept[0][i], kept[1][i])
        rest = mask & ~taken
        if rest.sum() < MINIMUM_ROWS or (found and _one(rest, w, x)[2] < STILL_WORSE):
            continue
        condition, names = grid.names(kept[0][i], kept[1][i])
        old = None
        if reference is not None:
            inside = grid.mask([bins.reference[reference.places] for bins in columns], kept[0][i], kept[1][i])
            old = _estimate(inside, reference.weight, reference.excess(), LEAST_BEFORE)
        found.append(_slice(condition, names, mask, current, float(adjusted[i]), old, everywhere))
        taken |= mask
        if len(found) == most:
            break
    return found


def grown(columns: Sequence[Bins], *, rate: float = 0.05, most: int = 5) -> list[Slice]:
    """Find the slices whose share of the rows grew most; no label is needed.

    Args:
        columns: cut in both windows.
        rate: of false discoveries among the slices found, at most.
        most: slices to return.
    """
    if not columns or min(len(columns[0].reference), len(columns[0].current)) < 2 * MINIMUM_ROWS:
        return []
    grid = _Grid(columns)
    sides = [[bins.reference for bins in columns], [bins.current for bins in columns]]
    n, m = (len(side[0]) for side in sides)
    before, now = (grid.sums(side)[0] for side in sides)
    pooled = (before + now) / (n + m)
    gain = now / m - before / n
    z = gain / np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / m))
    kept = grid.told(now)
    if not kept[0].size:
        return []
    adjusted = stats.false_discovery_control(stats.norm.sf(z[kept]), method="by")
    told = (adjusted <= rate) & (gain[kept] >= LEAST_GROWTH)
    order = [i for i in np.argsort(-z[kept]) if told[i]][:MOST_TRIED]
    found: list[Slice] = []
    taken = [np.zeros(n, dtype=bool), np.zeros(m, dtype=bool)]
    for i in order:
        place = kept[0][i], kept[1][i]
        masks = [grid.mask(side, *place) for side in sides]
        left = [float((mask & ~t).mean()) for mask, t in zip(masks, taken, strict=True)]
        if left[1] - left[0] < max(LEAST_GROWTH, 0.5 * float(gain[place])):
            continue
        condition, names = grid.names(*place)
        count, share = int(now[place]), float(now[place]) / m
        low, high = wilson(count, m)
        value = Estimate(value=share, low=low, high=high, n=m)
        found.append(
            Slice(condition, names, count, value, float(before[place]) / n, float(gain[place]), float(adjusted[i]))
        )
        taken = [t | mask for t, mask in zip(taken, masks, strict=True)]
        if len(found) == most:
            break
    return found


class _Grid:
    """All bins of all columns side by side, k in all: a slice is a place of a k by k table, on its diagonal one bin."""

    def __init__(self, columns: Sequence[Bins]) -> None:
        self.columns = columns
        self.starts = np.cumsum([0, *(len(bins.conditions) for bins in columns)])
        self.owner = np.repeat(np.arange(len(columns)), np.diff(self.starts))

    def sums(self, codes: Sequence[npt.NDArray[np.intp]], values: Sequence[FloatArray] = ()) -> list[FloatArray]:
        """Count the rows of every slice, then sum each of the values, shape (n,), over them; shape (k, k) each.

        Only places above the diagonal and on it are filled.
        """
        k = int(self.starts[-1])
        sums: list[FloatArray] = [np.zeros((k, k)) for _ in range(1 + len(values))]
        for i, first in enumerate(codes):
            for j in range(i, len(codes)):
                height, width = (len(self.columns[c].conditions) for c in (i, j))
                place = first * width + codes[j]
                block = slice(self.starts[i], self.starts[i + 1]), slice(self.starts[j], self.starts[j + 1])
                for table, weights in zip(sums, (None, *values), strict=True):
                    found = np.bincount(place, weights=weights, minlength=height * width)
                    table[block] = found.reshape(height, width)
        return sums

    def told(self, counts: FloatArray, most: float = np.inf) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """List the slices that have enough rows, and no more than ``most``."""
        enough = (counts >= MINIMUM_ROWS) & (counts <= most)
        apart = (self.owner[:, None] < self.owner[None, :]) | np.eye(len(self.owner), dtype=bool)
        # A pair that holds all rows of one of its bins is that bin.
        own = np.diag(counts)
        smaller = (counts < np.minimum(own[:, None], own[None, :])) | np.eye(len(own), dtype=bool)
        first, second = np.nonzero(enough & apart & smaller)
        return first, second

    def mask(self, codes: Sequence[npt.NDArray[np.intp]], i: int, j: int) -> Mask:
        """Say which rows a slice holds."""
        found = np.ones(len(codes[0]), dtype=bool)
        for place in {int(i), int(j)}:
            column = int(self.owner[place])
            found &= codes[column] == place - self.starts[column]
        return found

    def names(self, i: int, j: int) -> tuple[str, tuple[str, ...]]:
        """Tell a slice's condition, and the columns that it is about."""
        places = sorted({int(i), int(j)})
        columns = [self.columns[int(self.owner[p])] for p in places]
        told = [c.conditions[p - self.starts[int(self.owner[p])]] for c, p in zip(columns, places, strict=True)]
        return " and ".join(told), tuple(c.name for c in columns)


def _worse(sums: Sequence[FloatArray], w: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Welch's statistic of each slice against all other rows, and its degrees of freedom.

    The variance of a slice is taken as no less than that of all rows: a few rows that are all alike prove nothing.
    """
    _, inside, squares, first, second = sums
    whole, all_first, all_second = w.sum(), (w * x).sum(), (w * x * x).sum()
    all_variance = all_second / whole - (all_first / whole) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, rest = first / inside, (all_first - first) / (whole - inside)
        variance = np.maximum(second / inside - mean**2, all_variance)
        effective = inside**2 / squares
        others = (whole - inside) ** 2 / ((w * w).sum() - squares)
        z = (mean - rest) / np.sqrt(variance / effective + all_variance / others)
    return np.nan_to_num(z, nan=-np.inf), np.maximum(np.nan_to_num(effective, nan=2.0) - 1, 1)


def _one(mask: Mask, w: FloatArray, x: FloatArray) -> tuple[float, float, float]:
    """Mean of a slice, mean of all other rows, and Welch's statistic, as ``_worse`` tells them."""
    sums = [np.array(v[mask].sum(), dtype=np.float64) for v in (np.ones_like(w), w, w * w, w * x, w * x * x)]
    z, _ = _worse(sums, w, x)
    return float(np.average(x[mask], weights=w[mask])), float(np.average(x[~mask], weights=w[~mask])), float(z)


def _estimate(mask: Mask, w: FloatArray, x: FloatArray, least: int = MINIMUM_ROWS) -> Estimate:
    n = int(mask.sum())
    if n < least:
        return Estimate(value=None, n=n)
    mean = float(np.average(x[mask], weights=w[mask]))
    variance = float(np.average((x[mask] - mean) ** 2, weights=w[mask]))
    half = 1.96 * float(np.sqrt(variance * (w[mask] ** 2).sum())) / float(w[mask].sum())
    return Estimate(value=mean, low=mean - half, high=mean + half, n=n)


def _slice(
    condition: str,
    names: tuple[str, ...],
    mask: Mask,
    rows: Labelled,
    p_value: float,
    before: Estimate | None,
    everywhere: float,
) -> Slice:
    x, w = rows.excess(), rows.weight
    inside, rest, _ = _one(mask, w, x)
    # What was so in the reference already is not what has to be explained.
    old = everywhere if before is None or before.value is None else max(0.0, before.value)
    explained = float(w[mask].sum()) * ((inside - old) - max(0.0, rest - everywhere))
    # Where other rows are better than they were, the slice has more than all of what is new.
    whole = max(float((w * (x - everywhere)).sum()), explained)
    share = explained / whole if explained > 0 else 0.0
    bad = float(np.average(rows.label[mask], weights=w[mask]))
    effective = float(w[mask].sum() ** 2 / (w[mask] ** 2).sum())
    low, high = wilson(round(bad * effective), max(1, round(effective)))
    return Slice(
        condition=condition,
        columns=names,
        rows=int(mask.sum()),
        value=_estimate(mask, w, x),
        elsewhere=rest,
        share=share,
        p_value=p_value,
        bad=Estimate(value=bad, low=min(low, bad), high=max(high, bad), n=int(mask.sum())),
        expected=float(np.average(rows.probability[mask], weights=w[mask])),
        before=before,
    )


def labelled(probability: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> Labelled:
    """Pick the rows whose outcome is known.

    Args:
        probability: of all rows of a window, shape (n,).
        label: shape (n,), NaN where it is not known.
        weight: shape (n,); None counts each row once.
    """
    weights = np.ones(len(label)) if weight is None else weight
    places = np.flatnonzero(~np.isnan(label) & ~np.isnan(probability) & (np.nan_to_num(weights) > 0))
    return Labelled(places, probability[places], label[places], weights[places])
