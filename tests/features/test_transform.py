import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import ContractViolation, FairleadError
from components.features.transform import Feature, Transform, fit, select

CATALOGUE = {
    f.name: f
    for f in [
        Feature("double", ("x",), lambda rows, _: rows["x"] * 2),
        Feature("above", ("x", "y"), lambda rows, mean: rows["x"] - mean, lambda rows, _: float(rows["x"].mean())),
        Feature("rate", ("y",), lambda rows, rate: rows["y"] * rate, lambda _, labels: float(labels.mean())),
    ]
}
ROWS = {"x": np.array([1.0, 3.0, np.nan]), "y": np.array([1.0, 1.0, 1.0])}


def fitted() -> Transform:
    train = {"x": np.array([1.0, 3.0]), "y": np.array([0.0, 0.0])}
    return fit(select(["rate", "double", "above"], CATALOGUE), train, np.array([1.0, 0.0]))


def test_columns_stand_in_the_order_asked_for():
    transform = fitted()
    assert transform.names == ("rate", "double", "above")
    assert transform.inputs == ("y", "x")
    matrix = transform.apply(ROWS)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, [[0.5, 2, -1], [0.5, 6, 1], [0.5, np.nan, np.nan]])


def test_state_is_learnt_once_and_not_from_what_it_is_applied_to():
    transform = fitted()
    alone = np.vstack([transform.apply({k: v[i : i + 1] for k, v in ROWS.items()}) for i in range(3)])
    np.testing.assert_array_equal(alone, transform.apply(ROWS))
    assert transform.state == {"above": 2.0, "rate": 0.5}


def test_json_and_back_is_the_same_transform():
    transform = fitted()
    again = Transform.from_json(transform.to_json(), CATALOGUE)
    assert again == transform
    assert again.to_json() == transform.to_json()
    assert again.fingerprint() == transform.fingerprint()


def test_the_fingerprint_follows_names_order_and_state():
    transform = fitted()
    others = [
        Transform(transform.features[::-1], transform.state),
        Transform(transform.features[1:], transform.state),
        Transform(transform.features, {**transform.state, "rate": 0.25}),
    ]
    assert len({t.fingerprint() for t in [transform, *others]}) == 4


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_state_keeps_every_bit(value):
    transform = Transform((CATALOGUE["rate"],), {"rate": value})
    assert Transform.from_json(transform.to_json(), CATALOGUE).state["rate"] == value
    assert json.loads(transform.to_json())["features"] == ["rate"]


def test_a_missing_column_is_named():
    with pytest.raises(ContractViolation, match="missing column y; found: x"):
        fitted().apply({"x": np.zeros(2)})


def test_columns_of_different_length_are_refused():
    with pytest.raises(ContractViolation, match="differ in length"):
        fitted().apply({"x": np.zeros(2), "y": np.zeros(3)})


def test_an_unknown_feature_is_named_with_those_there_are():
    with pytest.raises(FairleadError, match="unknown feature 'triple'; allowed: double, above, rate"):
        select(["double", "triple"], CATALOGUE)


def test_no_rows_give_an_empty_matrix():
    assert fitted().apply({"x": np.zeros(0), "y": np.zeros(0)}).shape == (0, 3)
