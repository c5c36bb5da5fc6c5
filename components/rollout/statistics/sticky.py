"""What randomness is left in a request whose key has been seen before."""

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.samples import BoolArray


def share_given_past(keys: npt.NDArray[np.generic], candidate: BoolArray, weight: FloatArray) -> FloatArray:
    """Compute the probability of the candidate for each request, given where its key went before.

    Where assignment sticks to a key, a key has one hidden number between 0 and 1 and goes to the candidate while the
    weight is above it. Its first request is a draw with the weight as its probability; a second one at the same weight
    is no draw at all, and to count it as one would make few keys look like much evidence. After a rise from 5 to 25 %
    a key that stayed with stable moves with probability (25 - 5) / (100 - 5). Requests with 0 or 1 here prove nothing
    and are left out by the statistics.

    Args:
        keys: shape (n,), the sticky key of each request, in order.
        candidate: shape (n,), who answered.
        weight: shape (n,), 0 to 1, the candidate's weight then in force.

    Returns:
        Shape (n,), to be used as ``TwoArm.share``.

    Raises:
        FairleadError: a key went to the other side without the weights giving a reason: assignment is not sticky.

    >>> keys, moved = np.array(["a", "a", "a"]), np.array([False, False, True])
    >>> share_given_past(keys, moved, np.array([0.05, 0.05, 0.24])).tolist()
    [0.05, 0.0, 0.2]
    """
    n = len(keys)
    if not n:
        return np.zeros(0)
    order = np.argsort(keys, kind="stable")
    group = np.concatenate([[0], np.cumsum(keys[order][1:] != keys[order][:-1])])
    # Weights by rank: comparisons of whole numbers are exact.
    levels, rank = np.unique(np.concatenate([[0.0, 1.0], weight]), return_inverse=True)
    rank, won, top = rank[2:][order], candidate[order], len(levels) - 1
    # The hidden number is at or above every weight that left the key with stable, below every one that moved it.
    floor = _largest_so_far(np.where(won, 0, rank), group)
    ceiling = top - _largest_so_far(np.where(won, top - rank, 0), group)
    _check_sticky(keys[order], group, floor >= ceiling)
    first = np.concatenate([[True], group[1:] != group[:-1]])
    low = np.where(first, 0.0, levels[np.roll(floor, 1)])
    high = np.where(first, 1.0, levels[np.roll(ceiling, 1)])
    share = np.empty(n)
    share[order] = np.clip((levels[rank] - low) / (high - low), 0.0, 1.0)
    return share


def _largest_so_far(rank: npt.NDArray[np.intp], group: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the largest entry of the same group up to each one."""
    step = int(rank.max()) + 1  # so far apart, groups cannot reach into one another
    largest: npt.NDArray[np.intp] = np.maximum.accumulate(rank + step * group) - step * group
    return largest


def _check_sticky(keys: npt.NDArray[np.generic], group: npt.NDArray[np.intp], torn: BoolArray) -> None:
    if torn.any():
        raise FairleadError(
            f"key {keys[int(np.argmax(torn))]!s} changed sides though the weights gave no reason "
            f"({len(np.unique(group[torn]))} such keys): assignment is not sticky by this key; give the key that the "
            "router hashes, or use the weights as shares"
        )
