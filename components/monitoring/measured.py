"""Metrics of rows of which it is known only in part whether they are bad, with intervals in closed form.

``bad`` says how many bad rows each row stands for: 1 or 0 where the label is known; 1 / (share known at its age) for a
bad row of which only that share is known so far, and 0 for the others of its age; the probability itself where nothing
is known. ``1 - bad`` of it is good. In each case the sum over rows, and with it every mean loss, is right on average,
so that one formula serves what came true, what is known so far and what is expected without labels. (D. Horvitz and
D. Thompson, JASA 47, 1952.) The values are those of ``components.training.metrics.weighted_metrics``.

Intervals take rows as independent, but for the share of them that is known (``Development.spread``). Mean losses:
Student's, on the logarithm, because losses are skewed; area under the curve: E. DeLong, D. DeLong, D. Clarke-Pearson,
Biometrics 44 (1988), for weights, on the logit; calibration error: what noise in the bins' means does to it, as in
``components.training.bootstrap``, with normal noise in place of resampling, and down to 0 unless noise alone would
seldom give as much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from components.core.contracts import Estimate, FloatArray
from components.core.errors import unknown
from components.training.metrics import bin_starts, weighted_metrics

METRICS = ("log_loss", "brier", "auc", "calibration_error")

ROUNDS = 500
"""Draws of noise for the calibration error."""

SEED = 20

FAR = 50.0
"""No end of an interval is put further from its middle than by the factor exp(50), which is all there is."""


def measured(p: FloatArray, bad: FloatArray, metrics: Sequence[str], spread: float = 0.0) -> Mapping[str, Estimate]:
    """Compute metrics of what is known of the rows; each interval is of the metric on rows like these.

    >>> p, y = np.tile([0.1, 0.4], 200), np.tile([0.0, 0.0, 0.0, 1.0], 100)
    >>> str(measured(p, y, ["brier"])["brier"])
    '0.1350 [0.1215, 0.1500] (n=400)'

    Args:
        p: probabilities, shape (n,).
        bad: shape (n,), not negative; some above 0, and some 1 - bad above 0.
        metrics: some of ``METRICS``.
        spread: how far the share known of these rows may be from that of others, ``Development.spread``.
    """
    known = bad[bad > 0]
    # Few bad rows decide how sure a mean loss is, not the many good ones.
    freedom = max(1.0, min(float(known.sum() ** 2 / (known**2).sum()), len(bad) - len(known)) - 1)
    # Of rows that stand for themselves the share known is 1, and 1 / share - 1 the odds that others are not known.
    common = spread * bad * np.sqrt(np.maximum(0.0, bad - 1))
    return _told(p, bad, metrics, float(stdtrit(freedom, 0.975)), _Noise(common, None))


def promised(p: FloatArray, metrics: Sequence[str]) -> Mapping[str, Estimate]:
    """Compute metrics that calibrated probabilities promise; each interval is of what will come true on these rows.

    The calibration error is left out: of calibrated probabilities it is zero, whatever they are.

    Args:
        p: probabilities, shape (n,).
        metrics: some of ``METRICS``.
    """
    return _told(
        p, p, [m for m in metrics if m != "calibration_error"], 1.959964, _Noise(np.zeros(len(p)), p * (1 - p))
    )


@dataclass(frozen=True)
class _Noise:
    """What makes ``bad`` unsure.

    Args:
        common: shape (n,), by how much it moves together, one standard deviation.
        variance: shape (n,), of each by itself where the rows are given; None: as they scatter.
    """

    common: FloatArray
    variance: FloatArray | None

    def __getitem__(self, order: npt.NDArray[np.intp]) -> "_Noise":
        return _Noise(self.common[order], None if self.variance is None else self.variance[order])

    def error(self, good: FloatArray, slope: FloatArray, bad: FloatArray) -> float:
        """Return the standard error of the mean of ``good + bad * slope``."""
        n = len(bad)
        if self.variance is None:
            own = float(np.var(good + bad * slope, ddof=1) / n)
        else:
            own = float((self.variance * slope**2).sum() / n**2)
        return float(np.hypot(np.sqrt(own), (self.common * slope).mean()))


def _told(p: FloatArray, bad: FloatArray, metrics: Sequence[str], z: float, noise: _Noise) -> Mapping[str, Estimate]:
    n = len(p)
    order = np.argsort(-p, kind="stable")
    p, bad, noise = p[order], bad[order], noise[order]
    values = weighted_metrics(p, bad, np.ones((1, n)), 0.5, 1, 1)
    told = {}
    low: float | None
    high: float | None
    for name in metrics:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        value = float(values[name][0])
        if np.isnan(value):  # without any chance of one of the classes there is no order to be had
            continue
        if name == "calibration_error":
            low, high = _of_bins(p, bad, value, noise.common)
        elif name == "auc":
            low, high = _on_logit(value, z * noise.error(*_of_order(p, bad, value), bad))
        else:
            good, slope = _losses(name, p)
            # The square of p - bad is the loss of a label alone, which is 0 or 1.
            value += float((bad - bad**2).mean()) if name == "brier" else 0.0
            low, high = _on_logarithm(value, z * noise.error(good - value, slope, bad))
        told[name] = Estimate(value=value, low=low, high=high, n=n)
    return told


def _losses(name: str, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Loss of a good row, and by how much more a bad one loses."""
    if name == "brier":
        return p**2, 1 - 2 * p
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    good = -np.log1p(-clipped)
    return good, -np.log(clipped) - good


def _of_order(p: FloatArray, bad: FloatArray, auc: float) -> tuple[FloatArray, FloatArray]:
    """What a row adds to the area under the curve as a good one, and by how much more as a bad one; means are 0.

    Rows come riskiest first.
    """
    place = np.concatenate([[0], np.cumsum(p[1:] != p[:-1])])
    bads, goods = np.bincount(place, bad), np.bincount(place, 1 - bad)
    all_bad, all_good = bads.sum(), goods.sum()
    beaten = 1 - (np.cumsum(goods) - goods / 2)[place] / all_good
    beating = (np.cumsum(bads) - bads / 2)[place] / all_bad
    as_good = len(p) / all_good * (beating - auc)
    return as_good, len(p) / all_bad * (beaten - auc) - as_good


def _on_logarithm(value: float, half: float) -> tuple[float, float]:
    ratio = float(np.exp(min(half / value, FAR))) if value > 0 else 1.0
    return value / ratio, value * ratio


def _on_logit(value: float, half: float) -> tuple[float | None, float | None]:
    if not 0 < value < 1:
        return None, None
    odds, ratio = value / (1 - value), float(np.exp(min(half / (value * (1 - value)), FAR)))
    return odds / ratio / (1 + odds / ratio), odds * ratio / (1 + odds * ratio)


def _of_bins(p: FloatArray, bad: FloatArray, value: float, common: FloatArray) -> tuple[float, float]:
    off, starts = bad - p, bin_starts(p)
    rows = np.diff(np.append(starts, len(p)))
    sums, together = np.add.reduceat(off, starts), np.add.reduceat(common, starts)
    scatter = np.add.reduceat(off**2, starts) - sums**2 / rows
    # A bin without a bad row seems to be free of noise: it has at least what its probabilities have.
    own = np.sqrt(np.maximum(scatter, np.add.reduceat(p * (1 - p), starts)))
    normal = _normal(len(starts) + 1)
    drawn = own * normal[:, 1:] + together * normal[:, :1]
    rounds, of_noise = (np.abs(middle + drawn).sum(axis=1) / len(p) for middle in (sums, 0.0))
    low, high = (float(q) for q in np.quantile(rounds, [0.025, 0.975]))
    # What noise alone brings about does not show that there is an error at all.
    shown = value > float(np.quantile(of_noise, 0.975))
    return max(0.0, min(value, 2 * value - high)) if shown else 0.0, max(value, 2 * value - low)


@cache
def _normal(columns: int) -> FloatArray:
    drawn: FloatArray = np.random.default_rng(SEED).standard_normal((ROUNDS, columns))
    return drawn
