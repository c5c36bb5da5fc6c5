"""Tests of one numeric column: two samples in, a size and, where there is a proper one, a p-value out.

The reference is sorted once, the current sample only where a test needs it. Rows without a value take no part. Each
size is 0 for a sample beside itself; ``ks`` and ``cramer_von_mises`` see ranks alone, so no change of unit alters them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy import special, stats

from components.core.contracts import FloatArray
from components.monitoring.drift import binned
from components.monitoring.drift.binned import Counts, Sorted
from components.monitoring.drift.distance import ks_distance, ks_distance_to_unsorted
from components.monitoring.drift.effect import Effect, nothing

EXACT_UP_TO = 3_000
"""Effective sample size up to which the law of the KS distance is that of finite samples (Simard and L'Ecuyer, 2011).

Beyond, Kolmogorov's limit takes its place: its p-values are larger by 3.5 % of themselves at most, and where the finite
law costs 100 ms (effective size 100,000) it costs nothing.
"""


LONG = 50_000
"""Values from which on the current sample is not sorted for a test that can do without."""


@dataclass(frozen=True)
class Samples:
    """Two samples of one column.

    Args:
        reference: sorted, none missing, at least one value.
        values: the current sample, none missing, at least one value, in any order.
    """

    reference: Sorted
    values: Sorted

    @cached_property
    def current(self) -> Sorted:
        """The current sample, sorted."""
        return np.sort(self.values)

    @cached_property
    def counts(self) -> tuple[Counts, Counts]:
        """Rows of either side in the reference's tenths."""
        edges = binned.quantile_edges(self.reference)
        # A few comparisons of all values cost less than sorting them.
        upto = [np.count_nonzero(self.values <= edge) for edge in edges]
        return binned.count(self.reference, edges), np.diff(upto, prepend=0, append=len(self.values))

    @cached_property
    def distance(self) -> float:
        """The Kolmogorov-Smirnov distance."""
        if len(self.values) >= max(LONG, len(self.reference)):
            return ks_distance_to_unsorted(self.reference, self.values)
        return ks_distance(*sorted((self.reference, self.current), key=len))


def samples(reference: pl.Series, current: pl.Series) -> Samples:
    """Take the known values of a column on both sides; either may come out empty.

    Dates become days, booleans 0 and 1; where one side has days and the other times, times become days. Where one side
    has single precision and the other double, both are compared in single: 0.1 is not the same number in the two, and
    that is no drift.

    Args:
        reference: numbers, dates or booleans; null and NaN are missing.
        current: likewise.

    >>> found = samples(pl.Series([3.0, None, 1.0]), pl.Series([2, 1]))
    >>> found.reference.tolist(), found.current.tolist()
    ([1.0, 3.0], [1.0, 2.0])
    """
    if reference.dtype != current.dtype and reference.dtype.is_temporal() and current.dtype.is_temporal():
        reference, current = reference.cast(pl.Date), current.cast(pl.Date)
    old, new = _known(reference), _known(current)
    if old.dtype != new.dtype:
        floats = {side.dtype for side in (old, new)} == {np.dtype(np.float32), np.dtype(np.float64)}
        common = np.dtype(np.float32) if floats else np.result_type(old, new)
        old, new = old.astype(common, copy=False), new.astype(common, copy=False)
    return Samples(_without_nan(np.sort(old)), _without_nan(new))


def ks(pair: Samples) -> Effect:
    """Kolmogorov-Smirnov distance: the largest difference between the two distribution functions, 0 to 1.

    The p-value is that of the two-sided test; with ties it is too large rather than too small. Source: Smirnov (1939).

    >>> ks(Samples(np.arange(4.0), np.arange(2.0, 6.0))).size
    0.5
    """
    return Effect(pair.distance, ks_chance(pair.distance, len(pair.reference), len(pair.values)))


def ks_chance(size: float, n: int, m: int) -> float:
    """Return the probability of a distance of this size or more between two alike samples of n and m rows.

    >>> round(ks_chance(0.1, 400, 400), 4)
    0.0341
    """
    effective = n * m / (n + m)
    if effective <= EXACT_UP_TO:
        return float(stats.kstwo.sf(size, max(1, round(effective))))
    return float(special.kolmogorov(math.sqrt(effective) * size))


def cramer_von_mises(pair: Samples) -> Effect:
    """Root of the mean squared difference between the two distribution functions over all values of both, 0 to 1.

    Where KS tells the largest difference, this tells the typical one. It is ``sqrt(T * (n + m) / (n * m))`` of the
    two-sample statistic T (Anderson, 1962), which itself grows with the samples; the p-value is that of T, asymptotic.

    >>> round(cramer_von_mises(Samples(np.arange(400.0), np.arange(200.0, 600.0))).size, 3)
    0.408
    """
    n, m = len(pair.reference), len(pair.current)
    if min(n, m) < 2:
        return nothing("each side needs two values")
    found = stats.cramervonmises_2samp(pair.reference, pair.current, method="asymptotic")
    squared = max(0.0, float(found.statistic)) * (n + m) / (n * m)
    return Effect(math.sqrt(squared), min(1.0, float(found.pvalue)))


def wasserstein(pair: Samples) -> Effect:
    """Wasserstein-1 distance in units of the reference's standard deviation.

    How far a row has to move on average to turn one distribution into the other. The standard deviation rather than
    the interquartile range is the unit because it is never 0 unless all values are the same, and counts of which most
    are 0 are common; like the distance itself it heeds far values. No p-value. Source: Vaserstein (1969).

    >>> wasserstein(Samples(np.array([-1.0, 1.0]), np.array([1.0, 3.0]))).size
    2.0
    """
    reference, current = _doubles(pair.reference), _doubles(pair.current)
    ends = np.array([reference[0], reference[-1], current[0], current[-1]])
    if not np.isfinite(ends).all():
        return nothing("there are infinite values, which are infinitely far")
    unit = float(reference.std())
    if reference[0] == reference[-1]:
        return nothing("the reference has one value only and so no unit to tell the distance in; see ks")
    return Effect(float(stats.wasserstein_distance(reference, current)) / unit)


def psi(pair: Samples) -> Effect:
    """Population stability index over the reference's tenths; see ``binned.psi``. No p-value."""
    return _divergence(pair, binned.psi)


def jensen_shannon(pair: Samples) -> Effect:
    """Jensen-Shannon distance (base 2) over the reference's tenths; see ``binned.jensen_shannon``. No p-value."""
    return _divergence(pair, binned.jensen_shannon)


def kl(pair: Samples) -> Effect:
    """Kullback-Leibler divergence (nats) over the reference's tenths; see ``binned.kl``. No p-value."""
    return _divergence(pair, binned.kl)


tests: Mapping[str, Callable[[Samples], Effect]] = {
    "ks": ks,
    "psi": psi,
    "wasserstein": wasserstein,
    "jensen_shannon": jensen_shannon,
    "kl": kl,
    "cramer_von_mises": cramer_von_mises,
}
"""Every test of a numeric column, by its name in a use case."""


def _divergence(pair: Samples, of: Callable[[Counts, Counts], float]) -> Effect:
    reference, current = pair.counts
    if len(reference) < 2:
        return nothing("the reference has one value only and so a single bin; see ks")
    return Effect(of(reference, current))


def _known(values: pl.Series) -> Sorted:
    if values.dtype.is_temporal() or values.dtype == pl.Boolean:
        values = values.to_physical() if values.dtype.is_temporal() else values.cast(pl.UInt8)
    elif values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    return values.drop_nulls().to_numpy() if values.null_count() else values.to_numpy()


def _without_nan(values: Sorted) -> Sorted:
    # One NaN makes the minimum NaN, which is quicker to know than which ones are.
    if values.dtype.kind == "f" and len(values) and np.isnan(values.min()):
        return values[~np.isnan(values)]
    return values


def _doubles(values: Sorted) -> FloatArray:
    return values.astype(np.float64, copy=False)
