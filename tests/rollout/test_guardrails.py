import pytest

from components.rollout.guardrails import harms
from components.rollout.plan import Metric
from tests.rollout.looks import HARM, NEUTRAL, evidence, look, plan, starting

RUNNING = starting(plan()).model_copy(update={"phase": "running"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"healthy": {"stable": True, "candidate": False}}, "the candidate cannot answer"),
        ({"failures": 20}, "the candidate failed 20 requests, the error budget is 20"),
        ({"refusal": "ben: too few rows"}, "its approval was refused by ben: too few rows"),
        (
            {"evidence": HARM},
            "error_rate is worse than tolerated (0.005): candidate - stable +0.1 [+0.05, +0.2] on 500 and 500 "
            "requests, e-value 1e+03 against harmlessness, 3 guards at level 0.025",
        ),
    ],
)
def test_each_harm_is_told_with_its_numbers(changes, says):
    assert harms(plan(), RUNNING, look(**changes)) == [says]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"healthy": {}},
        {"healthy": {"stable": False, "candidate": True}},
        {"failures": 19},
        {"evidence": {}},
        {"evidence": {"error_rate": evidence("error_rate", estimate=None, reason="nobody calls")}},
    ],
)
def test_what_is_not_known_to_be_harm_is_none(changes):
    assert harms(plan(), RUNNING, look(**changes)) == []


def test_without_a_budget_failures_alone_are_no_harm():
    assert harms(plan(error_budget=None), RUNNING, look(failures=10_000)) == []


def test_a_candidate_that_starts_may_not_answer_yet_even_when_paused():
    ill = look(healthy={"stable": True, "candidate": False})
    assert harms(plan(), starting(plan()), ill) == []
    paused = {"phase": "paused", "resumes": "starting"}
    assert harms(plan(), RUNNING.model_copy(update=paused), ill) == []
    assert harms(plan(), RUNNING.model_copy(update={**paused, "resumes": "running"}), ill) != []


@pytest.mark.parametrize(
    ("e_harm", "guards", "found"), [(39, 1, False), (40, 1, True), (119, 3, False), (120, 3, True)]
)
def test_several_guards_pay_for_being_several(e_harm, guards, found):
    metrics = plan().metrics[:guards]
    seen = {**NEUTRAL, "error_rate": evidence("error_rate", e_harm=e_harm)}
    assert bool(harms(plan(metrics=metrics), RUNNING, look(evidence=seen))) == found


def test_a_guard_without_data_counts_as_one_all_the_same():
    alone = {"error_rate": evidence("error_rate", e_harm=119.0)}
    assert harms(plan(), RUNNING, look(evidence=alone)) == []
    found = {"error_rate": evidence("error_rate", e_harm=120.0)}
    for others in ({}, {"brier": evidence("brier", estimate=None, reason="no outcome yet")}):
        (harm,) = harms(plan(), RUNNING, look(evidence={**found, **others}))
        assert harm.endswith("3 guards at level 0.025")


def test_two_metrics_that_both_suggest_harm_support_each_other():
    half = {name: evidence(name, e_harm=61.0) for name in ("error_rate", "brier")}
    assert len(harms(plan(), RUNNING, look(evidence={**NEUTRAL, **half}))) == 2
    assert harms(plan(), RUNNING, look(evidence={**NEUTRAL, "brier": half["brier"]})) == []


def test_a_metric_that_does_not_guard_takes_nothing_out():
    metrics = (Metric(name="error_rate"), Metric(name="brier", guard=False, margin=0.0))
    seen = {"error_rate": evidence("error_rate"), "brier": evidence("brier", e_harm=1e9)}
    assert harms(plan(metrics=metrics), RUNNING, look(evidence=seen)) == []
