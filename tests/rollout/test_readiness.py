import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rollout.readiness import blind, missing, needed, no_data, numbers, requests_left, silence
from components.rollout.traffic import Traffic
from tests.rollout.looks import NEUTRAL, SAFE, evidence, look, plan, starting

STATE = starting(plan()).model_copy(update={"phase": "running", "traffic": Traffic(candidate=5)})


def test_what_has_shown_everything_misses_nothing():
    assert missing(plan(), STATE, look(seen=100, evidence=SAFE)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seen": 99}, "the candidate was given 99 of 100 requests"),
        ({"healthy": {"stable": True}}, "nobody knows whether the candidate can answer"),
        ({"healthy": {"stable": True, "candidate": False}}, "nobody knows whether the candidate can answer"),
        (
            {"healthy": {"candidate": True}},
            "nobody knows whether the stable model can answer, and so whether there is a way back",
        ),
        (
            {"healthy": {"stable": False, "candidate": True}},
            "the stable model cannot answer, so there would be no way back",
        ),
        (
            {"evidence": {**SAFE, "brier": evidence("brier", e_safe=39.9)}},
            "brier: that it is not worse by 0.02 is not shown yet, e-value 39.9 of 40 (candidate - stable +0 "
            "[-0.05, +0.05] on 500 and 500 requests), about 1 more requests at this pace",
        ),
        (
            {"evidence": {**SAFE, "brier": evidence("brier", estimate=None, reason="outcomes take a month")}},
            "brier: no data: outcomes take a month",
        ),
        (
            {"evidence": {k: v for k, v in SAFE.items() if k != "brier"}},
            "brier: no data: no outcome of a request has arrived yet",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_numbers(changes, says):
    assert missing(plan(), STATE, look(**{"seen": 100, "evidence": SAFE, **changes})) == [says]


def test_a_metric_without_a_margin_is_not_asked_for():
    shown = {k: v for k, v in SAFE.items() if k != "latency"}
    assert missing(plan(), STATE, look(seen=100, evidence=shown)) == []


def test_a_value_that_is_no_number_shows_nothing():
    seen = {**SAFE, "brier": evidence("brier", e_safe=float("nan"))}
    assert len(missing(plan(), STATE, look(seen=100, evidence=seen))) == 1


def test_half_of_alpha_is_for_promotions():
    assert needed(plan(alpha=0.1)) == 20


def test_guards_that_see_nothing_are_named_but_labels_may_be_late():
    assert blind(plan(), STATE, look(seen=5)) == []
    dark = blind(plan(), STATE, look(seen=5, evidence={"error_rate": NEUTRAL["error_rate"]}))
    assert dark == ["latency: no data: what was observed does not name it: look at what measures this rollout"]


@pytest.mark.parametrize(
    ("requests", "traffic", "says"),
    [
        ({}, Traffic(candidate=5), "neither variant has seen a request"),
        ({"stable": 9}, Traffic(candidate=5), "of the candidate's 5 % nothing arrives"),
        ({"stable": 9}, Traffic(mirror="candidate"), "no copy reaches the candidate"),
        ({"stable": 9}, Traffic(), "the candidate gets no traffic"),
        ({"stable": 9, "candidate": 1}, Traffic(candidate=5), None),
    ],
)
def test_silence_has_a_probable_cause(requests, traffic, says):
    state, seen = STATE.model_copy(update={"traffic": traffic}), look(requests=requests, evidence={})
    cause = silence(state, seen)
    assert (cause is None) == (says is None)
    if says is not None:
        assert says in cause
        assert says in no_data(plan().metric("error_rate"), state, seen)


def test_numbers_without_data_are_not_zero():
    assert numbers(evidence("brier", estimate=None, n_candidate=0)) == "no data on 0 and 500 requests"


@given(st.floats(1.06, 1e6), st.integers(1, 10_000), st.floats(2, 1e6))
def test_requests_left_continue_the_growth_seen_so_far(e_safe, seen, threshold):
    left = requests_left(evidence("brier", e_safe=e_safe, n_candidate=seen, n_stable=0), threshold)
    if e_safe >= threshold:
        assert left == 0
    else:
        assert e_safe ** ((seen + left) / seen) >= threshold * (1 - 1e-6)
