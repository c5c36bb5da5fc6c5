"""Gates on figures: decided on an end of the interval, and "not enough data" is a verdict of its own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Estimate
from components.core.errors import FairleadError
from components.core.gating import Limit
from components.judgement.check_report import CheckReport, Figure
from components.judgement.limits import judge_limit


def ratio(of, value=None, low=None, high=None, n=500, reason=""):
    estimate = Estimate(value=value, low=low, high=high, n=n)
    return Figure(name="parity_ratio", of=of, estimate=estimate, reason=reason)


def report(*figures):
    return CheckReport(check="fairness", figures=figures, meanings={"parity_ratio": "of selection rates"})


def limit(**changes):
    given = {"gate": "parity", "check": "fairness", "figure": "parity_ratio", "of": "sex=female", "minimum": 0.8}
    return Limit.model_validate({**given, **changes})


FEMALE = ratio("sex=female", 0.85, 0.75, 0.95)


@pytest.mark.parametrize(
    ("changes", "verdict", "value"),
    [
        ({"bound": "low"}, "fail", 0.75),
        ({"bound": "value"}, "pass", 0.85),
        ({"bound": "high"}, "pass", 0.95),
        ({"minimum": None, "maximum": 0.9, "bound": "high"}, "fail", 0.95),
        ({"minimum": None, "maximum": 0.9, "bound": "low"}, "pass", 0.75),
    ],
)
def test_an_end_of_the_interval_decides(changes, verdict, value):
    (found,) = judge_limit(limit(**changes), [report(FEMALE)])
    assert (found.verdict, found.value, found.gate) == (verdict, value, "parity")
    assert str(found.estimate) == "0.8500 [0.7500, 0.9500] (n=500)"


def test_what_is_compared_is_said_in_words():
    (found,) = judge_limit(limit(bound="low"), [report(FEMALE)])
    assert found.check == "fairness: parity_ratio.low of sex=female >= 0.8"


@pytest.mark.parametrize(
    ("figure", "says"),
    [
        (ratio("sex=female", n=1, reason="1 row, needs 100"), "not enough data: 1 row, needs 100"),
        (ratio("sex=female", 0.9, 0.8, 1.0, n=7), "not enough data: 7 rows; needs 50"),
        (ratio("sex=female", 0.9), "no interval"),
    ],
)
def test_too_little_data_is_no_pass_and_blocks(figure, says):
    (found,) = judge_limit(limit(bound="low", minimum_rows=50), [report(figure)])
    assert (found.verdict, found.value, found.blocking) == ("no_data", None, True)
    assert says in found.reason


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_fails(value):
    (found,) = judge_limit(limit(), [report(ratio("sex=female", value))])
    assert (found.verdict, found.value) == ("fail", None)


def test_a_wildcard_passes_small_groups_over_unless_all_are_small():
    small = ratio("sex=other", n=3)
    found = judge_limit(limit(of="sex=*"), [report(FEMALE, small)])
    assert [(f.verdict, f.blocking) for f in found] == [("pass", True), ("no_data", False)]
    (alone,) = judge_limit(limit(of="sex=*"), [report(small)])
    assert (alone.verdict, alone.blocking) == ("no_data", True)


def test_what_is_not_required_is_told_and_stops_nothing_unless_it_fails():
    (found,) = judge_limit(limit(required=False), [report(ratio("sex=female", n=0, reason="there is no champion"))])
    assert (found.verdict, found.blocking, found.reason) == ("no_data", False, "not enough data: there is no champion")
    (bad,) = judge_limit(limit(required=False, bound="low"), [report(FEMALE)])
    assert (bad.verdict, bad.blocking) == ("fail", True)


def test_a_check_that_did_not_run_or_was_left_out_has_not_passed():
    for reports in ([], [CheckReport(check="fairness", omitted="nobody in the data")]):
        (found,) = judge_limit(limit(), reports)
        assert (found.verdict, found.blocking) == ("no_data", True)


def test_unknown_names_are_errors_that_list_the_known_ones():
    with pytest.raises(
        FairleadError, match="unknown figure of 'fairness' in gate 'parity' 'gap'; allowed: parity_ratio"
    ):
        judge_limit(limit(figure="gap"), [report(FEMALE)])
    with pytest.raises(FairleadError, match="of 'age=old'; allowed: sex=female"):
        judge_limit(limit(of="age=old"), [report(FEMALE)])


@given(st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_shown_to_be_good_implies_not_shown_to_be_bad(value, below, above):
    figure = ratio("sex=female", value, value - below, value + above)
    (good,) = judge_limit(limit(bound="low"), [report(figure)])
    (not_bad,) = judge_limit(limit(bound="high"), [report(figure)])
    assert good.verdict == "fail" or not_bad.verdict == "pass"
