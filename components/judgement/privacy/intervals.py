"""Intervals for what attacks achieve: rates, differences, areas under curves, and the worst of several."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import beta, rankdata

from components.core.contracts import Estimate, FloatArray
from components.training.shares import newcombe, wilson

Mask = npt.NDArray[np.bool_]

CONFIDENCE = 0.95


def exact_rate(hits: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a probability with the exact interval of Clopper and Pearson (Biometrika 26, 1934).

    >>> str(exact_rate(0, 100))
    '0.0000 [0.0000, 0.0362] (n=100)'
    """
    if n == 0:
        return Estimate(value=None, n=0)
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Estimate(value=hits / n, low=low, high=high, n=n)


def rate_difference(hits: tuple[int, int], n: tuple[int, int], confidence: float = CONFIDENCE) -> Estimate:
    """Estimate how much larger the first of two independent probabilities is.

    The interval joins those of Wilson: method 10 of R. G. Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998), whose example of 56 of 70 beside 48 of 80 is

    >>> str(rate_difference((56, 48), (70, 80)))
    '0.2000 [0.0524, 0.3339] (n=150)'
    """
    if 0 in n:
        return Estimate(value=None, n=sum(n))
    low, high = newcombe((hits[0], n[0]), (hits[1], n[1]), confidence)
    return Estimate(value=hits[0] / n[0] - hits[1] / n[1], low=low, high=high, n=sum(n))


def paired_difference(first: FloatArray, second: FloatArray, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate how much larger the mean of one thing is than that of another, measured on the same n rows.

    Where all differences are equal, the rows show no spread, and the interval is that of a rate that was met n times
    of n: no narrower than 1 minus the low end of Wilson's.

    >>> str(paired_difference(np.array([1.0, 1, 1, 0] * 25), np.array([1.0, 0, 1, 0] * 25)))
    '0.2500 [0.1647, 0.3353] (n=100)'
    """
    n = len(first)
    if n < 2:
        return Estimate(value=None, n=n)
    difference = first - second
    value, z = float(difference.mean()), _z(confidence)
    half = z * float(difference.std(ddof=1)) / float(np.sqrt(n))
    if half == 0.0:
        half = 1 - wilson(n, n, confidence)[0]
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def mean_difference(first: FloatArray, second: FloatArray, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate how much larger the mean of the first rows is than that of others, with unequal spreads (Welch)."""
    n = len(first) + len(second)
    if min(len(first), len(second)) < 2:
        return Estimate(value=None, n=n)
    value = float(first.mean() - second.mean())
    half = _z(confidence) * float(np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)))
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def area(scores: FloatArray, positive: Mask, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the AUC: the chance that a positive row scores above a negative one, ties counting half.

    The interval holds every area that would not be surprised by the one found, with the variance of Hanley and McNeil
    (Radiology 143, 1982) at that area: method 5 of R. G. Newcombe, "Confidence intervals for an effect size measure
    based on the Mann-Whitney statistic, part 2", Statistics in Medicine 25 (2006). It has a width at an area of 1 too.

    >>> str(area(np.arange(20.0), np.arange(20) >= 10))
    '1.0000 [0.8002, 1.0000] (n=20)'

    Args:
        scores: shape (n,), finite.
        positive: shape (n,).
        confidence: of the interval.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) == 0:
        return Estimate(value=None, n=m + n)
    value = float(_placements(scores, positive)[0].mean())
    z = _z(confidence)

    def surprise(true: float) -> float:
        return (value - true) ** 2 - z * z * _spread(true, m, n)

    # An area of 0 or 1 is a root by itself, so the search for the other one starts a hair's breadth beside it.
    low = float(brentq(surprise, 0.0, min(value, 1 - 1e-9))) if value > 0 else 0.0
    high = float(brentq(surprise, max(value, 1e-9), 1.0)) if value < 1 else 1.0
    return Estimate(value=value, low=low, high=high, n=m + n)


def _spread(true: float, m: int, n: int) -> float:
    # Both outcomes' terms with half the sum of rows, as Newcombe proposes.
    half = (m + n) / 2 - 1
    return true * (1 - true) * (1 + half * (1 - true) / (2 - true) + half * true / (1 + true)) / (m * n)


def area_difference(first: FloatArray, second: FloatArray, positive: Mask, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate how much larger one score's AUC is than another's on the same rows.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); by ranks as in Sun and Xu, IEEE Signal Processing
    Letters 21 (2014).

    >>> scores, positive = np.arange(20.0), np.arange(20) >= 10
    >>> area_difference(scores, scores, positive).value
    0.0
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return Estimate(value=None, n=m + n)
    (up1, down1), (up2, down2) = _placements(first, positive), _placements(second, positive)
    value = float(up1.mean() - up2.mean())
    variance = float((up1 - up2).var(ddof=1)) / m + float((down1 - down2).var(ddof=1)) / n
    half = _z(confidence) * float(np.sqrt(variance))
    return Estimate(value=value, low=value - half, high=value + half, n=m + n)


def area_spread(scores: FloatArray, positive: Mask) -> tuple[float, float]:
    """Return an AUC and its variance by DeLong; needs two rows of either kind."""
    up, down = _placements(scores, positive)
    return float(up.mean()), float(up.var(ddof=1)) / len(up) + float(down.var(ddof=1)) / len(down)


def _placements(scores: FloatArray, positive: Mask) -> tuple[FloatArray, FloatArray]:
    """For each positive row the share of negatives below it, for each negative that of positives above it."""
    m, n = int(positive.sum()), int((~positive).sum())
    among_all = rankdata(scores)
    up = (among_all[positive] - rankdata(scores[positive])) / n
    down = 1 - (among_all[~positive] - rankdata(scores[~positive])) / m
    return up, down


def worst(plain: Sequence[Estimate], strict: Sequence[Estimate]) -> Estimate:
    """Estimate the largest of several true values; the largest found is too large by chance, and the low end knows.

    The low end is the largest low end of intervals that hold all together (Bonferroni), the high end the largest high
    end of the plain ones: the truth is above that only where the plain interval of the truly largest one misses it.

    Args:
        plain: each with a 95 % interval; those without a value are passed over.
        strict: the same, each with a confidence of 1 - 0.05 / (how many).
    """
    known = [e for e in plain if e.value is not None]
    if not known:
        return Estimate(value=None, n=max((e.n for e in plain), default=0))
    return Estimate(
        value=max(e.value for e in known if e.value is not None),
        low=max(e.low for e in strict if e.low is not None),
        high=max(e.high for e in known if e.high is not None),
        n=max(e.n for e in known),
    )


def bonferroni(count: int) -> float:
    """Confidence of each of several intervals that hold all together with 95 %.

    >>> bonferroni(5)
    0.99
    """
    return 1 - (1 - CONFIDENCE) / max(1, count)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
