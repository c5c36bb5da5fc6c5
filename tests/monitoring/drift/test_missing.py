import polars as pl
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from components.monitoring.drift.missing import count_missing, missing_share


def test_the_test_of_two_proportions_is_the_chi_square_of_their_table() -> None:
    found = missing_share((100, 1000), (130, 900))
    assert found.size == pytest.approx(130 / 900 - 0.1)
    assert found.p_value == pytest.approx(chi2_contingency([[100, 900], [130, 770]], correction=False).pvalue)


def test_a_few_are_tested_exactly() -> None:
    found = missing_share((0, 1000), (4, 1000))
    assert found.p_value == pytest.approx(fisher_exact([[0, 1000], [4, 996]]).pvalue)


@pytest.mark.parametrize("none", [0, 500])
def test_all_or_nothing_on_both_sides_is_no_change(none: int) -> None:
    assert missing_share((none, 500), (none, 500))[:2] == (0, 1)


def test_a_column_that_comes_back_has_moved_too() -> None:
    found = missing_share((500, 500), (0, 500))
    assert found.size == 1
    assert found.p_value is not None
    assert found.p_value < 1e-100


def test_null_and_nan_are_missing_and_other_things_are_not() -> None:
    assert count_missing(pl.Series([0.0, None, float("nan"), float("inf")])) == 2
    assert count_missing(pl.Series(["", None, "NaN"])) == 1
