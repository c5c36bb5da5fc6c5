"""A way's outcome: what scores rows, and from which score on a row of each group is flagged."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from components.core.contracts import FloatArray
from components.judgement.mitigation.parity import Codes
from components.training.matrices import Matrix


@dataclass(frozen=True)
class Decider:
    """A model with its thresholds.

    Args:
        probability: matrix of shape (n, features) → probability of a bad outcome, shape (n,). It never sees the group.
        thresholds: shape (k,), for each group the probability from which a row is flagged; above 1 flags no row.
        detail: what else was found on the way, in a few words.
    """

    probability: Callable[[Matrix], FloatArray]
    thresholds: FloatArray
    detail: str = ""

    @property
    def reads_group(self) -> bool:
        """Whether the group has to be known to decide."""
        return len(np.unique(self.thresholds)) > 1

    def flagged(self, p: FloatArray, codes: Codes) -> FloatArray:
        """Decide on rows: 1 flagged, 0 favourable, shape (n,)."""
        return (p >= self.thresholds[codes]).astype(np.float64)

    def ranked(self, p: FloatArray, codes: Codes) -> FloatArray:
        """Return the score by which rows are told apart, shape (n,).

        With one threshold that is the probability. With one for each group it is moved, on the logit's scale, by where
        the group's threshold lies: one threshold, 0.5, then gives the decisions, so that its AUC says what the
        thresholds cost, as far as a ranking can say it.

        >>> fair = Decider(lambda x: x[:, 0], np.array([0.2, 0.5]))
        >>> fair.ranked(np.array([0.2, 0.2]), np.array([0, 1])).round(3).tolist()
        [0.5, 0.2]
        """
        if not self.reads_group:
            return p
        edge = np.clip(self.thresholds[codes], 1e-9, 1 - 1e-9)
        moved: FloatArray = expit(logit(np.clip(p, 1e-9, 1 - 1e-9)) - logit(edge))
        return moved
