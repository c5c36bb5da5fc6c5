"""Performance without labels: what calibrated probabilities promise of themselves, and whether it came true.

A calibrated probability says how often a row like this turns bad, and so what any metric will be once the labels are
there. J. Guillory, V. Shankar, S. Ebrahimi, T. Darrell, L. Schmidt, "Predicting with confidence on unseen
distributions" (ICCV 2021) do so for accuracy; NannyML's confidence-based performance estimation does it for other
metrics. It follows a change of who asks (covariate shift), and is blind to a change of what becomes of them (concept
shift): then the probabilities are no longer calibrated, and the estimate stays where it was. So every estimate is kept
beside what came true later (``tracked``), and one that proved wrong is flagged.

The calibration error cannot be estimated like this: it is zero by assumption.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import binom, norm

from components.core.contracts import Estimate, FloatArray
from components.monitoring.measured import promised
from components.monitoring.values import Performance
from components.training.bootstrap import MINIMUM_ROWS

CHANCE = 0.01
"""So seldom is it taken to be chance that estimates that are right are flagged; there are two ways to it."""

MINIMUM_COHORTS = 3
"""Fewer cannot correlate otherwise than fully."""


def estimated(p: FloatArray, metrics: Sequence[str]) -> Mapping[str, Estimate]:
    """Estimate metrics from probabilities alone, as if these were calibrated.

    >>> p = np.tile([0.05, 0.15, 0.4], 200)
    >>> str(estimated(p, ["brier", "calibration_error"])["brier"])
    '0.1383 [0.1238, 0.1546] (n=600)'

    Args:
        p: probabilities, shape (n,).
        metrics: some of ``measured.METRICS``; ``calibration_error`` is left out, and so are all for fewer than 50 rows.

    Returns:
        By metric; the interval holds what comes true on these very rows, 95 times of 100 where they are calibrated.
    """
    return promised(p, metrics) if len(p) >= MINIMUM_ROWS else {}


class EstimateError(BaseModel):
    """How far estimates lay from what came true, over the cohorts that have both."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str
    n: int
    """Cohorts that have both."""
    mean_error: float | None = None
    """Mean of estimate - truth; below 0 where the estimates were too low. None without any cohort."""
    mean_absolute_error: float | None = None
    correlation: float | None = None
    """Pearson's; None for fewer than three cohorts, or where either side stood still."""
    inside: int = 0
    """Cohorts that came out within what the estimate allowed for; of right ones 95 % on average."""
    broken: tuple[str, ...] = ()
    """First days of the cohorts that came out so far off that chance does not explain even one of them."""
    flagged: bool = False
    """Whether the estimates are not to be relied on: some are broken, or too many are not inside."""
    reason: str = ""


def tracked(performance: Iterable[Performance], metric: str) -> EstimateError:
    """Hold the estimates to what came true: realised where that is told, else by the labels known so far.

    Args:
        performance: cohorts; of these, the whole ones count.
        metric: one of ``measured.METRICS``.
    """
    pairs = [pair for p in performance if p.group == "all" and (pair := _pair(p, metric)) is not None]
    if not pairs:
        why = "calibrated probabilities have none" if metric == "calibration_error" else "no labels tell it yet"
        return EstimateError(metric=metric, n=0, reason=f"no cohort has its {metric} both estimated and known: {why}")
    estimates, truths, off = (np.array([getattr(pair, name) for pair in pairs]) for name in ("mine", "truth", "off"))
    outside = int((off > 1).sum())
    # The interval's ends lie 1.96 standard errors away, and so many cohorts have as many chances to be far off.
    limit = float(norm.isf(CHANCE / 2 / len(pairs)) / norm.isf(0.025))
    broken = tuple(pair.first for pair in pairs if pair.off > limit)
    flagged = bool(broken) or float(binom.sf(outside - 1, len(pairs), 0.05)) < CHANCE
    return EstimateError(
        metric=metric,
        n=len(pairs),
        mean_error=float((estimates - truths).mean()),
        mean_absolute_error=float(np.abs(estimates - truths).mean()),
        correlation=_correlation(estimates, truths),
        inside=len(pairs) - outside,
        broken=broken,
        flagged=flagged,
        reason=_reason(outside, len(pairs)) if flagged else "",
    )


class _Pair(NamedTuple):
    first: str
    mine: float
    truth: float
    off: float
    """Distance between them, as a share of what both intervals allow."""


def _pair(p: Performance, metric: str) -> _Pair | None:
    realised, mine = p.realised.get(metric), p.estimated.get(metric)
    truth = realised or p.early.get(metric)
    if mine is None or truth is None or mine.value is None or truth.value is None:
        return None
    # The estimate's interval is of what comes true on its rows; where that is not known of all, the rest is unsure too.
    whole = realised is not None and p.labelled == p.cohort.rows
    up = truth.value > mine.value
    room = float(np.hypot(_arm(mine, up), 0.0 if whole else _arm(truth, not up)))
    distance = abs(truth.value - mine.value)
    return _Pair(str(p.cohort.first), mine.value, truth.value, distance / room if room else float(distance > 0))


def _arm(estimate: Estimate, up: bool) -> float:
    end = estimate.high if up else estimate.low
    return 0.0 if end is None or estimate.value is None else abs(end - estimate.value)


def _correlation(a: FloatArray, b: FloatArray) -> float | None:
    if len(a) < MINIMUM_COHORTS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _reason(outside: int, n: int) -> str:
    return (
        f"{outside} of {n} cohorts came out otherwise than estimated: the probabilities are no longer calibrated, so "
        "what becomes of rows has changed, and not only which rows come"
    )
