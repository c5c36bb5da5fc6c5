"""One plan for each strategy, and looks at a rollout: what tests of decisions are made of."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from components.rollout.plan import Bandit, Metric, Plan, Step, Strategy
from components.rollout.samples import Evidence
from components.rollout.state import Observation, Rollout, State, Wish, begin

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

_METRICS = (
    Metric(name="error_rate", tolerated=0.005, margin=0.02),
    Metric(name="latency", above_ms=50, tolerated=0.01),
    Metric(name="brier", guard=True, tolerated=0.01, margin=0.02),
)

_PARTS: Mapping[Strategy, dict[str, Any]] = {
    "canary": {"steps": (Step(weight=5), Step(weight=25, minimum_minutes=2), Step(weight=50))},
    "shadow": {},
    "blue_green": {"watch_minutes": 5.0},
    "ab": {"steps": (Step(weight=40),)},
    "bandit": {"bandit": Bandit()},
}


def plan(strategy: Strategy = "canary", **changes: Any) -> Plan:
    """Make a plan with an error budget of 20 and one hour's time."""
    given = {"name": "test", "strategy": strategy, "use_case": "sba_loans", "metrics": _METRICS, "error_budget": 20}
    return Plan.model_validate({**given, "maximum_hours": 1.0, **_PARTS[strategy], **changes})


def rollout(of: Plan) -> Rollout:
    """Make what a start records."""
    uris = {"stable": "models:/sba_loans/1", "candidate": "models:/sba_loans/2"}
    return Rollout(id="sba-1", plan=of, **uris, plane="memory", actor="anna", started=START)


def starting(of: Plan) -> State:
    """Return the state after a start at ``START``."""
    return begin(rollout(of))


def evidence(name: str, **changes: Any) -> Evidence:
    """Make evidence that shows neither harm nor safety."""
    given = {"n_candidate": 500, "n_stable": 500, "mean_candidate": 0.1, "mean_stable": 0.1, "estimate": 0.0}
    return Evidence.model_validate({"metric": name, **given, "low": -0.05, "high": 0.05, **changes})


NEUTRAL = {m.name: evidence(m.name) for m in _METRICS}
SAFE = {m.name: evidence(m.name, e_safe=40.0) for m in _METRICS}
HARM = {**NEUTRAL, "error_rate": evidence("error_rate", estimate=0.1, low=0.05, high=0.2, e_harm=1000.0)}
WELL = {"stable": True, "candidate": True}


def look(minute: float = 1.0, seen: int = 0, **changes: Any) -> Observation:
    """Make a look at which both variants are well and nothing is shown."""
    given = {"requests": {"stable": 1000, "candidate": seen}, "evidence": NEUTRAL, "healthy": WELL}
    return Observation(at=START + timedelta(minutes=minute), **{**given, **changes})


def wish(kind: str, number: int = 5) -> Wish:
    """Make an operator's wish."""
    return Wish.model_validate({"number": number, "kind": kind, "actor": "olga", "at": START, "reason": "as agreed"})
