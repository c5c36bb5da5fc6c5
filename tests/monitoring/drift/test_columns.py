import numpy as np
import polars as pl
import pytest

from components.core import watching
from components.monitoring.drift.columns import measure_column, too_few

RNG = np.random.default_rng(2)
SETTINGS = watching.Drift(minimum_rows=100)


def test_a_number_and_a_category_get_the_tests_asked_for() -> None:
    number, words = pl.Series(RNG.normal(size=300)), pl.Series(RNG.choice(["a", "b"], 300))
    assert [x.test for x in measure_column("x", "float", number, number, SETTINGS)] == ["ks", "psi"]
    assert [x.test for x in measure_column("x", "category", words, words, SETTINGS)] == [
        "chi_square",
        "jensen_shannon",
        "new_categories",
    ]
    for kind, values in (("float", number), ("category", words)):
        assert all(
            x.effect.size == pytest.approx(0, abs=1e-7) for x in measure_column("x", kind, values, values, SETTINGS)
        )


def test_the_answers_are_of_a_kind_of_their_own() -> None:
    values = pl.Series(RNG.random(300))
    assert {x.kind for x in measure_column("probability", "float", values, values, SETTINGS)} == {"prediction"}


def test_the_p_value_is_there_whether_the_test_was_asked_for_or_not() -> None:
    values = pl.Series(RNG.normal(size=300))
    lines = measure_column("x", "float", values, values, watching.Drift(numeric=("psi",), minimum_rows=100))
    assert [(x.test, x.shown) for x in lines] == [("psi", True), ("ks", False)]


def test_too_few_values_are_no_data_though_there_are_rows() -> None:
    values = pl.Series(RNG.normal(size=300))
    few = pl.Series([*values[:99], *[None] * 201], dtype=pl.Float64)
    ks, psi, missing = measure_column("x", "float", values, few, SETTINGS)
    assert ks.effect.size is psi.effect.size is None
    assert ks.effect.reason == "the newest window has 99 values, needed 100"
    assert ks.rows == (300, 99)
    assert missing.effect.size == pytest.approx(201 / 300)
    assert missing.rows == (300, 300)


def test_too_few_rows_are_no_data_for_what_is_missing_too() -> None:
    few = pl.Series([None, 1.0])
    assert {x.effect.size for x in measure_column("x", "float", few, few, SETTINGS)} == {None}


def test_text_where_numbers_were_is_no_number() -> None:
    values = pl.Series(RNG.normal(size=300))
    ks, _ = measure_column("x", "float", values, values.cast(pl.String), SETTINGS)
    assert ks.effect.reason == "the newest window holds text, which no numeric test can compare"


def test_enough_is_enough() -> None:
    assert too_few((100, 100), 100) == ""
    assert too_few((99, 100), 100, "rows") == "the reference has 99 rows, needed 100"
