"""Cost: the marked model beside itself without the mark, on the same test rows."""

from pathlib import Path
from typing import Literal

import numpy as np
import xgboost

from components.core.contracts import Columns, Estimate, FloatArray
from components.core.use_case import UseCase
from components.judgement.compare import compare
from components.training import calibration
from components.training.bundle import Bundle
from components.training.dataset import read
from components.training.marked_trees import without_trees
from components.training.marks import Mark
from components.training.splits import CALIBRATION
from components.training.watermark_key import WatermarkKey


class Unmarked:
    """The model as it would be had it been trained without a key: without the mark's trees, and calibrated as it was.

    Args:
        bundle: of the marked model.
        booster: its trees.
        marks: its marks.
        key: what they came of.
        dataset: what ``label_rows`` wrote.
        use_case: the model's.
    """

    def __init__(
        self,
        bundle: Bundle,
        booster: xgboost.Booster,
        marks: tuple[Mark, ...],
        key: WatermarkKey,
        dataset: Path,
        use_case: UseCase,
    ) -> None:
        self._transform = bundle.transform
        self._booster = without_trees(booster, marks, key)
        rows = read(dataset, use_case, CALIBRATION)
        self._calibration = calibration.fit(self._score(rows.columns), rows.labels, rows.weights)

    def probability(self, rows: Columns) -> FloatArray:
        """Probability of a bad outcome, shape (n,)."""
        return self._calibration.apply(self._score(rows))

    def _score(self, rows: Columns) -> FloatArray:
        scores: FloatArray = self._booster.inplace_predict(self._transform.apply(rows), missing=np.nan)
        return scores


def cost(
    labels: FloatArray,
    weights: FloatArray,
    marked: FloatArray,
    unmarked: FloatArray,
    metric: Literal["auc", "log_loss"],
    use_case: UseCase,
) -> Estimate:
    """Estimate how much worse the marked model is, with the 95 % interval of a paired bootstrap; below 0 it is better.

    Args:
        labels: of the test rows, shape (n,).
        weights: how many rows each stands for, shape (n,).
        marked: probabilities, shape (n,).
        unmarked: probabilities of the same rows.
        metric: what to compare.
        use_case: tells rounds and seed.
    """
    rounds, seed = use_case.training.bootstrap_rounds, use_case.training.seed
    return compare(labels, marked, unmarked, metric, rounds, seed, weights).worse_by
