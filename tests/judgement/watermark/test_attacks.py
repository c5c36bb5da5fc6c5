import numpy as np
import pytest
import xgboost

from components.judgement.watermark import attacks
from components.training.dataset import read
from components.training.marked_trees import read_trees


@pytest.fixture(scope="module")
def booster(marked):
    return marked.candidate.model.get_booster()


@pytest.fixture(scope="module")
def fresh(marked):
    rows = read(marked.dataset, marked.case, "calibration")
    return marked.candidate.transform.apply(rows.columns), rows.labels


def margin(p):
    p = np.asarray(p, dtype=float)
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("copy", [attacks.copied, attacks.copied_by_another])
def test_a_copy_answers_like_its_original(copy, booster, fresh):
    rows = fresh[0][:1_000]
    p = attacks.of_booster(booster)(rows)
    assert np.corrcoef(copy(rows, p)(rows), p)[0, 1] > 0.99


def test_a_linear_copy_of_a_linear_model_is_that_model():
    rows = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    p = 1 / (1 + np.exp(-(rows @ [0.5, -1.0, 0.2] + 0.3)))
    assert attacks.copied_linearly(rows[:100], p[:100])(rows[100:]) == pytest.approx(p[100:], abs=1e-5)


def test_a_copy_of_decisions_decides_alike(booster, fresh):
    rows = fresh[0]
    decisions = (attacks.of_booster(booster)(rows) >= 0.25).astype(float)
    copy = attacks.copied_from_decisions(rows, decisions)(rows)
    assert ((copy >= 0.5) == decisions).mean() > 0.95


def test_pruning_leaves_the_first_trees(booster, fresh):
    rounds = booster.num_boosted_rounds()
    left = attacks.pruned(booster, 0.25)(fresh[0])
    expected = booster.inplace_predict(fresh[0], iteration_range=(0, round(0.75 * rounds)), missing=np.nan)
    assert np.array_equal(left, expected)


def test_thinning_adds_twice_what_every_second_tree_adds(booster, fresh):
    rows = fresh[0][:50]
    start = booster.inplace_predict(rows, iteration_range=(0, 1), predict_type="margin", missing=np.nan)
    own = [
        booster.inplace_predict(rows, iteration_range=(i, i + 1), predict_type="margin", missing=np.nan)
        for i in range(booster.num_boosted_rounds())
    ]
    base = start - added_by_the_first(booster, rows)
    expected = base + 2 * sum(tree - base for tree in own[::2])
    assert margin(attacks.thinned(booster)(rows)) == pytest.approx(expected, abs=1e-4)


def added_by_the_first(booster, rows):
    """What the first tree adds, read from its leaves."""
    tree = read_trees(booster)[0]
    leaves = booster[:1].predict(xgboost.DMatrix(rows), pred_leaf=True).ravel().astype(int)
    return np.array([tree["split_conditions"][leaf] for leaf in leaves])


def test_cutting_at_full_depth_changes_nothing_and_at_none_leaves_a_constant(booster, fresh):
    rows = fresh[0]
    assert attacks.made_shallow(booster, 20)(rows) == pytest.approx(attacks.of_booster(booster)(rows), abs=1e-6)
    assert np.ptp(attacks.made_shallow(booster, 0)(rows)) == 0
    assert 0 < np.abs(attacks.made_shallow(booster, 2)(rows) - attacks.of_booster(booster)(rows)).max() < 0.5


def test_who_knows_how_marks_are_written_can_take_them_out_of_the_file(marked, booster, fresh):
    """Said openly in the report: the mark is for who has answers, the signature for who has the file."""
    left = margin(attacks.without_plain_trees(booster)(fresh[0]))
    plain = margin(marked.plain.model.predict_proba(fresh[0])[:, 1])
    assert np.abs(left - plain).mean() < 0.05


def test_training_on_leaves_the_trees_that_there_were(booster, fresh):
    before = attacks.of_booster(booster)(fresh[0])
    after = attacks.boosted_further(booster, *fresh)(fresh[0])
    assert loss(fresh[1], after) < loss(fresh[1], before)
    assert np.array_equal(attacks.of_booster(booster)(fresh[0]), before)  # the victim's own is left as it is


def test_leaves_fitted_anew_are_those_of_the_new_rows(booster, fresh):
    before = attacks.of_booster(booster)(fresh[0])
    assert loss(fresh[1], attacks.fitted_anew(booster, *fresh)(fresh[0])) < loss(fresh[1], before)
    assert np.array_equal(attacks.of_booster(booster)(fresh[0]), before)


def test_rounding_gives_fewer_values(booster, fresh):
    assert len(np.unique(attacks.rounded(attacks.of_booster(booster), 1)(fresh[0]))) <= 11


def loss(labels, p):
    return -np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p))
