"""Each strategy's own moves; what holds for all of them is in test_decide."""

import pytest

from components.rollout.bandit import weight
from components.rollout.strategies import STRATEGIES
from components.rollout.traffic import Traffic
from tests.rollout.looks import NEUTRAL, SAFE, evidence, look, plan, starting
from tests.rollout.looks import STRATEGIES as NAMES


def running(strategy, **changes):
    """The state from which a strategy is asked, at its first traffic."""
    of = plan(strategy)
    first = STRATEGIES[strategy].first(of)
    return starting(of).model_copy(update={"phase": "running", "traffic": first, **changes})


def move(strategy, seen, state=None, **changes):
    return STRATEGIES[strategy].advance(plan(strategy, **changes), state or running(strategy), seen)


def test_every_strategy_of_a_plan_is_there():
    assert sorted(STRATEGIES) == sorted(NAMES)


@pytest.mark.parametrize(
    ("strategy", "first"),
    [
        ("canary", Traffic(candidate=5)),
        ("ab", Traffic(candidate=40)),
        ("bandit", Traffic(candidate=50)),
        ("shadow", Traffic(mirror="candidate")),
        ("blue_green", Traffic(mirror="candidate")),
    ],
)
def test_the_first_traffic(strategy, first):
    assert STRATEGIES[strategy].first(plan(strategy)) == first


@pytest.mark.parametrize(
    ("minute", "seen", "kind"), [(1, 99, "hold"), (1, 100, "step"), (0, 100, "step"), (30, 0, "hold")]
)
def test_a_canary_steps_when_it_has_answered_enough(minute, seen, kind):
    found = move("canary", look(minute, seen))
    assert (found.kind, found.traffic.candidate) == (kind, 25 if kind == "step" else 0)


@pytest.mark.parametrize(("minute", "seen", "kind"), [(1.9, 400, "hold"), (2, 299, "hold"), (2, 300, "step")])
def test_a_later_step_counts_from_its_own_beginning(minute, seen, kind):
    found = move("canary", look(minute, seen), running("canary", step=1, step_requests=200))
    assert found.kind == kind
    assert found.reason.startswith(f"step 2 of 3 (25 %): {seen - 200} requests of 100, {minute:.1f} minutes of 2")


def test_a_canary_does_not_step_in_the_dark():
    found = move("canary", look(1, 500, evidence={"error_rate": NEUTRAL["error_rate"]}))
    assert found.kind == "hold"
    assert "no step in the dark: latency: no data" in found.reason


def test_a_canary_without_new_requests_holds_even_if_none_are_asked_for():
    steps = ({"weight": 5, "minimum_requests": 0}, {"weight": 50})
    held = move("canary", look(1, 100), running("canary", step_requests=100), steps=steps)
    assert held.kind == "hold"
    assert "no data: no request since the step began" in held.reason
    assert "nothing arrives" in move("canary", look(1, 0), steps=steps).reason


def test_a_canary_earns_its_promotion_at_the_last_step_alone():
    assert move("canary", look(1, 500, evidence=SAFE)).kind == "step"
    last = running("canary", step=2, step_requests=300)
    assert move("canary", look(9, 500, evidence=SAFE), last).kind == "earned"
    held = move("canary", look(9, 500), last)
    assert held.kind == "hold"
    assert "missing: error_rate: that it is not worse by 0.02 is not shown yet" in held.reason


@pytest.mark.parametrize("strategy", ["ab", "shadow", "blue_green", "bandit"])
def test_the_others_earn_it_by_evidence_alone(strategy):
    assert move(strategy, look(1, 100, evidence=SAFE)).kind == "earned"
    assert move(strategy, look(1, 99, evidence=SAFE)).kind != "earned"


@pytest.mark.parametrize("strategy", ["ab", "shadow", "blue_green"])
def test_the_others_hold_until_then(strategy):
    found = move(strategy, look(1, 100))
    assert found.kind == "hold"
    assert "100 copied requests" in found.reason or strategy == "ab"


def test_a_bandit_weighs_at_each_look_by_its_policy():
    losses = evidence("brier", estimate=-0.03, mean_stable=0.13)
    found = move("bandit", look(1, 100, evidence={**NEUTRAL, "brier": losses}), running("bandit", looks=6))
    expected = weight(plan("bandit").bandit, losses, 1.0, 7)
    assert (found.kind, found.traffic) == ("weigh", Traffic(candidate=expected))
    assert found.reason.startswith(f"thompson gives {expected} % on brier -0.03 against a mean of 0.13")


def test_a_bandit_without_rewards_keeps_its_weight():
    found = move("bandit", look(1, 100, evidence={k: v for k, v in NEUTRAL.items() if k != "brier"}))
    assert found.kind == "hold"
    assert found.reason.startswith("no reward to go by (brier)")


def test_only_blue_green_watches_the_old_one():
    assert [name for name in NAMES if STRATEGIES[name].watches] == ["blue_green"]
