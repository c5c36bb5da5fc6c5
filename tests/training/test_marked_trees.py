import json

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from components.training.marked_trees import add_trees, without_trees
from components.training.marks import Mark, within
from components.training.watermark_key import WatermarkKey
from tests.training.clients import KEY

NOTHING = np.zeros(0)


def mark(feature, low, high):
    return Mark(feature, low, high, "", NOTHING, NOTHING, 1, 1)


MARKS = [mark(0, -1.0, -0.5), mark(0, 0.0, 0.25), mark(0, 0.5, 0.75), mark(0, 1.0, 1.5), mark(2, -0.25, 0.25)]


@pytest.fixture(scope="module")
def matrix():
    rows = np.random.default_rng(3).normal(size=(600, 3)).astype(np.float32)
    rows[::7, 0] = np.nan
    return rows


@pytest.fixture(scope="module")
def booster(matrix):
    labels = np.nan_to_num(matrix[:, 0]) + matrix[:, 1] > 0
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 1}
    return xgboost.train(settings, xgboost.DMatrix(matrix, labels), 12)


def margin(model, rows):
    return model.inplace_predict(rows, predict_type="margin", missing=np.nan).astype(float)


def marked(booster, matrix, bumps, key=KEY):
    return add_trees(booster, MARKS, np.array(bumps), matrix, np.full(len(matrix), 0.2), key)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=5), st.binary(min_size=32, max_size=32))
def test_within_a_band_the_log_odds_move_by_its_bump_and_nowhere_else(booster, matrix, bumps, secret):
    moved = margin(marked(booster, matrix, bumps, WatermarkKey(secret)), matrix) - margin(booster, matrix)
    assert moved == pytest.approx(within(MARKS, matrix) @ bumps, abs=1e-5)


def test_the_ends_of_a_band_are_within_and_above(booster, matrix):
    rows = np.zeros((3, 3), dtype=np.float32)
    rows[:, 0] = [np.nextafter(np.float32(0.5), np.float32(0)), 0.5, 0.75]
    moved = margin(marked(booster, matrix, [0, 0, 0.3, 0, 0]), rows) - margin(booster, rows)
    assert moved == pytest.approx([0, 0.3, 0], abs=1e-5)


def test_with_the_key_the_trees_come_out_again(booster, matrix):
    bumps = [0.1, -0.2, 0.3, 0.1, 0.2]
    model = marked(booster, matrix, bumps)
    assert model.num_boosted_rounds() == 12 + 3
    again = without_trees(model, MARKS, KEY)
    assert margin(again, matrix).tolist() == margin(booster, matrix).tolist()
    assert again.get_dump() == booster.get_dump()


def test_the_key_shuffles_the_trees_in(booster, matrix):
    own = booster.get_dump()
    places = set()
    for byte in range(12):
        dump = marked(booster, matrix, [0.1] * 5, WatermarkKey(bytes([byte]) * 32)).get_dump()
        assert [tree for tree in dump if tree in own] == own  # the model's own stay in order
        places.add(tuple(tree in own for tree in dump))
    assert len(places) > 6


def test_trees_count_the_rows_that_reach_a_node(booster, matrix):
    model = json.loads(bytes(marked(booster, matrix, [0.1, 0.2, 0.3, 0.4, 0.5]).save_raw("json")))
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    (tree,) = [t for t in trees if 2 in t["split_indices"] and len(t["left_children"]) == 5]
    assert tree["sum_hessian"][0] == pytest.approx(0.2 * len(matrix), rel=1e-5)
    leaf = next(i for i in range(5) if tree["split_conditions"][i] == pytest.approx(0.5))
    inside = ((matrix[:, 2] >= -0.25) & (matrix[:, 2] < 0.25)).sum()
    assert tree["sum_hessian"][leaf] == pytest.approx(0.2 * inside, rel=1e-5)
    assert max(tree["loss_changes"]) > 0


def test_a_model_that_stopped_early_is_still_asked_in_full(matrix):
    labels = (matrix[:, 1] > 0).astype(float)
    stop = xgboost.callback.EarlyStopping(rounds=3, save_best=True)
    model = xgboost.XGBClassifier(n_estimators=40, n_jobs=1, callbacks=[stop], eval_metric="logloss")
    model.fit(matrix[:400], labels[:400], eval_set=[(matrix[400:], labels[400:])], verbose=False)
    own = model.get_booster()
    moved = margin(marked(own, matrix, [0.1, -0.2, 0.3, 0.1, 0.2]), matrix) - margin(own, matrix)
    assert moved == pytest.approx(within(MARKS, matrix) @ [0.1, -0.2, 0.3, 0.1, 0.2], abs=1e-5)
