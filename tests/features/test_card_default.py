"""Features of credit card clients, on a handful of rows that can be computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.use_case import load
from components.features import card_default
from components.features.catalogue import catalogue
from components.features.transform import fit, select

MONTHS = card_default.MONTHS


def rows(delays, bills, paid, limit=1000.0):
    columns = {"limit": np.array([limit])}
    for name, values in (("delay", delays), ("bill", bills), ("paid", paid)):
        columns |= {f"{name}_{m}": np.array([float(v)]) for m, v in zip(MONTHS, values, strict=True)}
    return columns


def value(name, columns):
    return float(card_default.FEATURES[name].compute(columns, None)[0])


ONE = rows((2, 0, -1, -1, 1, -2), (500, 400, 0, -50, 100, 250), (100, 10, 60, 0, 25, 7))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_limit", np.log(1000.0)),
        ("delay_sep", 2.0),
        ("delay_apr", -2.0),
        ("worst_delay", 2.0),
        ("months_late", 2.0),
        ("utilisation_sep", 0.5),
        ("utilisation_jun", -0.05),
        ("mean_utilisation", 0.2),
        ("bill_growth", 0.25),
        ("log_paid_sep", np.log(101.0)),
        ("repaid_sep", 100 / 400),
        ("repaid_aug", np.nan),  # nothing was owed in July
        ("repaid_jul", np.nan),  # nor in June, when too much had been paid
        ("repaid_may", 25 / 250),
        ("repaid_in_all", 202 / 1250),
    ],
)
def test_by_hand(name, expected):
    np.testing.assert_allclose(value(name, ONE), expected)


def test_a_share_of_next_to_nothing_is_cut():
    assert value("repaid_sep", rows([0] * 6, (0, 1, 0, 0, 0, 0), (900, 0, 0, 0, 0, 0))) == card_default.LARGEST_SHARE


def test_no_feature_of_the_use_case_reads_who_the_client_is():
    named = select(load("card_default").features.names, catalogue("card_default"))
    read = {name for feature in named for name in feature.inputs}
    assert read.isdisjoint({"sex", "education", "marriage", "age"})


def test_a_feature_that_does_is_there_for_showing_what_stops_it():
    sex = {"sex": np.array(["1", "2"], dtype=object)}
    assert card_default.FEATURES["female"].compute(sex, None).tolist() == [0.0, 1.0]


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=6), st.floats(1.0, 1e6))
def test_every_feature_is_finite_or_missing(amounts, limit):
    use_case = load("card_default")
    columns = rows([0] * 6, amounts, amounts[::-1], limit)
    features = select(use_case.features.names, catalogue("card_default"))
    matrix = fit(features, columns, np.array([0.0])).apply(columns)
    assert not np.isinf(matrix).any()
    assert {n for n, v in zip(use_case.features.names, matrix[0], strict=True) if np.isnan(v)} <= {
        name for name in use_case.features.names if name.startswith("repaid")
    }
