import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from components.core.contracts import Field
from components.judgement.robustness.shift import estimate_shift, measure_shifts, relative_loss, shift_weights

RNG = np.random.default_rng(9)
N = 3_000
X = RNG.random(N)
LABELS = (RNG.random(N) < 0.1 + 0.4 * X).astype(np.float64)
FIELDS = [Field(name="x", kind="float"), Field(name="form", kind="category"), Field(name="alike", kind="int")]
ROWS = {"x": X, "form": np.full(N, "a", dtype=object), "alike": np.zeros(N)}


def test_the_outer_third_becomes_two_thirds() -> None:
    weights = shift_weights(ROWS, FIELDS)
    assert list(weights) == ["x=low", "x=high"]
    high = weights["x=high"]
    assert high.mean() == pytest.approx(1)
    assert high[np.quantile(X, 2 / 3) <= X].sum() / high.sum() == pytest.approx(2 / 3)


def test_gaps_and_ties_are_borne() -> None:
    gaps = np.where(X < 0.5, np.nan, X)
    assert list(shift_weights({"x": gaps}, FIELDS[:1])) == ["x=low", "x=high"]
    assert shift_weights({"x": np.full(N, np.nan)}, FIELDS[:1]) == {}


def test_measures_are_those_of_scikit_learn_on_weighted_rows() -> None:
    probability = 0.1 + 0.4 * X
    weights = shift_weights(ROWS, FIELDS)
    found = {s.name: s for s in measure_shifts(probability, LABELS, np.ones(N), weights)}
    w = weights["x=low"]
    rate = np.average(LABELS, weights=w)
    blind = log_loss(LABELS, np.full(N, rate), sample_weight=w)
    assert found["x=low"].loss == pytest.approx(log_loss(LABELS, probability, sample_weight=w) / blind)
    assert found["x=low"].auc == pytest.approx(roc_auc_score(LABELS, probability, sample_weight=w))
    # A third weighs 2 and the rest 1/2 each: Kish's n is n² / (n/3 · 4 + 2n/3 · 1/4) = 2/3 n.
    assert found["x=low"].effective == pytest.approx(2 / 3 * N, rel=1e-3)


def test_a_model_that_is_wrong_about_one_end_is_found_there() -> None:
    probability = np.where(X > 0.7, 0.02, 0.1 + 0.4 * X)
    worst = measure_shifts(probability, LABELS, np.ones(N), shift_weights(ROWS, FIELDS))[0]
    assert worst.name == "x=high"
    assert worst.loss > 1
    loss, _ = estimate_shift(probability, LABELS, shift_weights(ROWS, FIELDS)["x=high"], 100, 7)
    assert loss.value == pytest.approx(worst.loss)
    assert loss.low is not None
    assert 1 < loss.low < worst.loss


def test_with_one_outcome_nothing_is_measured() -> None:
    assert measure_shifts(X, np.zeros(N), np.ones(N), shift_weights(ROWS, FIELDS)) == []
    assert np.isnan(relative_loss(X, np.zeros(N), np.ones((1, N)))).all()
