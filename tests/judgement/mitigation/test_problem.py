import numpy as np
import pytest

from components.judgement.mitigation.parity import favourable_rates
from components.training import calibration
from components.training.algorithms import algorithm


def test_the_baseline_is_what_training_makes(problem):
    data, trial = problem.data, problem.trial
    model = algorithm(trial.algorithm).fit(trial.parameters, data, trial.seed)
    fitted = calibration.fit(model.predict_proba(data.later_x)[:, 1], data.later_y, data.later_weights)
    assert problem.base.probability(data.x).tolist() == fitted.apply(model.predict_proba(data.x)[:, 1]).tolist()
    assert problem.base.thresholds.tolist() == [0.25] * 3


def test_no_row_is_scored_by_a_model_that_has_learned_from_it(boosted):
    """A booster knows its own rows better than new ones: on rows it has not seen it is no better than on the later."""
    rows, n = boosted.unseen, len(boosted.data.y)
    assert len(rows.probability) == n + len(boosted.data.later_y)
    assert rows.codes[:n].tolist() == boosted.groups.codes.tolist()

    def loss(p, y):
        return float(-np.mean(np.log(np.where(y == 1, p, 1 - p))))

    known = loss(boosted.base.probability(boosted.data.x), boosted.data.y)
    unseen = loss(rows.probability[:n], boosted.data.y)
    assert known < unseen - 0.01
    assert rows.probability[n:].tolist() == boosted.base.probability(boosted.data.later_x).tolist()


def test_the_gap_is_between_the_groups_that_are_compared(problem):
    rows = problem.unseen
    rates = favourable_rates((rows.probability >= 0.25).astype(float), rows.weights, rows.codes, 3)
    assert problem.gap() == pytest.approx(abs(rates[0] - rates[1]))
    assert problem.gap() > 0.15
    assert problem.furthest_apart() == (0, 1)
