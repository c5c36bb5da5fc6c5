"""A way that changes how the model learns: training under a limit on the gap between groups."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from components.core.contracts import FloatArray
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.problem import Problem
from components.training.matrices import Matrix

_Fit = Callable[[Matrix, npt.NDArray[np.int64], FloatArray], Any]
"""(matrix, labels, weights) → fitted model."""

ITERATIONS = 12
"""Rounds of the search at most; it is nearly always done before."""


def constrained(problem: Problem, strength: float) -> Decider:
    """Train under a limit on the gap, by the reductions of fairlearn, around the same kind of model.

    Exponentiated gradient (Agarwal, Beygelzimer, Dudík, Langford and Wallach, "A reductions approach to fair
    classification", ICML 2018) trains the model again and again on costs that are higher for the group that comes off
    worse, and ends with some models and a chance for each to be drawn for a decision. A decision by lot can be
    explained to nobody, so they are made one: the probability is the mean of the models' scores, weighted by their
    chances, calibrated as every model is, and held against the threshold that the costs give. The limit then need not
    hold exactly: what it comes to is measured. The group is used in training alone, and not known when it decides.

    Rows of groups with too few rows to be compared take no part in it.

    Args:
        problem: rows, labels, weights and groups.
        strength: share of the baseline's gap that is to go, see ``Problem.gap``.
    """
    from fairlearn.reductions import DemographicParity, ErrorRate, ExponentiatedGradient, FalsePositiveRateParity

    inside = np.isin(problem.groups.codes, problem.compared)
    # fairlearn bounds each group's distance from all rows, of which the gap between two groups may be twice.
    bound = max(1e-3, (1 - strength) * problem.gap() / 2)
    # With 1 for a bad outcome, the share of flagged rows among good outcomes is the false positive rate.
    parity = DemographicParity if problem.criterion == "demographic_parity" else FalsePositiveRateParity
    search = ExponentiatedGradient(
        _Learner(_again(problem.model), problem.data.weights[inside]),
        constraints=parity(difference_bound=bound),
        objective=ErrorRate(
            costs={"fp": problem.training.cost_false_positive, "fn": problem.training.cost_false_negative}
        ),
        max_iter=ITERATIONS,
    )
    with warnings.catch_warnings():
        # Its own bookkeeping in pandas and scipy warns of what will change there; nothing a user could act on.
        warnings.simplefilter("ignore")
        search.fit(
            problem.data.x[inside],
            problem.data.y[inside].astype(np.int64),
            sensitive_features=problem.groups.codes[inside],
        )
    members = [(search.predictors_[i], float(chance)) for i, chance in search.weights_.items() if chance > 0]
    return replace(problem.decider(_Mean(members)), detail=f"mean of {len(members)} models")


class _Mean:
    """Models as one: the mean of their scores."""

    def __init__(self, members: "list[tuple[_Learner, float]]") -> None:
        self._members = members

    def predict_proba(self, X: Matrix, /) -> npt.NDArray[Any]:  # noqa: N803  scikit-learn's name
        """Score a matrix of shape (n, features); returns shape (n, 2): good, bad."""
        total = sum(chance for _, chance in self._members)
        bad = sum(chance * member.score_rows(X) for member, chance in self._members) / total
        return np.column_stack([1 - bad, bad])


class _Learner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The pipeline's model in the form that fairlearn trains: another fit of the same settings on other labels."""

    def __init__(self, again: _Fit, counts: FloatArray) -> None:
        self.again = again
        self.counts = counts

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "_Learner":  # noqa: N803  scikit-learn's name
        """Learn on all rows, always the same, with labels and costs of this round."""
        labels = np.asarray(y, dtype=np.int64).ravel()
        weights = self.counts * np.asarray(sample_weight, dtype=np.float64).ravel()
        self.classes_ = np.array([0, 1])
        # Costs may become so high for one side that all rows get one label.
        self.always_ = float(labels[0]) if len(np.unique(labels)) == 1 else None
        if self.always_ is None:
            # The mean weight is 1 as in the model's own training: what regularises it works as there.
            self.fitted_ = self.again(np.asarray(X, dtype=np.float32), labels, weights / weights.mean())
        return self

    def score_rows(self, X: Any) -> FloatArray:  # noqa: N803  scikit-learn's name
        """Score of the positive class, shape (n,)."""
        matrix = np.asarray(X, dtype=np.float32)
        if self.always_ is not None:
            return np.full(len(matrix), self.always_)
        return np.asarray(self.fitted_.predict_proba(matrix)[:, 1], dtype=np.float64)

    def predict(self, X: Any) -> npt.NDArray[np.int64]:  # noqa: N803  scikit-learn's name
        """Decide: the costs are in the weights, hence one half."""
        return (self.score_rows(X) >= 0.5).astype(np.int64)


def _again(model: Any) -> _Fit:
    """Return what fits a copy of a model: one of its settings, a booster with as many rounds as it was found to need.

    Boosting cannot be stopped by rows of its own here: they would need labels and costs that change from fit to fit. It
    is a function since fairlearn clones what it is given, and a cloned booster would have lost its rounds.
    """
    if isinstance(model, xgboost.XGBClassifier):
        rounds = model.get_booster().num_boosted_rounds()
        settings = {**model.get_params(), "n_estimators": rounds, "callbacks": None}
        return lambda x, labels, weights: xgboost.XGBClassifier(**settings).fit(x, labels, sample_weight=weights)
    return lambda x, labels, weights: clone(model).fit(x, labels, logistic__sample_weight=weights)
