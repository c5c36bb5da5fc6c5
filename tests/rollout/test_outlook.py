from typing import Any

import pytest

from components.core.errors import FairleadError
from components.rollout.outlook import MOST_REQUESTS, Assumed, expect, legs_of
from components.rollout.plan import Plan
from components.rollout.statistics.power import Leg

ERRORS = {"name": "error_rate", "tolerated": 0.002, "margin": 0.02}
LOSS = {"name": "log_loss", "margin": 0.0}
STEPS = [{"weight": 10, "minimum_requests": 100}, {"weight": 50, "minimum_requests": 100, "minimum_minutes": 60}]


def plan(**changes: Any) -> Plan:
    given = {"name": "try", "strategy": "canary", "use_case": "sba_loans", "metrics": [ERRORS], "steps": STEPS}
    return Plan.model_validate({**given, "maximum_hours": 5, **changes})


def test_steps_last_as_long_as_they_say_and_the_last_to_the_end() -> None:
    three = [*STEPS, {"weight": 75, "minimum_requests": 100}]
    assert legs_of(plan(steps=three), 1_500) == [Leg(0.1, 1_000), Leg(0.5, 1_500), Leg(0.75, 5_000)]
    assert legs_of(plan(), 100) == [Leg(0.1, 500)]
    assert sum(leg.requests for leg in legs_of(plan(maximum_hours=8_000), 1_000)) == MOST_REQUESTS


def test_mirrored_requests_need_no_weights() -> None:
    assert legs_of(plan(strategy="shadow", steps=[]), 100) == [Leg(None, 500)]


def test_harm_is_expected_to_be_found_and_safety_to_be_shown() -> None:
    (found,) = expect(plan(), {"error_rate": Assumed(0.01, harm=0.05)}, 2_000, runs=30)
    assert found.harm is not None
    assert found.safe is not None
    assert found.harm.reached > 0.9
    assert found.safe.reached > 0.9
    assert found.safe.effect == 0.0
    assert found.harm.median_hours is not None
    assert found.harm.median_hours < 5


def test_a_margin_of_nothing_asks_for_a_better_candidate() -> None:
    better = plan(metrics=[{**LOSS, "guard": False}])
    (found,) = expect(better, {"log_loss": Assumed(0.35, harm=0.1, spread=0.5)}, 1_000, runs=20)
    assert found.harm is None
    assert found.safe is not None
    assert found.safe.effect == -0.1


def test_losses_scored_again_are_pairs() -> None:
    small = {"log_loss": Assumed(0.35, harm=0.05, spread=0.1)}
    (paired,) = expect(plan(metrics=[LOSS], rescore=True), small, 600, runs=20)
    (drawn,) = expect(plan(metrics=[LOSS]), {"log_loss": Assumed(0.35, harm=0.05, spread=0.5)}, 600, runs=20)
    assert paired.harm is not None
    assert drawn.harm is not None
    assert paired.harm.reached > 0.9 > 0.5 > drawn.harm.reached


def test_disagreement_is_a_share_of_mirrored_requests() -> None:
    shadow = plan(strategy="shadow", steps=[], metrics=[{"name": "disagreement", "tolerated": 0.05, "margin": 0.2}])
    (found,) = expect(shadow, {"disagreement": Assumed(0.0, harm=0.15)}, 300, runs=20)
    assert found.harm is not None
    assert found.harm.reached > 0.9


@pytest.mark.parametrize(
    ("changes", "assumed", "message"),
    [
        ({}, {"latency": Assumed(0.05, 0.1)}, "no metric 'latency' in the plan; found: error_rate"),
        ({"metrics": [LOSS]}, {"log_loss": Assumed(0.35, 0.1)}, "'log_loss' needs an assumed spread"),
        ({"strategy": "shadow", "steps": []}, {"error_rate": Assumed(0.01, 0.1)}, "a difference between two answers"),
        ({"metrics": [LOSS]}, {"log_loss": Assumed(0.1, 0.1, spread=3.0)}, "too wide"),
        ({"strategy": "bandit", "steps": [], "metrics": [{**LOSS, "name": "brier"}], "bandit": {}}, {}, "bandit"),
    ],
)
def test_what_cannot_be_expected_is_refused(changes: dict[str, Any], assumed: dict[str, Assumed], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        expect(plan(**changes), assumed, 100, runs=2)
