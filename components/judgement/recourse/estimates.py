"""Shares and means of a few declined cases, with their intervals."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from components.core.contracts import Estimate, FloatArray
from components.judgement.check_report import Figure
from components.training.shares import newcombe, wilson

MINIMUM = 5
"""Fewer cases say nothing."""


def share(name: str, met: Sequence[bool], of: str = "all", what: str = "declined rows") -> Figure:
    """Tell which share of some cases meet a condition, with Wilson's interval (JASA 22, 1927).

    >>> share("found", [True] * 9 + [False]).estimate.value
    0.9
    >>> share("found", [True]).reason
    'not enough data: 1 declined rows, needs 5'
    """
    n = len(met)
    if n < MINIMUM:
        return _too_few(name, of, n, what)
    low, high = wilson(sum(met), n)
    return Figure(name=name, of=of, estimate=Estimate(value=sum(met) / n, low=low, high=high, n=n))


def mean(
    name: str,
    values: Sequence[float] | FloatArray,
    of: str = "all",
    what: str = "declined rows",
    most: float = float("inf"),
) -> Figure:
    """Tell the mean of values from 0 to ``most``, with Student's interval ("The probable error of a mean", 1908).

    >>> mean("changes", [1, 1, 1, 2, 2]).estimate.value
    1.4
    """
    n = len(values)
    if n < MINIMUM:
        return _too_few(name, of, n, what)
    middle = float(np.mean(values))
    half = float(stats.t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / float(np.sqrt(n))
    return Figure(
        name=name,
        of=of,
        estimate=Estimate(value=middle, low=max(0.0, middle - half), high=min(most, middle + half), n=n),
    )


def difference(name: str, met: Sequence[bool], others: Sequence[bool], of: str) -> Figure:
    """Tell by how much a share is above that of other cases, with Newcombe's interval.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), 873-890, method 10: both Wilson intervals put together.

    Returns:
        A figure whose n is that of the smaller side.
    """
    n = min(len(met), len(others))
    if n < MINIMUM:
        return _too_few(name, of, n, "declined rows on one side")
    low, high = newcombe((sum(met), len(met)), (sum(others), len(others)))
    value = sum(met) / len(met) - sum(others) / len(others)
    return Figure(name=name, of=of, estimate=Estimate(value=value, low=low, high=high, n=n))


def _too_few(name: str, of: str, n: int, what: str) -> Figure:
    reason = f"not enough data: {n} {what}, needs {MINIMUM}"
    return Figure(name=name, of=of, estimate=Estimate(value=None, n=n), reason=reason)
