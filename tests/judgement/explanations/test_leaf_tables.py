from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from components.judgement.explanations import leaf_tables
from components.judgement.explanations.leaf_tables import many_rows_margin, read_trees
from components.judgement.explanations.margins import trees_file, trees_margin
from components.training.bundle import Bundle
from tests.judgement.explanations import brute


def _saved(folder: Path, seed: int, depth: int, features: int = 4, **more) -> tuple[Path, np.ndarray, xgboost.Booster]:
    rng = np.random.default_rng(seed)
    # Few values, so that rows lie on thresholds, and gaps.
    x = rng.integers(-3, 4, size=(300, features)).astype(np.float32)
    x[rng.random(x.shape) < 0.15] = np.nan
    known = np.nan_to_num(x)
    labels = (known[:, 0] * known[:, 1] + known[:, 2] + rng.normal(size=300) > 0).astype(float)
    fixed = {"objective": "binary:logistic", "max_depth": depth, "nthread": 1, "seed": seed, **more}
    booster = xgboost.train(fixed, xgboost.DMatrix(x, labels), num_boost_round=6)
    booster.save_model(folder / "model.ubj")
    return folder / "model.ubj", x, booster


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(1, 7))
def test_they_are_xgboosts_own(tmp_path_factory, seed: int, depth: int) -> None:
    path, x, _ = _saved(tmp_path_factory.mktemp("model"), seed, depth)
    assert many_rows_margin(path)(x) == pytest.approx(trees_margin(path)(x), abs=2e-6)


def test_they_are_those_of_the_definition(tmp_path: Path) -> None:
    path, x, booster = _saved(tmp_path, 1, 4)
    for row, phi in zip(x[:5], many_rows_margin(path)(x[:5]), strict=True):
        assert phi[:-1] == pytest.approx(brute.shapley(brute.path_dependent(booster, row), 4), abs=1e-5)


def test_a_served_model_is_explained_alike(trees: Bundle, rows) -> None:
    path, matrix = trees_file(trees), trees.transform.apply(rows)
    assert many_rows_margin(path)(matrix) == pytest.approx(trees_margin(path)(matrix), abs=2e-6)


def test_any_number_of_threads_gives_the_same_values(tmp_path: Path) -> None:
    path, x, _ = _saved(tmp_path, 2, 3)
    one = many_rows_margin(path, 1)(x)
    assert np.array_equal(many_rows_margin(path, 3)(x), one)
    assert np.array_equal(many_rows_margin(path, 3)(x[:2]), one[:2])


def test_a_tree_without_a_split_adds_nothing(tmp_path: Path) -> None:
    path, x, _ = _saved(tmp_path, 3, 2, min_child_weight=1e9)
    assert not many_rows_margin(path)(x)[:, :-1].any()


def test_trees_that_are_too_deep_or_of_another_kind_are_left_to_xgboost(tmp_path: Path, monkeypatch) -> None:
    path, x, _ = _saved(tmp_path, 4, 4)
    monkeypatch.setattr(leaf_tables, "MOST", 2)
    assert np.array_equal(many_rows_margin(path)(x), trees_margin(path)(x))
    dropped, x, _ = _saved(tmp_path, 4, 3, booster="dart", rate_drop=0.5)
    assert read_trees(dropped) is None
    assert np.array_equal(many_rows_margin(dropped)(x), trees_margin(dropped)(x))
