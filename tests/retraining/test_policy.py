from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.core.watching import Monitoring, Retraining, Threshold, Window
from components.retraining.policy import decide, key_of
from components.retraining.values import Past
from tests.retraining.found import NOW, cause, cohort, drifted, findings, loss

SETTINGS = Retraining(cool_down_days=90, most_per_year=2, minimum_new_labels=100)
LONG_AGO = Past(trained=(date(2003, 12, 31),), new_labels=500)
DRIFT = [drifted("bank_rate", 0.3)]
RISEN = [cohort(NOW, early=loss(0.2))]


def days_ago(*days):
    return tuple(NOW - timedelta(days=d) for d in days)


CASES = {
    "calm": (findings([drifted("bank_rate", 0.01)]), LONG_AGO, "wait", "pressure 0.00 is below 1"),
    "drift": (findings(DRIFT), LONG_AGO, "drift", "drift 1.50: bank_rate ks 0.3"),
    "performance": (findings(performance=RISEN), LONG_AGO, "performance", "performance "),
    "the stronger one": (findings(DRIFT, RISEN), LONG_AGO, "performance", "drift 1.50"),
    "cool-down": (
        findings(DRIFT),
        Past(trained=days_ago(89), new_labels=500),
        "wait",
        "held back: last trained as of 2005-04-02, cooling down until 2005-07-01",
    ),
    "cooled down": (findings(DRIFT), Past(trained=days_ago(90), new_labels=500), "drift", "drift 1.50"),
    "budget": (
        findings(DRIFT),
        Past(trained=days_ago(364, 200), new_labels=500),
        "wait",
        "held back: 2 runs within 365 days, allowed 2: next one from 2005-07-01 on",
    ),
    "budget free again": (findings(DRIFT), Past(trained=days_ago(365, 200), new_labels=500), "drift", "drift"),
    "nothing new": (
        findings(DRIFT),
        LONG_AGO.model_copy(update={"new_labels": 99}),
        "wait",
        "held back: 99 new labels since the last training, needed 100: a new model would learn nothing new",
    ),
    "running": (
        findings(DRIFT),
        LONG_AGO.model_copy(update={"running": "k1"}),
        "wait",
        "held back: run k1 has not ended",
    ),
    "data fault": (
        findings(DRIFT, RISEN, [cause("world_change", 0.3), cause("data_fault", 0.6)]),
        LONG_AGO,
        "wait",
        "held back: a fault in the data explains the most (bank_rate, 60%: as an example); mend it first, a model "
        "trained on it would learn the fault",
    ),
    "small data fault": (
        findings(DRIFT, (), [cause("world_change", 0.6), cause("data_fault", 0.3)]),
        LONG_AGO,
        "drift",
        "drift",
    ),
    "the day it began is no cause": (
        findings(DRIFT, (), [cause("data_fault", 1.0, kind="time"), cause("world_change", 0.3)]),
        LONG_AGO,
        "drift",
        "drift",
    ),
    "never trained": (findings(DRIFT), Past(trained=(), new_labels=500), "drift", "drift"),
    "no rows": (findings(None), LONG_AGO, "wait", "drift: nothing is known, there were no rows to compare"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_decided_and_why(case):
    found, past, expected, reason = CASES[case]
    decision = decide(found, past, SETTINGS, NOW)
    assert (decision.action, decision.trigger) == (("wait", "") if expected == "wait" else ("retrain", expected))
    assert any(told.startswith(reason) for told in decision.reasons), decision.reasons


def test_all_that_holds_it_back_is_told():
    past = Past(trained=days_ago(30, 10), new_labels=0, running="k1")
    decision = decide(findings(DRIFT, causes=[cause("data_fault")]), past, SETTINGS, NOW)
    assert sum(r.startswith("held back") for r in decision.reasons) == 5


def test_only_the_triggers_that_are_named_call():
    only = Retraining(triggers=("performance",), minimum_new_labels=0)
    assert decide(findings(DRIFT), LONG_AGO, only, NOW).action == "wait"
    none = decide(findings(DRIFT, RISEN), LONG_AGO, Retraining(triggers=()), NOW)
    assert none.reasons[0] == "retraining.triggers names none, so nothing calls for a run"
    yearly = Retraining(triggers=("schedule",), schedule_months=12, minimum_new_labels=0)
    assert decide(findings(), LONG_AGO, yearly, NOW).trigger == "schedule"
    early = date(2004, 12, 30)
    assert decide(findings(now=early), LONG_AGO, yearly, early).action == "wait"


def test_the_use_cases_own_loss_and_budget_count():
    strict = Monitoring(loss_rise=Threshold(amber=0.01, red=0.02))
    found = findings(performance=[cohort(NOW, early=loss(0.115))])
    assert decide(found, LONG_AGO, SETTINGS, NOW).action == "wait"
    assert decide(found, LONG_AGO, SETTINGS, NOW, strict).trigger == "performance"


def test_the_same_day_is_not_trained_twice_without_a_cool_down():
    eager = Retraining(cool_down_days=0, minimum_new_labels=0, most_per_year=99)
    decision = decide(findings(DRIFT), Past(trained=(NOW,), new_labels=9), eager, NOW)
    assert decision.reasons[-1] == f"held back: trained as of {NOW} already"


def test_findings_of_a_later_day_are_refused():
    with pytest.raises(FairleadError, match="they know what came later"):
        decide(findings(now=NOW), LONG_AGO, SETTINGS, NOW - timedelta(days=1))


def test_the_first_window_is_taken_until_a_backtest_chooses():
    sliding = Window(policy="sliding", months=36)
    assert decide(findings(), LONG_AGO, Retraining(windows=(sliding, Window())), NOW).window == sliding


def test_a_decision_says_which_run_it_knew_of():
    assert decide(findings(), LONG_AGO.model_copy(update={"newest": "k7"}), SETTINGS, NOW).after == "k7"


def test_the_key_tells_use_case_day_and_model_apart():
    key = key_of("sba_loans", NOW, "1")
    others = {key_of("wafer", NOW, "1"), key_of("sba_loans", date(2005, 7, 1), "1"), key_of("sba_loans", NOW, "2")}
    assert len(others | {key}) == 4
    assert decide(findings(DRIFT), LONG_AGO, SETTINGS, NOW).key == key


effects = st.lists(st.floats(0, 1), min_size=3, max_size=3)
pasts = st.builds(
    lambda days, labels, running: Past(
        trained=days_ago(*sorted(set(days), reverse=True)), new_labels=labels, running=running
    ),
    st.lists(st.integers(0, 800), max_size=6),
    st.integers(0, 400),
    st.sampled_from(["", "", "k1"]),
)
settings = st.builds(
    lambda cool, most, labels, pressure: Retraining(
        triggers=("drift", "performance", "schedule"), schedule_months=18, cool_down_days=cool, most_per_year=most,
        minimum_new_labels=labels, pressure=pressure,
    ),
    st.integers(0, 200), st.integers(1, 4), st.integers(0, 300), st.floats(0.1, 3.0),
)  # fmt: skip
losses = st.lists(st.floats(0.05, 0.9), max_size=2)


def made(drift, worst):
    performance = [cohort(NOW, early=loss(value)) for value in worst]
    shares = {"a": 0.6, "b": 0.3, "c": 0.1}
    return findings([drifted(n, e) for n, e in zip(shares, drift, strict=True)], performance, importance=shares)


@given(effects, losses, pasts, settings)
def test_laws(drift, worst, past, of):
    decision = decide(made(drift, worst), past, of, NOW)
    assert decision == decide(made(drift, worst), past, of, NOW)
    assert all(decision.reasons)
    if decision.action == "wait":
        assert any("is below" in r or r.startswith("held back") for r in decision.reasons)
        assert decision.trigger == ""
        return
    assert decision.pressure >= of.pressure
    assert not past.running
    assert past.new_labels >= of.minimum_new_labels
    assert all((NOW - day).days >= max(1, of.cool_down_days) for day in past.trained)
    assert sum((NOW - day).days < 365 for day in past.trained) < of.most_per_year


@given(effects, losses, pasts, settings, st.integers(0, 2), st.floats(0, 1))
def test_more_drift_never_calls_it_off(drift, worst, past, of, place, more):
    stronger = [e + more if i == place else e for i, e in enumerate(drift)]
    before, after = (decide(made(d, worst), past, of, NOW) for d in (drift, stronger))
    assert after.pressure >= before.pressure
    assert (before.action, after.action) != ("retrain", "wait")
