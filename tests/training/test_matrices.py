from dataclasses import replace

import numpy as np
import pytest

from components.core.watching import Window
from components.training.dataset import read
from components.training.development import MONTH
from components.training.matrices import prepare


def test_the_transform_learns_on_the_older_rows_alone(small_dataset, sba):
    older, newer = read(small_dataset, sba, "train"), read(small_dataset, sba, "calibration")
    data = prepare(older, newer, sba)
    other = prepare(older, read(small_dataset, sba, "test"), sba)
    assert data.transform.fingerprint() == other.transform.fingerprint()
    assert data.transform.fingerprint() != prepare(newer, older, sba).transform.fingerprint()


def test_matrices_are_what_the_transform_gives(small_dataset, sba):
    older, newer = read(small_dataset, sba, "train"), read(small_dataset, sba, "calibration")
    data = prepare(older, newer, sba)
    assert data.x.dtype == data.later_x.dtype == np.float32
    assert data.x.shape == (len(older.labels), len(sba.features.names))
    assert np.array_equal(data.later_x, data.transform.apply(newer.columns), equal_nan=True)
    assert np.array_equal(data.later_y, newer.labels)


def test_directions_follow_the_use_case(small_dataset, sba):
    rows = read(small_dataset, sba, "calibration")
    directions = dict(zip(sba.features.names, prepare(rows, rows, sba).directions, strict=True))
    assert {name for name, d in directions.items() if d == 1} == set(sba.training.increasing)
    assert set(directions.values()) == {0, 1}


def decaying(sba, months):
    training = sba.training.model_copy(update={"window": Window(policy="decaying", months=months)})
    return sba.model_copy(update={"training": training})


def test_without_a_decaying_window_weights_are_those_of_the_rows(small_dataset, sba):
    older, newer = read(small_dataset, sba, "train"), read(small_dataset, sba, "calibration")
    data = prepare(older, newer, sba)
    assert data.weights is older.weights
    assert data.later_weights is newer.weights


def test_a_decaying_window_halves_with_age_and_keeps_the_mean_weight(small_dataset, sba):
    older, newer = read(small_dataset, sba, "train"), read(small_dataset, sba, "calibration")
    older = replace(older, weights=1 + older.labels)
    data = prepare(older, newer, decaying(sba, 24))
    assert data.weights.mean() == pytest.approx(older.weights.mean())
    months = (older.days.max() - older.days).astype(float) / MONTH
    counts = data.weights / older.weights
    assert counts / counts[-1] == pytest.approx(0.5 ** (months / 24))
    assert counts[0] < 0.2 * counts[-1]
    assert np.array_equal(data.later_weights, newer.weights)


def test_a_very_long_half_life_is_no_decay(small_dataset, sba):
    older = read(small_dataset, sba, "train")
    assert prepare(older, older, decaying(sba, 10**9)).weights == pytest.approx(older.weights)
