"""Local accuracy: whether base value and contributions add up to the score that is served."""

import numpy as np

from components.core.contracts import Estimate
from components.judgement.explanations.contributions import Contributions


def local_accuracy(explained: Contributions) -> Estimate:
    """Return the largest difference, over n rows, between the probability served and what the contributions add up to.

    "Local accuracy" is the first property of Lundberg and Lee, NeurIPS 2017. A maximum has no interval.
    """
    if not len(explained):
        return Estimate(value=None, n=0)
    worst = np.abs(explained.added_up - explained.probability).max()
    return Estimate(value=float(worst), n=len(explained))
