"""From requests to observations whose mean is the effect: candidate - stable."""

import numpy as np

from components.core.contracts import FloatArray
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import Payoffs

PRIOR_REQUESTS = 20
"""So many imagined requests without harm stand before the first one, so that few do not steer the expectation."""


CEILING = 4.0
"""With a covariate, a request is expected to be at most so many times as bad as the mean before it …"""

CEILING_OF_NOTHING = 0.05
"""… and by this more, so that there is room at the start. What is beyond costs some precision, and nothing else."""


def two_arm(candidate: BoolArray, share: FloatArray, value: FloatArray, covariate: FloatArray | None = None) -> Payoffs:
    """Weigh randomised requests so that each is an unbiased observation of candidate - stable.

    An observation is ``(candidate - share) / (share * (1 - share)) * (value - expected)``: whatever was expected of the
    request before it was assigned, its mean is the difference between the two sides *for that very request*. So weights
    may change, and the traffic may drift, without any bias; the better the expectation, the less noise. It is the
    running mean of both sides, or the running regression on the covariate (J. Robins, A. Rotnitzky and L. Zhao, JASA
    1994, for the weighing; A. Deng et al., WSDM 2013, CUPED, for the covariate). Where 0 is expected, betting on these
    observations of a 0/1 value is the test of Lindon and Malek ("Anytime-valid inference for multinomial count data",
    NeurIPS 2022) on whose the bad events are.

    Args:
        candidate: shape (…, n), in the order in which they were observed.
        share: broadcast to shape (…, n), the probability of the candidate, above 0 and below 1.
        value: shape (…, n), 0 to 1.
        covariate: shape (…, n), known before the assignment.

    >>> half = np.full(4, 0.5)
    >>> float(two_arm(np.array([True, False, True, False]), half, np.array([0.0, 0.0, 0.0, 1.0])).value.sum())
    -2.0
    """
    mean = running_mean(value)
    if covariate is None:
        return weigh(candidate, share, value, mean, mean, mean)
    highest = np.minimum(1.0, CEILING * mean + CEILING_OF_NOTHING)
    expected = np.minimum(running_regression(value, covariate), highest)
    return weigh(candidate, share, value, expected, np.zeros_like(mean), highest)


def weigh(
    candidate: BoolArray,
    share: FloatArray,
    value: FloatArray,
    expected: FloatArray,
    least: FloatArray,
    most: FloatArray,
) -> Payoffs:
    """Weigh requests by any expectation that was formed before each was assigned; see ``two_arm``.

    ``expected`` is within ``least`` and ``most``, which may depend on earlier requests and not on this one: so do the
    sizes of the bets then, and where effects differ from request to request no kind of request is bet on more than
    others. What is refuted of requests that come in no particular order is then refuted of their average.
    """
    other = 1.0 - share
    return Payoffs(
        value=np.where(candidate, 1.0 / share, -1.0 / other) * (value - expected),
        lowest=-np.maximum(most / share, (1.0 - least) / other),
        highest=np.maximum((1.0 - least) / share, most / other),
        precision=np.broadcast_to(share * other, value.shape),
    )


def paired(difference: FloatArray) -> Payoffs:
    """Take differences between two answers to the same request as they are.

    Args:
        difference: shape (…, n), -1 to 1.
    """
    one = np.ones_like(difference)
    return Payoffs(difference, -one, one, one)


def running_mean(value: FloatArray) -> FloatArray:
    """Expect of each request the mean of those before it; shape (…, n).

    >>> running_mean(np.ones(3)).round(3).tolist()
    [0.0, 0.048, 0.091]
    """
    mean: FloatArray = _before(value) / (np.arange(value.shape[-1]) + PRIOR_REQUESTS)
    return mean


def running_regression(value: FloatArray, covariate: FloatArray) -> FloatArray:
    """Expect of each request what a line through those before it says at its covariate; shape (…, n), 0 to 1.

    The slope is shrunk towards 0 as if there were 20 more requests that show none.
    """
    n = np.arange(value.shape[-1])
    # Differences to the first covariate: sums of squares of large numbers would lose what is between them.
    x = covariate - covariate[..., :1]
    sum_x, sum_y, count = _before(x), _before(value), np.maximum(n, 1)
    together = _before(x * value) - sum_x * sum_y / count
    spread = _before(x * x) - sum_x**2 / count
    known = spread > 1e-12 * count
    slope = np.where(known, together / np.where(known, spread, 1.0), 0.0) * (n / (n + PRIOR_REQUESTS))
    line: FloatArray = running_mean(value) + slope * (x - sum_x / count)
    return np.clip(line, 0.0, 1.0)


def point_estimate(payoffs: Payoffs) -> float:
    """Average the observations by their precision, that of one sample of shape (n,)."""
    return float(np.average(payoffs.value, weights=payoffs.precision))


def _before(x: FloatArray) -> FloatArray:
    """Sum of all entries before each, along the last axis."""
    total: FloatArray = np.cumsum(x, axis=-1) - x
    return total
