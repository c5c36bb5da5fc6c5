import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.core.judging import Attribute, Fairness
from components.judgement.fairness.groups import MISSING, UNLISTED, bands, group_of, grouping, groupings, together

SEX = Attribute(column="sex", groups={"male": ("1",), "female": ("2",)}, privileged="male")
MARRIAGE = Attribute(column="marriage", groups={"married": ("1",), "single": ("2",)}, privileged="married")
PEOPLE = pl.DataFrame({"sex": ["2", "1", "2", None, "9"], "marriage": ["1", "1", "2", "2", "1"]})


def test_values_go_to_their_groups_and_what_is_empty_or_in_none_of_them_to_groups_of_its_own():
    assert group_of(PEOPLE, SEX).to_list() == ["female", "male", "female", MISSING, UNLISTED]


def test_without_groups_each_value_is_one():
    assert group_of(PEOPLE, Attribute(column="marriage")).to_list() == ["1", "1", "2", "2", "1"]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64])
def test_numbers_name_the_same_groups_in_a_table_and_in_a_log(dtype):
    numbers = pl.DataFrame({"code": pl.Series([1, 2, None], dtype=dtype)})
    assert group_of(numbers, Attribute(column="code", groups={"one": ("1",)})).to_list() == ["one", UNLISTED, MISSING]
    assert group_of(numbers, Attribute(column="code")).to_list() == ["1", "2", MISSING]


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1),
    st.sets(st.integers(-100, 100), min_size=1, max_size=5),
)
def test_each_number_is_in_the_band_whose_cut_it_has_reached(values, cuts):
    ordered = tuple(float(c) for c in sorted(cuts))
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64}, strict=False)
    for value, found in zip(values, group_of(frame, Attribute(column="x", cuts=ordered)), strict=True):
        if value is None or np.isnan(value):
            assert found == MISSING
        else:
            assert found == bands(ordered)[sum(value >= c for c in ordered)]


def test_groups_that_are_named_stay_in_their_order_even_without_a_row():
    found = grouping(pl.DataFrame({"sex": ["2", "7"]}), SEX)
    assert found.names == ("sex=male", "sex=female", "sex=unlisted")
    assert found.rows().tolist() == [0, 1, 1]


def test_intersections_hold_both_names_and_only_groups_with_rows():
    case = Fairness(attributes=(SEX, MARRIAGE), intersections=(("sex", "marriage"),))
    *_, both = groupings(PEOPLE, case)
    assert both.name == "sex & marriage"
    assert both.privileged == "sex=male & marriage=married"
    assert [both.names[c] for c in both.codes] == [
        "sex=female & marriage=married",
        "sex=male & marriage=married",
        "sex=female & marriage=single",
        "sex=missing & marriage=single",
        "sex=unlisted & marriage=married",
    ]
    assert (both.rows() > 0).all()


def test_a_privileged_pair_without_rows_leaves_the_choice_to_the_figures():
    people = pl.DataFrame({"sex": ["1", "2"], "marriage": ["2", "1"]})
    assert together(grouping(people, SEX), grouping(people, MARRIAGE)).privileged is None


def test_an_unknown_column_or_privileged_group_and_cuts_of_text_are_refused_by_name():
    with pytest.raises(FairleadError, match="unknown column of a protected attribute 'religion'; allowed: sex, marr"):
        group_of(PEOPLE, Attribute(column="religion"))
    with pytest.raises(FairleadError, match="unknown privileged group of attribute 'sex' 'men'; allowed: male, fem"):
        grouping(PEOPLE, SEX.model_copy(update={"privileged": "men"}))
    with pytest.raises(FairleadError, match="'sex' has cuts, which are for numbers, and its column is String"):
        group_of(PEOPLE, Attribute(column="sex", cuts=(1.0,)))
