"""What stress does to a model: AUC beside the clean rows', on the same draws of rows, and decisions that turn over."""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.judgement.robustness.intervals import draws, percentiles, share
from components.training.metrics import weighted_metrics

ROUNDS = 200
"""Bootstrap rounds, at most: eight and more stresses are measured."""
MINIMUM_ROWS = 50
MINIMUM_OF_OUTCOME = 10
"""With fewer rows of either outcome an AUC says too little."""


@dataclass(frozen=True)
class Strain:
    """What one stress does, on n rows.

    Args:
        auc: under stress; without a value where there are too few rows of an outcome.
        drop: AUC of the clean rows less that, on the same draws.
        flipped: share of the rows whose decision changes.
    """

    auc: Estimate
    drop: Estimate
    flipped: Estimate


class Yardstick:
    """Clean rows and draws of them, for all stresses to be held against.

    Rows are drawn with replacement, and both AUCs are taken on the same draw, so that what is hard about the rows
    cancels out.

    Args:
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (n,), how many rows each stands for.
        clean: probabilities of the clean rows, shape (n,).
        threshold: from which probability a row is flagged.
        rounds: draws; cut to ``ROUNDS``.
        seed: of the draws.
    """

    def __init__(
        self, labels: FloatArray, weights: FloatArray, clean: FloatArray, threshold: float, rounds: int, seed: int
    ) -> None:
        self._labels, self._clean, self._threshold = labels, clean, threshold
        n, bad = len(labels), int(labels.sum())
        self.enough = n >= MINIMUM_ROWS and min(bad, n - bad) >= MINIMUM_OF_OUTCOME
        self._counts = draws(n, min(rounds, ROUNDS), seed) * weights
        self._aucs = self._auc(clean) if self.enough else np.array([])

    @property
    def lacking(self) -> str:
        """Why there is no AUC; empty where there is one."""
        n, bad = len(self._labels), int(self._labels.sum())
        need = f"needs {MINIMUM_ROWS} rows, {MINIMUM_OF_OUTCOME} of each outcome"
        return "" if self.enough else f"not enough data: {n} rows, {bad} bad and {n - bad} good; {need}"

    def clean_auc(self) -> Estimate:
        """AUC of the clean rows."""
        n = len(self._labels)
        return percentiles(self._aucs, n) if self.enough else Estimate(value=None, n=n)

    def strain(self, probability: FloatArray) -> Strain:
        """Measure one stress by the probabilities of the stressed rows, shape (n,)."""
        flipped = share((probability >= self._threshold) != (self._clean >= self._threshold))
        n = len(self._labels)
        if not self.enough:
            return Strain(Estimate(value=None, n=n), Estimate(value=None, n=n), flipped)
        aucs = self._auc(probability)
        return Strain(percentiles(aucs, n), percentiles(self._aucs - aucs, n), flipped)

    def _auc(self, probability: FloatArray) -> FloatArray:
        # AUC depends on no threshold and no cost.
        return weighted_metrics(probability, self._labels, self._counts, 0.5, 1.0, 1.0)["auc"]
