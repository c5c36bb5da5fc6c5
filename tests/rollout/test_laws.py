"""Laws that every strategy keeps over whole rollouts, whatever is seen and wished."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from components.rollout.decide import decide
from components.rollout.state import Decision, State
from components.rollout.traffic import Traffic
from tests.rollout.looks import HARM, NEUTRAL, SAFE, STRATEGIES, WELL, evidence, look, plan, starting, wish

STABLE_ILL = {"stable": False, "candidate": True}
GOOD_SO_FAR = {**NEUTRAL, "brier": evidence("brier", estimate=-0.08)}
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
    @rule(seen=well)
    def the_registry_acts(self, seen):
        self._look(0.2, 30, {**seen, "promoted": self.state.phase == "promoting"})

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
        assert not self.plan.approval or self.state.approval == "a1"
        if self.state.phase == "watching":
            assert promised(self.plan, self.seen)
            assert self.before.phase in ("running", "awaiting_approval")
        else:
            assert (self.before.phase, self.seen.promoted) == ("promoting", True)

    @invariant()
    def a_promotion_comes_from_evidence_or_from_the_watch(self):
        if self.state.phase == "promoted":
            assert self.state.traffic == Traffic(candidate=100)
            if self.decision.kind == "promote":
                assert self.seen.promoted
        if self.decision is not None and self.decision.kind == "earn":
            assert promised(self.plan, self.seen) or self.before.phase == "watching"
            assert not self.plan.approval or self.state.approval == "a1" == self.seen.approval
            assert self.state.traffic == self.before.traffic

    @invariant()
    def harm_is_answered_at_once(self):
        if self.decision is None or self.before.final or self.seen.healthy.get("stable") is False:
            return
        if self.seen.promoted:  # it reigns: there is nothing to go back to
            return
        harmful = self.seen.evidence is HARM or self.failed >= 20 or self.seen.refusal
        if harmful or (self.seen.healthy.get("candidate") is False and "starting" not in _phases(self.before)):
            assert self.state.final
            assert self.state.traffic == Traffic()

    @invariant()
    def the_candidate_gets_more_only_when_all_is_well(self):
        if self.decision is None or self.state.traffic.candidate <= self.before.traffic.candidate:
            return
        assert self.before.phase != "paused"
        if self.seen.promoted:
            return
        assert self.seen.healthy == WELL
        assert self.before.phase == "starting" or self.seen.requests["candidate"] > 0
        assert self.seen.evidence or self.before.phase == "starting"

    @invariant()
    def nobody_gets_more_than_the_plan_says(self):
        if (
            self.state.phase in ("watching", "promoted")
            or self.before.phase == "watching"
            or "watching" in _phases(self.state)
            or (self.strategy == "blue_green" and "promoting" in _phases(self.state))
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
    case.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
    return case


for _name in STRATEGIES:
    globals()[f"TestLaws_{_name}"] = _laws(_name)
