import pytest

from components.core.errors import FairleadError
from components.rollout.statistics.power import Leg, Situation, outlook

PLAN = [Leg(0.1, 2_000), Leg(0.5, 8_000)]


def test_a_greater_harm_is_found_sooner_and_more_surely() -> None:
    small = outlook(Situation(0.01, 0.005), PLAN, 0.0, 40.0, 1_000, runs=60)
    great = outlook(Situation(0.01, 0.04), PLAN, 0.0, 40.0, 1_000, runs=60)
    assert small.reached < 0.5 < great.reached == 1.0
    assert small.median_requests is None
    assert small.median_hours is None
    assert great.median_requests is not None
    assert great.median_hours == great.median_requests / 1_000
    assert great.reached_by_leg[0] <= great.reached_by_leg[1] == great.reached
    assert great.fixed_requests is not None
    assert small.fixed_requests is not None
    assert great.fixed_requests < 10_000 < small.fixed_requests


def test_no_harm_is_found_as_seldom_as_promised() -> None:
    assert outlook(Situation(0.05, 0.0), PLAN, 0.0, 40.0, 1_000, runs=100).reached <= 0.05


def test_safety_is_shown_of_a_candidate_that_is_alike_given_a_margin() -> None:
    alike = Situation(0.35, 0.0, spread=0.5, bound=6.9)
    wide = outlook(alike, PLAN, 0.1, 40.0, 1_000, verdict="safe", runs=40)
    narrow = outlook(alike, PLAN, 0.001, 40.0, 1_000, verdict="safe", runs=40)
    assert wide.reached > 0.9
    assert narrow.reached < 0.1
    assert wide.fixed_requests is not None


def test_differences_on_the_same_requests_need_no_weights() -> None:
    shadow = [Leg(None, 3_000)]
    noisy = outlook(Situation(0.0, 0.01, spread=0.05), shadow, 0.0, 40.0, 1_000, runs=40)
    assert noisy.reached == 1.0
    assert noisy.fixed_requests is not None
    assert noisy.median_requests is not None
    assert noisy.median_requests < 4 * noisy.fixed_requests
    disagreeing = outlook(Situation(0.0, 0.05), shadow, 0.02, 40.0, 1_000, runs=40)
    assert disagreeing.reached > 0.9


def test_the_same_question_gets_the_same_answer() -> None:
    one, two = (outlook(Situation(0.01, 0.02), PLAN, 0.0, 40.0, 1_000, runs=20) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("legs", [[Leg(0.0, 10)], [Leg(0.5, 10), Leg(1.0, 10)], [Leg(None, 10), Leg(0.5, 10)]])
def test_a_leg_that_splits_nothing_is_refused(legs: list[Leg]) -> None:
    with pytest.raises(FairleadError, match="does not randomise"):
        outlook(Situation(0.01, 0.02), legs, 0.0, 40.0, 1_000, runs=2)
