from pathlib import Path

import numpy as np
import pytest
import xgboost

from components.core.contracts import Columns
from components.judgement.explanations.accuracy import local_accuracy
from components.judgement.explanations.interventional import Interventional, trees_against
from components.judgement.explanations.margins import NotExplained, line, trees_margin
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE
from tests.judgement.explanations import brute

FEATURES = 5


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Features that hang together, with gaps; the last one says nothing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, FEATURES)).astype(np.float32)
    x[:, 1] += x[:, 0]
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


@pytest.fixture(scope="module")
def booster(matrix: np.ndarray) -> xgboost.Booster:
    known = np.nan_to_num(matrix)
    odds = known[:, 0] * known[:, 1] + known[:, 2] - (known[:, 3] > 0.5)
    labels = (np.random.default_rng(4).random(400) < 1 / (1 + np.exp(-odds))).astype(float)
    weights = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    # A weight of 0 keeps the last feature out of every tree.
    data = xgboost.DMatrix(matrix, labels, feature_weights=weights)
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "colsample_bynode": 0.9, "seed": 1}
    return xgboost.train(settings, data, num_boost_round=12)


@pytest.fixture(scope="module")
def saved(booster: xgboost.Booster, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("booster") / "model.ubj"
    booster.save_model(path)
    return path


def _margin(booster: xgboost.Booster):
    return lambda x: booster.predict(xgboost.DMatrix(x, nthread=1), output_margin=True)


def test_interventional_values_are_those_of_the_definition(booster, saved: Path, matrix: np.ndarray) -> None:
    background = matrix[:20]
    found = trees_against(saved)(background)(matrix[100:104])
    for row, phi in zip(matrix[100:104], found, strict=True):
        value = brute.interventional(_margin(booster), row, background)
        assert phi[:-1] == pytest.approx(brute.shapley(value, FEATURES), abs=1e-5)
        assert phi[-1] == pytest.approx(value(frozenset()), abs=1e-5)


def test_path_dependent_values_are_those_of_the_definition(booster, saved: Path, matrix: np.ndarray) -> None:
    found = trees_margin(saved)(matrix[100:104])
    for row, phi in zip(matrix[100:104], found, strict=True):
        assert phi[:-1] == pytest.approx(brute.shapley(brute.path_dependent(booster, row), FEATURES), abs=1e-5)


def test_the_two_value_functions_are_not_the_same(saved: Path, matrix: np.ndarray) -> None:
    """Or the two tests above would hold whichever was computed."""
    both = trees_against(saved)(matrix[:20])(matrix[100:104]), trees_margin(saved)(matrix[100:104])
    assert np.abs(both[0] - both[1]).max() > 0.05


def test_a_feature_that_no_tree_reads_gets_nothing(saved: Path, matrix: np.ndarray) -> None:
    """Dummy."""
    for found in (trees_against(saved)(matrix[:20])(matrix), trees_margin(saved)(matrix)):
        assert not found[:, 4].any()
        assert found[:, :4].any(axis=0).all()


def test_contributions_of_a_sum_of_models_are_the_sum_of_theirs(booster, saved: Path, matrix, tmp_path: Path) -> None:
    """Additivity (linearity)."""
    halves = []
    for i, part in enumerate((booster[:5], booster[5:])):
        part.save_model(tmp_path / f"{i}.ubj")
        halves.append(tmp_path / f"{i}.ubj")
    rows, background = matrix[200:220], matrix[:20]
    for make in (lambda path: trees_against(path)(background), trees_margin):
        whole, first, second = (make(path)(rows)[:, :-1] for path in (saved, *halves))
        assert first + second == pytest.approx(whole, abs=1e-5)


def test_features_that_do_the_same_get_the_same(tmp_path: Path) -> None:
    """Symmetry: f counts which of two inputs are above 0; so do the background and the row treat them alike."""
    x = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)] * 50, dtype=np.float32)
    data = xgboost.DMatrix(x, (x[:, 0] + x[:, 1] > 0).astype(float) + (x[:, 0] + x[:, 1] == 0) * 0.5)
    settings = {"max_depth": 2, "nthread": 1, "base_score": 0.5, "lambda": 0, "eta": 1}
    trained = xgboost.train(settings, data, num_boost_round=1)
    trained.save_model(tmp_path / "model.ubj")
    rows = np.array([[1, 1], [-1, -1]], dtype=np.float32)
    found = trees_against(tmp_path / "model.ubj")(x)(rows)
    assert found[:, 0] == pytest.approx(found[:, 1], abs=1e-5)
    assert found[:, 0] == pytest.approx([0.25, -0.25], abs=1e-3)


def test_the_line_has_the_closed_form(linear: Bundle, rows: Columns) -> None:
    """phi_i = w_i (x_i - E x_i), times the slope of the calibration (Lundberg and Lee 2017, corollary 1)."""
    background = {name: values[:40] for name, values in rows.items()}
    found = Interventional(linear).explain(rows, background)
    read = line(linear)
    x, b = (read.filled(linear.transform.apply(part)) for part in (rows, background))
    expected = linear.calibration.slope * read.weights * (x - b.mean(axis=0))
    assert found.contributions == pytest.approx(expected, abs=1e-9)
    assert found.method == "linear_interventional"


def test_they_add_up_to_what_is_served(either: Bundle, rows: Columns) -> None:
    """Efficiency, with gaps among the values; base value and background's mean log-odds are the same."""
    background = {name: values[:40] for name, values in rows.items()}
    found = Interventional(either).explain(rows, background)
    accuracy = local_accuracy(found)
    assert accuracy.value is not None
    assert accuracy.value <= TOLERANCE
    p = either.probability(background)
    assert found.base_value == pytest.approx(np.mean(np.log(p / (1 - p))), abs=1e-4)


def test_another_kind_of_model_is_refused(trees: Bundle) -> None:
    foreign = trees.contract.model_copy(update={"algorithm": "forest"})
    with pytest.raises(NotExplained, match="'forest' cannot be explained"):
        Interventional(Bundle(trees.path, foreign, trees.transform, trees.calibration, trees.scorer))
