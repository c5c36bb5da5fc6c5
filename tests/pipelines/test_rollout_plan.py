from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from components.rollout.plan import load
from pipelines.rollout_plan import describe, expectations
from tests.rollout.looks import STRATEGIES, plan

PLANS = sorted((SHIPPED.parent / "rollouts").glob("*.yaml"))


def test_there_is_a_plan_of_every_strategy():
    assert sorted(load(path).strategy for path in PLANS) == sorted(STRATEGIES)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_shipped_plan_is_sound_and_can_be_told(path: Path):
    made = load(path)
    assert made.approval
    lines = describe(made)
    assert lines[0].startswith(f"plan sba-{path.stem} for sba_loans is sound: {path.stem}, ")
    for metric in made.metrics:
        assert any(line.startswith(f"  {metric.name}: ") for line in lines)


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("canary", "weights 5 % → 25 % → 50 % → 100 %"),
        ("ab", "40 % until a verdict, then 100 %"),
        ("shadow", "copies of all requests, then from 0 to 100 %"),
        ("blue_green", "then from 0 to 100 %, the old one watched 5 minutes"),
        ("bandit", "weights by thompson, at least 5 % each, then 100 %"),
    ],
)
def test_each_strategys_way_is_told(strategy, says):
    assert describe(plan(strategy))[0].endswith(says)


def test_what_a_plan_promises_is_told():
    lines = describe(plan(approval=False, when_time_is_up="hold"))
    assert "  error_rate: more than 0.005 worse takes the candidate out (e-value 120); has to show that it is not " in (
        lines[1][:105] + " "
    )
    assert lines[-2] == "  20 failed requests of the candidate take it out at once"
    assert lines[-1] == "  promoted without an approval; after 1 hours without a verdict it stays where it is"


def test_nothing_is_expected_without_assumptions():
    assert expectations(plan(), (), 1000.0) == []


def test_what_to_expect_is_simulated():
    head, harm, safe = expectations(plan("shadow", maximum_hours=0.5), ("error_rate=0:0.05:0.2",), 4000.0)
    assert head.startswith("at 4,000 requests an hour")
    assert harm.startswith("  error_rate: harm of +0.05 is found in ")
    assert safe.startswith("  error_rate: safety is shown of +0 in ")


@pytest.mark.parametrize("text", ["error_rate", "error_rate=", "error_rate=0.1", "error_rate=a:b", "brier=1:2:3:4"])
def test_an_assumption_that_cannot_be_read_is_told(text):
    with pytest.raises(FairleadError, match="cannot be read; give METRIC=MEAN:HARM"):
        expectations(plan(), (text,), 1000.0)


def test_an_assumption_about_nothing_in_the_plan_is_told():
    with pytest.raises(FairleadError, match="no metric 'accuracy' in the plan"):
        expectations(plan(), ("accuracy=0.1:0.1",), 1000.0)
