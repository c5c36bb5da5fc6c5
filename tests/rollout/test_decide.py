"""Tables of single decisions, and laws that every strategy keeps over whole rollouts."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from components.rollout.decide import STARTUP_MINUTES, decide
from components.rollout.state import LIVE, Decision, State
from components.rollout.strategies import STRATEGIES as WAYS
from components.rollout.traffic import Traffic
from tests.rollout.looks import HARM, NEUTRAL, SAFE, START, STRATEGIES, WELL, evidence, look, plan, starting, wish

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
    assert told("awaiting_approval", approved, **LAST)[:3] == ("promote", "promoted", 100)
    assert told("running", approved, **LAST)[:3] == ("promote", "promoted", 100)


def test_a_plan_may_do_without_an_approval():
    kind, phase, weight, reason = told("running", look(9, **EARNED), given={"approval": False}, **LAST)
    assert (kind, phase, weight) == ("promote", "promoted", 100)
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
    assert weight == 100
    assert (kind, phase) == (("switch", "watching") if strategy == "blue_green" else ("promote", "promoted"))


def test_blue_green_keeps_the_old_one_warm_and_watched():
    switched = decide(plan("blue_green"), standing("running", "blue_green"), look(9, **EARNED, approval="a1"))
    assert switched.traffic == Traffic(candidate=100, mirror="stable")
    assert (switched.state.approval, switched.state.step_requests) == ("a1", 400)
    watched = decide(plan("blue_green"), switched.state, look(14, 401))
    assert (watched.kind, watched.traffic) == ("promote", Traffic(candidate=100))
    assert watched.state.approval == "a1"


@pytest.mark.parametrize(
    ("minute", "seen", "changes", "kind"),
    [
        (4.9, 90, {}, "hold"),
        (5, 90, {}, "promote"),
        (50, 0, {}, "hold"),
        (500, 0, {}, "hold"),
        (5, 90, {"healthy": {"stable": True}}, "hold"),
        (1, 90, {"evidence": HARM}, "roll_back"),
        (5, 90, {"healthy": {"stable": True, "candidate": False}}, "roll_back"),
        (5, 90, {"healthy": {"stable": False, "candidate": True}}, "hold"),
        (1, 90, {"wish": wish("promote")}, "promote"),
        (1, 90, {"wish": wish("abort")}, "abort"),
    ],
)
def test_the_watch_after_the_switch(minute, seen, changes, kind):
    assert told("watching", look(minute, seen, **changes), "blue_green")[0] == kind


def test_blue_green_without_a_watch_is_promoted_at_once():
    found = told("running", look(9, **EARNED, approval="a1"), "blue_green", {"watch_minutes": 0.0})
    assert found[:3] == ("promote", "promoted", 100)


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
    back = decide(plan(strategy), still.state, look(3, 150, wish=wish("resume", 9))).state
    assert (back.phase, back.resumes, back.wish) == (phase, None, 9)


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
    assert told("running", look(1, **EARNED, approval="a1", wish=wish("promote")))[:3] == ("promote", "promoted", 100)
    assert told("running", look(1, **EARNED, wish=wish("promote")))[:2] == ("await", "awaiting_approval")
    ill = look(1, **EARNED, approval="a1", wish=wish("promote"), healthy={"stable": False, "candidate": True})
    assert "there would be no way back" in told("running", ill)[3]


def test_a_wish_is_taken_up_once():
    state = decide(plan(), standing("running"), look(1, 150, wish=wish("resume", 7))).state
    assert state.wish == 7
    assert decide(plan(), state, look(2, 150)).state.wish == 7


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


GOOD_SO_FAR = {**NEUTRAL, "brier": LOW}
well = st.fixed_dictionaries(
    {"evidence": st.sampled_from([SAFE, SAFE, NEUTRAL, GOOD_SO_FAR, {}]), "approval": st.sampled_from([None, "a1"])}
)
ill = st.fixed_dictionaries(
    {
        "evidence": st.sampled_from([SAFE, NEUTRAL, {}, HARM]),
        "healthy": st.sampled_from([WELL, {}, STABLE_ILL, {"stable": True, "candidate": False}]),
        "approval": st.sampled_from([None, "a1"]),
        "refusal": st.sampled_from([None, None, None, "ben: no"]),
    }
)
passing = st.sampled_from([0.2, 1.0, 6.0])
answered = st.sampled_from([0, 30, 200, 200])


def promised(of, seen):
    """Whether a promotion is deserved, told apart from how readiness tells it."""
    asked = [m.name for m in of.metrics if m.margin is not None]
    shown = all(name in seen.evidence and seen.evidence[name].e_safe >= 2 / of.alpha for name in asked)
    return shown and seen.requests["candidate"] >= of.minimum_requests and seen.healthy.get("candidate") is True


class Laws(RuleBasedStateMachine):
    """A whole rollout of one strategy, with whatever looks and wishes come."""

    strategy = "canary"

    @initialize(approval=st.booleans(), hours=st.sampled_from([1.0, 1.0, 0.2]))
    def start(self, approval, hours):
        self.plan = plan(self.strategy, approval=approval, maximum_hours=hours)
        self.state = starting(self.plan)
        self.before, self.seen, self.decision = self.state, None, None
        self.minute, self.answered, self.failed, self.wishes = 0.0, 0, 0, 0

    @rule(passed=passing, new=answered, seen=well)
    def look(self, passed, new, seen):
        self._look(passed, new, seen)

    @rule(passed=passing, new=answered, seen=well)
    def look_again(self, passed, new, seen):
        self._look(passed, new, seen)

    @precondition(lambda self: not self.state.final)
    @rule(passed=passing, new=answered, seen=ill)
    def look_when_not_all_is_well(self, passed, new, seen):
        self._look(passed, new, seen)

    @precondition(lambda self: not self.state.final)
    @rule(seen=well, kind=st.sampled_from(["pause", "resume", "resume", "promote", "promote", "abort"]))
    def look_with_a_wish(self, seen, kind):
        self.wishes += 1
        self._look(0.2, 30, {**seen, "wish": wish(kind, self.wishes)})

    @precondition(lambda self: not self.state.final)
    @rule(new=st.integers(1, 9))
    def fail(self, new):
        self.failed += new
        self._look(0.2, new, {})

    def _look(self, passed, new, seen):
        self.minute += passed
        self.answered += 0 if "starting" in _phases(self.state) else new
        self.seen = look(self.minute, self.answered, failures=self.failed, **seen)
        self.before, self.decision = self.state, decide(self.plan, self.state, self.seen)
        self.state = self.decision.state
        assert decide(self.plan, self.before, self.seen) == self.decision

    @invariant()
    def weights_sum_to_100(self):
        traffic = Traffic.model_validate(self.state.traffic.model_dump())
        assert traffic.candidate + traffic.stable == 100
        assert State.model_validate(self.state.model_dump()) == self.state

    @invariant()
    def all_of_the_traffic_is_earned_and_approved(self):
        if self.decision is None or self.before.traffic.candidate == 100 or self.state.traffic.candidate < 100:
            return
        assert promised(self.plan, self.seen)
        assert not self.plan.approval or self.state.approval == "a1" == self.seen.approval
        assert self.before.phase in ("running", "awaiting_approval")

    @invariant()
    def a_promotion_comes_from_evidence_or_from_the_watch(self):
        if self.state.phase == "promoted":
            assert self.state.traffic == Traffic(candidate=100)
            if self.decision.kind == "promote":
                assert promised(self.plan, self.seen) or self.before.phase == "watching"

    @invariant()
    def harm_is_answered_at_once(self):
        if self.decision is None or self.before.final or self.seen.healthy.get("stable") is False:
            return
        harmful = self.seen.evidence is HARM or self.failed >= 20 or self.seen.refusal
        if harmful or (self.seen.healthy.get("candidate") is False and "starting" not in _phases(self.before)):
            assert self.state.final
            assert self.state.traffic == Traffic()

    @invariant()
    def the_candidate_gets_more_only_when_all_is_well(self):
        if self.decision is None or self.state.traffic.candidate <= self.before.traffic.candidate:
            return
        assert self.seen.healthy == WELL
        assert self.before.phase != "paused"
        assert self.before.phase == "starting" or self.seen.requests["candidate"] > 0
        assert self.seen.evidence or self.before.phase == "starting"

    @invariant()
    def nobody_gets_more_than_the_plan_says(self):
        if (
            self.state.phase in ("watching", "promoted")
            or self.before.phase == "watching"
            or "watching" in _phases(self.state)
        ):
            return
        planned = {"canary": 50, "ab": 40, "bandit": 95}.get(self.strategy, 0)
        assert self.state.traffic.candidate <= planned

    @invariant()
    def it_is_told_why_and_counted(self):
        assert self.state.reason
        if self.decision is not None:
            assert self.state.looks == self.before.looks + 1
            assert self.state.wish == self.wishes
            assert isinstance(self.decision, Decision)

    @invariant()
    def what_changes_nothing_is_called_hold_and_the_other_way_round(self):
        if self.decision is None:
            return
        same = (self.state.phase, self.state.traffic, self.state.step) == (
            self.before.phase,
            self.before.traffic,
            self.before.step,
        )
        assert same == (self.decision.kind == "hold")

    @invariant()
    def what_is_over_stays_over(self):
        if self.before.final:
            assert (self.state.phase, self.state.traffic) == (self.before.phase, self.before.traffic)


def _phases(state):
    return {state.phase, state.resumes}


def _laws(name):
    case = type(f"Laws_{name}", (Laws,), {"strategy": name}).TestCase
    case.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
    return case


for _name in STRATEGIES:
    globals()[f"TestLaws_{_name}"] = _laws(_name)
