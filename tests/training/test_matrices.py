import numpy as np

from components.training.dataset import read
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
