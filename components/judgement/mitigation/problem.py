"""What the ways work on: training and calibration rows with their groups, and the model as it is without any."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from components.core.contracts import FloatArray
from components.core.use_case import Training
from components.judgement.fairness.groups import Grouping
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.parity import Codes, Criterion, counted, favourable_rates, widest
from components.training import calibration
from components.training.algorithms import algorithm
from components.training.candidate import Model
from components.training.matrices import Matrices, Matrix
from components.training.train import threshold
from components.training.tune import Trial

FOLDS = 5


@dataclass(frozen=True)
class Unseen:
    """n rows with the baseline's probability, none by a model that has learned from the row; arrays of shape (n,)."""

    probability: FloatArray
    labels: FloatArray
    weights: FloatArray
    codes: Codes


@dataclass(frozen=True)
class Problem:
    """Everything that a way may look at; rows of the test split are not among it.

    Args:
        data: n training rows and m calibration rows, with labels and weights.
        groups: of the training rows.
        later_groups: of the calibration rows; the same groups.
        compared: places of the groups that are held against each other, at least two.
        criterion: what is to be evened out.
        trial: algorithm, hyperparameters and seed.
        training: costs.
    """

    data: Matrices
    groups: Grouping
    later_groups: Grouping
    compared: Codes
    criterion: Criterion
    trial: Trial
    training: Training

    @cached_property
    def model(self) -> Model:
        """The model as it is trained without mitigation."""
        return self.fit(self.data)

    @cached_property
    def base(self) -> Decider:
        """The baseline: the model with the threshold that the costs give."""
        return self.decider(self.model)

    @cached_property
    def unseen(self) -> "Unseen":
        """All training and calibration rows, each scored by a model that has not learned from it.

        A choice of thresholds on the calibration rows alone would follow their noise. So the training rows are cut by
        chance into ``FOLDS`` parts, each scored by a model of the others, calibrated as the baseline is.
        """
        d = self.data
        fold = np.random.default_rng(self.training.seed).permutation(len(d.y)) % FOLDS
        p = np.empty(len(d.y))
        for k in range(FOLDS):
            kept = fold != k
            model = self.fit(replace(d, x=d.x[kept], y=d.y[kept], weights=d.weights[kept]))
            p[~kept] = self.decider(model).probability(d.x[~kept])
        return Unseen(
            np.concatenate([p, self.base.probability(d.later_x)]),
            np.concatenate([d.y, d.later_y]),
            np.concatenate([d.weights, d.later_weights]),
            np.concatenate([self.groups.codes, self.later_groups.codes]),
        )

    def fit(self, data: Matrices) -> Model:
        """Train as the pipeline trains, on these matrices."""
        return algorithm(self.trial.algorithm).fit(self.trial.parameters, data, self.trial.seed)

    def decider(self, model: Model, columns: "np.ndarray[tuple[int], np.dtype[np.intp]] | None" = None) -> Decider:
        """Calibrate a model on the calibration rows and give it the threshold that the costs give.

        Args:
            model: trained.
            columns: features that it takes, by their places; None for all.
        """

        def score(x: Matrix) -> FloatArray:
            taken = x if columns is None else x[:, columns]
            return np.asarray(model.predict_proba(taken)[:, 1])

        fitted = calibration.fit(score(self.data.later_x), self.data.later_y, self.data.later_weights)
        return Decider(lambda x: fitted.apply(score(x)), np.full(len(self.groups), threshold(self.training)))

    @cached_property
    def rates(self) -> FloatArray:
        """Share with the favourable decision that the baseline gives each group of the rows it has not learned from."""
        rows = self.unseen
        seen = counted(rows.labels, self.criterion)
        flagged = self.base.flagged(rows.probability, rows.codes)
        return favourable_rates(flagged[seen], rows.weights[seen], rows.codes[seen], len(self.groups))

    def gap(self) -> float:
        """Return the widest gap between these rates."""
        return widest(self.rates, self.compared)

    def furthest_apart(self) -> tuple[int, int]:
        """Name the two compared groups with the highest and the lowest of these rates, by their places."""
        order = self.compared[np.argsort(self.rates[self.compared], kind="stable")]
        return int(order[-1]), int(order[0])

    def weighted(self, weights: FloatArray) -> Matrices:
        """Return the matrices with other weights of the training rows."""
        return replace(self.data, weights=weights)
