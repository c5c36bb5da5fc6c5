import numpy as np
import pytest
import xgboost

from components.judgement.watermark.cost import Unmarked, cost
from components.training.booster import FILE
from components.training.dataset import read


def test_without_the_mark_it_is_the_model_that_was_trained_without_a_key(marked):
    booster = xgboost.Booster()
    booster.load_model(marked.bundle / FILE)
    found = marked.reading()
    bundle = marked.subject().bundle
    unmarked = Unmarked(bundle, booster, found.marks, found.key, marked.dataset, marked.case)
    rows = read(marked.dataset, marked.case, "test")
    assert unmarked.probability(rows.columns) == pytest.approx(marked.plain.probability(rows.columns), abs=1e-6)
    assert np.abs(bundle.probability(rows.columns) - marked.plain.probability(rows.columns)).max() > 0.01


def test_a_mark_that_costs_is_told_and_one_that_does_not_is_not(marked):
    rows = read(marked.dataset, marked.case, "test")
    ours, plain = (model.probability(rows.columns) for model in (marked.candidate, marked.plain))
    free = cost(rows.labels, rows.weights, ours, plain, "auc", marked.case)
    assert free.low < 0 < free.high < 0.005
    noise = np.random.default_rng(2).normal(0, 0.2, len(plain))
    dear = cost(rows.labels, rows.weights, np.clip(plain + noise, 0.001, 0.999), plain, "auc", marked.case)
    assert dear.low > 0.01
    assert cost(rows.labels, rows.weights, plain, plain, "log_loss", marked.case).value == 0
