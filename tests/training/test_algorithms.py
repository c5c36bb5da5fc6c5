from dataclasses import replace

import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss
from xgboost.callback import EarlyStopping

from components.core.errors import FairleadError
from components.training.algorithms import ALGORITHMS, PATIENCE, ROUNDS, algorithm
from components.training.dataset import read
from components.training.matrices import Matrices, prepare


@pytest.fixture(scope="module")
def data(small_dataset, sba) -> Matrices:
    return prepare(read(small_dataset, sba, "train"), read(small_dataset, sba, "calibration"), sba)


@pytest.mark.parametrize("name", ALGORITHMS)
class TestEveryAlgorithm:
    def test_gives_probabilities_of_both_classes(self, name, data):
        p = algorithm(name).fit(algorithm(name).defaults, data, 7).predict_proba(data.later_x)
        assert p.shape == (len(data.later_y), 2)
        assert p.sum(axis=1) == pytest.approx(1, abs=1e-6)
        assert np.ptp(p[:, 1]) > 0.01

    def test_same_inputs_give_the_same_predictions(self, name, data):
        one, two = (algorithm(name).fit(algorithm(name).defaults, data, 7).predict_proba(data.later_x) for _ in "ab")
        assert np.array_equal(one, two)

    def test_tries_parameters_that_it_can_fit_and_its_defaults_are_among_them(self, name, data):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.enqueue_trial(dict(algorithm(name).defaults))
        first, second = (algorithm(name).suggest(study.ask()) for _ in "ab")
        assert first == algorithm(name).defaults
        assert second != first
        assert algorithm(name).fit(second, data, 7).predict_proba(data.x[:3]).shape == (3, 2)

    def test_takes_a_feature_without_any_value(self, name, data):
        empty = data.x.copy()
        empty[:, 3] = np.nan
        bare = replace(data, x=empty)
        p = algorithm(name).fit(algorithm(name).defaults, bare, 7).predict_proba(data.later_x)
        assert np.isfinite(p).all()


def test_boosting_stops_early_and_keeps_its_best_round(data):
    model = ALGORITHMS["xgboost"].fit(ALGORITHMS["xgboost"].defaults, data, 7)
    losses = model.evals_result()["validation_0"]["logloss"]
    kept = model.get_booster().num_boosted_rounds()
    assert kept == np.argmin(losses) + 1
    assert kept < len(losses) <= min(ROUNDS, kept + PATIENCE)


def test_risk_never_falls_with_an_increasing_feature(data):
    model = ALGORITHMS["xgboost"].fit(ALGORITHMS["xgboost"].defaults, data, 7)
    moved = 0.0
    for i, direction in enumerate(data.directions):
        if direction == 0:
            continue
        before, higher = model.predict_proba(data.later_x)[:, 1], data.later_x.copy()
        higher[:, i] *= 3
        rise = model.predict_proba(higher)[:, 1] - before
        assert rise.min() >= 0
        moved += rise.max()
    assert moved > 0


def test_an_unknown_algorithm_is_named():
    with pytest.raises(FairleadError, match="algorithm 'forest'"):
        algorithm("forest")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_weights_are_learned_from(name, data):
    fit, defaults = algorithm(name).fit, algorithm(name).defaults
    plain = fit(defaults, data, 7).predict_proba(data.later_x)[:, 1]
    heavy = fit(defaults, replace(data, weights=1 + 4 * data.y, later_weights=1 + 4 * data.later_y), 7)
    assert heavy.predict_proba(data.later_x)[:, 1].mean() > 2 * plain.mean()


def test_weights_of_one_boost_as_none_do(data):
    model = ALGORITHMS["xgboost"].fit(ALGORITHMS["xgboost"].defaults, data, 7)
    again = clone(model).set_params(callbacks=[EarlyStopping(rounds=PATIENCE, save_best=True)])
    bare = again.fit(data.x, data.y, eval_set=[(data.later_x, data.later_y)], verbose=False)
    assert np.array_equal(model.predict_proba(data.later_x), bare.predict_proba(data.later_x))


def test_boosting_stops_by_the_weighted_loss(data):
    heavy = replace(data, later_weights=1 + 4 * data.later_y)
    model = ALGORITHMS["xgboost"].fit(ALGORITHMS["xgboost"].defaults, heavy, 7)
    p = model.predict_proba(data.later_x)[:, 1]
    reached = min(model.evals_result()["validation_0"]["logloss"])
    assert reached == pytest.approx(log_loss(data.later_y, p, sample_weight=heavy.later_weights), rel=1e-4)
