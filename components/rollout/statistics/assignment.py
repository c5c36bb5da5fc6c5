"""Whether requests were split as they should have been: without that no comparison is worth anything."""

import numpy as np

from components.core.contracts import FloatArray
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import STAKES, Stakes, log_e_above
from components.rollout.statistics.effect import weigh


def log_e_mismatch(candidate: BoolArray, share: FloatArray, stakes: Stakes = STAKES) -> FloatArray:
    """Bet that the candidate gets more, or less, than its share; return the logarithm of the money after each request.

    The sequential test of a sample ratio mismatch by Lindon and Malek ("Anytime-valid inference for multinomial count
    data", NeurIPS 2022), with shares that may change from request to request. Above ``log(1 / a)`` the split is
    refuted, which happens to a right one with probability ``a`` at most, over all looks.

    Args:
        candidate: shape (…, n), whether the candidate got the request.
        share: broadcast to shape (…, n), the probability that it should.
        stakes: odds of the candidate relative to the right ones, less 1, to bet on in either direction.

    >>> always = log_e_mismatch(np.ones(100, dtype=bool), np.full(100, 0.5))
    >>> bool(np.exp(always[-1]) > 1e20)
    True
    """
    random = np.broadcast_to((share > 0) & (share < 1), candidate.shape)
    inside = np.where(random, share, 0.5)
    # Every request counts as 1, and nothing is expected of it: what is compared is how many there are.
    nothing = np.zeros(candidate.shape)
    seen = weigh(candidate, inside, random.astype(np.float64), nothing, nothing, nothing)
    more, fewer = log_e_above(seen, 0.0, stakes), log_e_above(seen.mirrored(), 0.0, stakes)
    # A request that could go to one side alone and did not refutes the split by itself.
    impossible = np.where(candidate, share <= 0, share >= 1)
    money: FloatArray = np.logaddexp(more, fewer) - np.log(2.0)
    return np.where(np.maximum.accumulate(impossible, axis=-1), np.inf, money)
