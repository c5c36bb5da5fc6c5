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
    w, won = weight[order], candidate[order]
    # The hidden number is at or above every weight that left the key with stable, below every one that moved it.
    floor = _largest_before(np.where(won, 0.0, w), group)
    ceiling = 1.0 - _largest_before(np.where(won, 1.0 - w, 0.0), group)
    torn = floor > ceiling + 1e-12
    if torn.any():
        key = keys[order][int(np.argmax(torn))]
        raise FairleadError(
            f"key {key!r} changed sides though the weights gave no reason ({len(np.unique(group[torn]))} such keys): "
            "assignment is not sticky by this key; give the key that the router hashes, or use the weights as shares"
        )
    width = ceiling - floor
    share = np.empty(n)
    share[order] = np.where(width > 1e-12, np.clip((w - floor) / np.where(width > 1e-12, width, 1.0), 0.0, 1.0), 0.0)
    return share


def _largest_before(x: FloatArray, group: npt.NDArray[np.int64]) -> FloatArray:
    """Return the largest earlier entry of the same group, 0 for its first; entries are within 0 and 1."""
    # Two apart, groups cannot reach into one another.
    running = np.maximum.accumulate(x + 2.0 * group) - 2.0 * group
    first = np.concatenate([[True], group[1:] != group[:-1]])
    return np.where(first, 0.0, np.concatenate([[0.0], running[:-1]]))
