"""Tables of single decisions; the laws that every strategy keeps over whole rollouts are in test_laws."""

from datetime import timedelta

import pytest

from components.rollout.decide import STARTUP_MINUTES, decide
from components.rollout.state import LIVE
from components.rollout.strategies import STRATEGIES as WAYS
from components.rollout.traffic import Traffic
from tests.rollout.looks import HARM, NEUTRAL, SAFE, START, STRATEGIES, evidence, look, plan, starting, wish

MIRRORING = ("shadow", "blue_green")


def standing(phase, strategy="canary", **changes):
    """A state in a phase, with the traffic that belongs to it."""
    of = plan(strategy)
    first = WAYS[strategy].first(of)
    traffic = {"starting": Traffic(), "watching": Traffic(candidate=100, mirror="stable")}.get(phase, first)
    given = {"phase": phase, "traffic": traffic, "resumes": "running" if phase == "paused" else None}
    if phase == "watching":
        given["approval"] = "a1"
    return starting(of).model_copy(update={**given, **changes})


def told(phase, seen, strategy="canary", given=None, **changes):
    """Decide in a phase, and return what was decided as (kind, phase, candidate's weight, reason)."""
    decision = decide(plan(strategy, **(given or {})), standing(phase, strategy, **changes), seen)
    return decision.kind, decision.state.phase, decision.traffic.candidate, decision.reason


def test_the_candidate_gets_nothing_before_it_can_answer():
    waiting = look(1, healthy={"stable": True, "candidate": False})
    assert told("starting", waiting)[:3] == ("hold", "starting", 0)
    assert told("starting", look(1, healthy={}))[:3] == ("hold", "starting", 0)
    assert told("starting", look(1, healthy={"candidate": True}))[:3] == ("hold", "starting", 0)
    assert told("starting", look(1))[:3] == ("begin", "running", 5)


def test_a_candidate_that_never_answers_is_taken_back():
    ill = {"stable": True, "candidate": False}
    assert told("starting", look(STARTUP_MINUTES - 0.1, healthy=ill))[0] == "hold"
    kind, phase, _, reason = told("starting", look(STARTUP_MINUTES, healthy=ill))
    assert (kind, phase) == ("roll_back", "rolled_back")
    assert reason == "the candidate could not answer within 10.0 minutes of the start"


def test_a_step_begins_its_own_count():
    decision = decide(plan(), standing("running"), look(3, 120))
    assert decision.kind == "step"
    state = decision.state
    assert (state.step, state.step_requests, state.step_started) == (1, 120, START + timedelta(minutes=3))


@pytest.mark.parametrize("known", [{}, {"candidate": True}])
def test_no_step_is_taken_while_nobody_knows_who_can_answer(known):
    kind, _, weight, reason = told("running", look(3, 120, healthy=known))
    assert (kind, weight) == ("hold", 5)
    assert reason.endswith("nobody knows now whether both variants can answer, so the weights stay")
    assert told("running", look(3, 120, healthy=known, evidence={**NEUTRAL, "brier": LOW}), "bandit")[0] == "hold"


LOW = evidence("brier", estimate=-0.08)
LAST = {"step": 2, "traffic": Traffic(candidate=50)}
EARNED = {"seen": 400, "evidence": SAFE}


def test_a_promotion_waits_for_its_approval():
    kind, phase, weight, reason = told("running", look(9, **EARNED), **LAST)
    assert (kind, phase, weight) == ("await", "awaiting_approval", 50)
    assert "waits for the approval" in reason
    assert told("awaiting_approval", look(99, **EARNED), **LAST)[:3] == ("hold", "awaiting_approval", 50)
    approved = look(99, **EARNED, approval="a1")
    assert told("awaiting_approval", approved, **LAST)[:3] == ("earn", "promoting", 50)
    assert told("running", approved, **LAST)[:3] == ("earn", "promoting", 50)


def test_a_plan_may_do_without_an_approval():
    kind, phase, weight, reason = told("running", look(9, **EARNED), given={"approval": False}, **LAST)
    assert (kind, phase, weight) == ("earn", "promoting", 50)
    assert "no approval needed by the plan" in reason


def test_an_approval_is_no_evidence():
    faded = look(9, 400, approval="a1")
    assert told("awaiting_approval", faded, **LAST)[:3] == ("hold", "awaiting_approval", 50)
    assert told("running", faded, **LAST)[:3] == ("hold", "running", 50)


def test_a_refused_approval_ends_it():
    kind, phase, weight, reason = told("awaiting_approval", look(9, refusal="ben: no", **EARNED), **LAST)
    assert (kind, phase, weight, reason) == ("roll_back", "rolled_back", 0, "its approval was refused by ben: no")


@pytest.mark.parametrize("strategy", MIRRORING)
def test_a_mirrored_candidate_goes_from_nothing_to_all_with_the_approval(strategy):
    earned = look(9, **EARNED)
    assert told("running", earned, strategy)[:3] == ("await", "awaiting_approval", 0)
    kind, phase, weight, _ = told("awaiting_approval", look(9, **EARNED, approval="a1"), strategy)
    expected = ("switch", "watching", 100) if strategy == "blue_green" else ("earn", "promoting", 0)
    assert (kind, phase, weight) == expected


def test_blue_green_keeps_the_old_one_warm_and_watched():
    switched = decide(plan("blue_green"), standing("running", "blue_green"), look(9, **EARNED, approval="a1"))
    assert switched.traffic == Traffic(candidate=100, mirror="stable")
    assert (switched.state.approval, switched.state.step_requests) == ("a1", 400)
    watched = decide(plan("blue_green"), switched.state, look(14, 401, approval="a2"))
    assert (watched.kind, watched.traffic) == ("earn", switched.traffic)
    assert watched.state.approval == "a2"


@pytest.mark.parametrize(
    ("minute", "seen", "changes", "kind"),
    [
        (4.9, 90, {}, "hold"),
        (5, 90, {"approval": "a1"}, "earn"),
        (5, 90, {}, "hold"),
        (5 + 168 * 60, 90, {}, "roll_back"),
        (5, 90, {"approval": "a1", "healthy": {"candidate": True}}, "hold"),
        (50, 0, {}, "hold"),
        (500, 0, {}, "hold"),
        (5, 90, {"healthy": {"stable": True}}, "hold"),
        (1, 90, {"evidence": HARM}, "roll_back"),
        (5, 90, {"healthy": {"stable": True, "candidate": False}}, "roll_back"),
        (5, 90, {"healthy": {"stable": False, "candidate": True}}, "hold"),
        (1, 90, {"wish": wish("promote"), "approval": "a1"}, "earn"),
        (1, 90, {"wish": wish("promote")}, "hold"),
        (1, 90, {"wish": wish("abort")}, "abort"),
    ],
)
def test_the_watch_after_the_switch(minute, seen, changes, kind):
    assert told("watching", look(minute, seen, **changes), "blue_green")[0] == kind


def test_blue_green_without_a_watch_is_promoted_at_once():
    found = told("running", look(9, **EARNED, approval="a1"), "blue_green", {"watch_minutes": 0.0})
    assert found[:3] == ("earn", "promoting", 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("then", ["roll_back", "hold"])
def test_time_runs_out_without_a_verdict(strategy, then):
    late = look(60, 50)
    kind, phase, weight, reason = told("running", late, strategy, {"when_time_is_up": then})
    assert (kind, phase) == (("roll_back", "rolled_back") if then == "roll_back" else ("hold", "running"))
    assert weight == (0 if then == "roll_back" else WAYS[strategy].first(plan(strategy)).candidate)
    assert reason.startswith("its time of 1 hours is up without a verdict: ")


def test_a_verdict_at_the_last_moment_counts_and_waits_for_people():
    assert told("running", look(60, **EARNED), "ab")[:2] == ("await", "awaiting_approval")
    assert told("awaiting_approval", look(6000, **EARNED), "ab")[:2] == ("hold", "awaiting_approval")


PATIENT = {"approval_hours": 2.0}


@pytest.mark.parametrize("phase", ["awaiting_approval", "promoting"])
def test_nobody_waits_for_ever_for_an_approval_or_the_registry(phase):
    waiting = {**LAST, "step_started": START + timedelta(hours=1), "earned": "it is better"}
    in_time, late = look(179.9, **EARNED), look(180, **EARNED)
    assert told(phase, in_time, given=PATIENT, **waiting)[:3] == ("hold", phase, 50)
    kind, _, weight, reason = told(phase, late, given=PATIENT, **waiting)
    assert (kind, weight) == ("roll_back", 0)
    assert reason.startswith("the 2 hours for an approval are up: ")
    held = told(phase, late, given={**PATIENT, "when_time_is_up": "hold"}, **waiting)
    assert held[:3] == ("hold", phase, 50)
    assert held[3].endswith("The plan says to hold: approve or abort it")
    assert told("awaiting_approval", look(180, **EARNED, approval="a1"), given=PATIENT, **waiting)[0] == "earn"
    assert told("awaiting_approval", look(180, 400), given=PATIENT, **waiting)[0] == "roll_back"


def test_the_wait_for_an_approval_begins_when_it_is_earned():
    assert decide(plan(), standing("running", **LAST), look(9, **EARNED)).state.step_started == look(9).at


def test_what_is_earned_goes_on_at_its_weight_until_the_registry_has_made_it_reign():
    earned = decide(plan(), standing("running", **LAST), look(9, **EARNED, approval="a1")).state
    held = decide(plan(), earned, look(10, 410, approval="a2"))
    assert (held.kind, held.traffic, held.state.approval) == ("hold", Traffic(candidate=50), "a2")
    assert "the registry has not made it reign yet" in held.reason
    refused = decide(plan(), held.state, look(10, 410, wish=wish("promote"))).state
    assert refused.reason.endswith(f"refused: it is under way: {earned.earned}")
    reigns = decide(plan(), refused, look(11, 420, promoted=True, evidence=HARM))
    assert (reigns.kind, reigns.state.phase, reigns.traffic) == ("promote", "promoted", Traffic(candidate=100))
    assert (reigns.reason, reigns.state.approval) == (earned.reason, "a2")
    assert told("running", look(9, 400, promoted=True), **LAST)[0] == "hold"


def test_a_bandit_stops_weighing_when_its_time_is_up():
    assert told("running", look(60, 50), "bandit", {"when_time_is_up": "hold"})[:3] == ("hold", "running", 50)


@pytest.mark.parametrize("phase", [p for p in LIVE if p != "paused"])
def test_a_pause_freezes_and_a_resume_goes_on(phase):
    strategy = "blue_green" if phase == "watching" else "canary"
    before = standing(phase, strategy)
    paused = decide(plan(strategy), before, look(2, 150, wish=wish("pause"))).state
    assert (paused.phase, paused.resumes, paused.traffic) == ("paused", phase, before.traffic)
    assert paused.reason == "paused by olga at 2026-03-01 09:00:00 UTC: as agreed"
    still = decide(plan(strategy), paused, look(999, 9000, evidence=SAFE, approval="a1"))
    assert (still.kind, still.traffic) == ("hold", before.traffic)
    assert still.reason.startswith("paused by olga at 2026-03-01 09:00:00 UTC: as agreed; weights stand still")
    back = decide(plan(strategy), still.state, look(3, 150, wish=wish("resume", 9))).state
    assert (back.phase, back.resumes, back.wish) == (phase, None, 9)
    assert not back.paused_by


def test_guardrails_do_not_pause():
    kind, phase, weight, _ = told("paused", look(1, 150, evidence=HARM))
    assert (kind, phase, weight) == ("roll_back", "rolled_back", 0)


def test_a_pause_does_not_outlast_its_time_unsaid():
    assert "is up, which counts once it is resumed" in told("paused", look(61, 150))[3]


@pytest.mark.parametrize(
    ("phase", "kind", "says"),
    [
        ("paused", "pause", "it is paused already"),
        ("running", "resume", "there is nothing to resume: it is running"),
        ("paused", "promote", "refused: resume first"),
        ("starting", "promote", "refused: the candidate has not answered yet"),
        ("running", "promote", "refused: error_rate: that it is not worse by 0.02 is not shown yet"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_answered(phase, kind, says):
    found = told(phase, look(1, 150, wish=wish(kind)))
    assert found[:2] == ("hold", phase)
    assert says in found[3]
    assert "olga" in found[3]


def test_an_operator_may_skip_steps_but_not_the_evidence():
    assert told("running", look(1, **EARNED, approval="a1", wish=wish("promote")))[:3] == ("earn", "promoting", 5)
    assert told("running", look(1, **EARNED, wish=wish("promote")))[:2] == ("await", "awaiting_approval")
    ill = look(1, **EARNED, approval="a1", wish=wish("promote"), healthy={"stable": False, "candidate": True})
    assert "there would be no way back" in told("running", ill)[3]


def test_a_wish_is_taken_up_once():
    state = decide(plan(), standing("running"), look(1, 150, wish=wish("resume", 7))).state
    assert state.wish == 7
    assert decide(plan(), state, look(2, 150)).state.wish == 7


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_goes_forward_while_nobody_knows_of_the_stable_model(strategy):
    unknown = look(9, **EARNED, approval="a1", healthy={"candidate": True})
    for phase in ("starting", "running", "awaiting_approval"):
        assert told(phase, unknown, strategy)[:2] == ("hold", phase)
    assert "nobody knows whether the stable model can answer" in told("awaiting_approval", unknown, strategy)[3]


@pytest.mark.parametrize("kind", ["pause", "resume", "promote"])
def test_a_wish_that_harm_overtakes_is_answered(kind):
    assert told("running", look(9, 150, evidence=HARM, wish=wish(kind)))[3].endswith(
        f"; {kind} asked for by olga at 2026-03-01 09:00:00 UTC: as agreed and refused for that"
    )
    ill = told("running", look(9, 150, evidence=HARM, healthy=STABLE_ILL, wish=wish(kind)))
    assert (ill[0], f"{kind} asked for by olga" in ill[3]) == ("hold", True)


def test_a_record_that_was_lost_ends_it():
    lost = told("running", look(9, 150, lost="10 looks in a row could not be recorded"))
    assert (lost[0], lost[3]) == ("roll_back", "10 looks in a row could not be recorded")


STABLE_ILL = {"stable": False, "candidate": True}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_ill_stable_model_stops_every_step_and_sends_no_more_to_the_candidate(strategy):
    seen = look(9, **EARNED, approval="a1", healthy=STABLE_ILL)
    kind, _, weight, reason = told("running", seen, strategy)
    assert (kind, weight) == ("hold", WAYS[strategy].first(plan(strategy)).candidate)
    assert reason.startswith("the stable model cannot answer")


@pytest.mark.parametrize("changes", [{"evidence": HARM}, {"failures": 20}, {"refusal": "ben: no"}])
def test_nobody_is_sent_back_to_a_model_that_cannot_answer(changes):
    kind, phase, weight, reason = told("running", look(9, 150, healthy=STABLE_ILL, **changes))
    assert (kind, phase, weight) == ("hold", "running", 5)
    assert reason.startswith("would be rolled back (")
    assert told("running", look(9, 150, **changes))[0] == "roll_back"
    assert told("running", look(9, 150, healthy={"stable": False, "candidate": False}, **changes))[0] == "roll_back"
    assert told("running", look(9, 150, healthy=STABLE_ILL, wish=wish("abort"), **changes))[0] == "abort"
    assert told("running", look(9, 150, healthy=STABLE_ILL, **changes), "shadow")[0] == "roll_back"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_over_stays_over(strategy):
    for phase, traffic in (("promoted", Traffic(candidate=100)), ("rolled_back", Traffic()), ("aborted", Traffic())):
        state = standing(phase, strategy, traffic=traffic, reason="it was so")
        for seen in (look(1), look(1, evidence=HARM), look(999, wish=wish("promote")), look(1, wish=wish("abort"))):
            decision = decide(plan(strategy), state, seen)
            assert (decision.kind, decision.state.phase, decision.traffic) == ("hold", phase, traffic)
            assert decision.reason == "it was so"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("phase", LIVE)
def test_every_live_phase_is_one_step_from_the_way_back(strategy, phase):
    if phase == "watching" and not WAYS[strategy].watches:
        return
    for seen in (look(1, evidence=HARM), look(1, failures=20), look(1, wish=wish("abort"))):
        decision = decide(plan(strategy), standing(phase, strategy), seen)
        assert (decision.state.final, decision.traffic) == (True, Traffic())
