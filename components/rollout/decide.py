"""What a look leads to: one pure function from plan, state and observation to the decision."""

from collections.abc import Callable
from typing import Any

from components.rollout.guardrails import harms
from components.rollout.plan import Plan
from components.rollout.readiness import missing, shown, silence
from components.rollout.state import Decision, Kind, Observation, State, minutes
from components.rollout.strategies import STRATEGIES
from components.rollout.traffic import VARIANTS, Traffic

STARTUP_MINUTES = 10.0
"""A candidate that cannot answer by then is taken back."""


def decide(plan: Plan, state: State, observation: Observation) -> Decision:
    """Decide what a look leads to. Reads no clock, draws nothing by chance, touches nothing.

    The first of these that applies decides: it is over; the registry has made the candidate reign; an operator aborts;
    the candidate does harm (see ``guardrails``); an operator pauses or resumes; it is paused; an operator asks for the
    promotion; then, by phase, the strategy. Harm takes the candidate out in every phase, with one exception: while the
    stable model cannot answer and the candidate can, going back would turn some failures into nothing but failures, so
    the weights stay until the stable model is back (an operator's abort is obeyed even then). A stable model that
    cannot answer, or of which nobody knows whether it can, also stops every step forward.

    Args:
        plan: of the rollout.
        state: after the last look.
        observation: of this look.

    Returns:
        The next state, with its traffic and reason. Deciding again on the same values gives the same decision.
    """
    for rule in _RULES:
        decision = rule(plan, state, observation)
        if decision is not None:
            return decision
    return _BY_PHASE[state.phase](plan, state, observation)


def _next(kind: Kind, state: State, observation: Observation, reason: str, **changes: Any) -> Decision:
    taken = state.wish if observation.wish is None else observation.wish.number
    counted = {"looks": state.looks + 1, "wish": taken, "reason": reason}
    return Decision(kind=kind, state=state.model_copy(update={**counted, **changes}))


def _over(_plan: Plan, state: State, observation: Observation) -> Decision | None:
    return _next("hold", state, observation, state.reason) if state.final else None


def _reigns(_plan: Plan, state: State, observation: Observation) -> Decision | None:
    if state.phase != "promoting" or not observation.promoted:
        return None
    over = {"phase": "promoted", "traffic": Traffic(candidate=100)}
    return _next("promote", state, observation, state.earned, **over)


def _abort(_plan: Plan, state: State, observation: Observation) -> Decision | None:
    wish = observation.wish
    if wish is None or wish.kind != "abort":
        return None
    return _next("abort", state, observation, f"aborted by {wish}", phase="aborted", traffic=Traffic(), resumes=None)


def _harm(plan: Plan, state: State, observation: Observation) -> Decision | None:
    found = harms(plan, state, observation)
    return _back(state, observation, "; ".join(found)) if found else None


def _pause_or_resume(_plan: Plan, state: State, observation: Observation) -> Decision | None:
    wish = observation.wish
    if wish is None or wish.kind not in ("pause", "resume"):
        return None
    paused = state.phase == "paused"
    if wish.kind == "pause" and not paused:
        by = {"phase": "paused", "resumes": state.phase, "paused_by": str(wish)}
        return _next("pause", state, observation, f"paused by {wish}", **by)
    if wish.kind == "resume" and paused:
        back = {"phase": state.resumes, "resumes": None, "paused_by": ""}
        return _next("resume", state, observation, f"resumed by {wish}", **back)
    why = "it is paused already" if paused else f"there is nothing to resume: it is {state.phase}"
    return _next("hold", state, observation, f"{wish.kind} asked for by {wish}: {why}")


def _paused(plan: Plan, state: State, observation: Observation) -> Decision | None:
    if state.phase != "paused":
        return None
    why = f"paused by {state.paused_by}; weights stand still, guardrails do not; resume or abort"
    if observation.wish is not None:
        why = f"{observation.wish.kind} asked for by {observation.wish} and refused: resume first"
    elif _time_is_up(plan, state, observation):
        why = f"{why}. Its time of {plan.maximum_hours:g} hours is up, which counts once it is resumed"
    return _next("hold", state, observation, why)


def _promotion_asked(plan: Plan, state: State, observation: Observation) -> Decision | None:
    wish = observation.wish
    if wish is None or wish.kind != "promote":
        return None
    lacking = ["the candidate has not answered yet"] if state.phase == "starting" else []
    if state.phase == "promoting":
        lacking.append(f"it is under way: {state.earned}")
    elif state.phase == "watching":
        lacking += [] if observation.healthy.get("candidate") else ["nobody knows whether the candidate can answer"]
        lacking += _unapproved(plan, observation)
    else:
        lacking += missing(plan, state, observation)
    if lacking:
        return _next("hold", state, observation, f"promotion asked for by {wish} and refused: {'; '.join(lacking)}")
    if state.phase == "watching":
        return _earn(plan, state, observation, f"the watch was ended by {wish}")
    return _earned(plan, state, observation, f"promotion asked for by {wish}; {shown(plan, observation)}")


def _stable_is_ill(_plan: Plan, state: State, observation: Observation) -> Decision | None:
    if observation.healthy.get("stable") is not False:
        return None
    why = "the stable model cannot answer: no step forward, for no comparison is fair and there is no way back; mend it"
    return _next("hold", state, observation, why)


_Rule = Callable[[Plan, State, Observation], Decision | None]

_RULES: tuple[_Rule, ...] = (_over, _reigns, _abort, _harm, _pause_or_resume, _paused, _promotion_asked, _stable_is_ill)


def _starting(plan: Plan, state: State, observation: Observation) -> Decision:
    if observation.healthy.get("candidate") and not observation.healthy.get("stable"):
        why = "the candidate can answer; nobody knows whether the stable model can, so it gets no request yet"
        return _next("hold", state, observation, why)
    if observation.healthy.get("candidate"):
        first = STRATEGIES[plan.strategy].first(plan)
        mirror = f", copies to the {first.mirror}" if first.mirror else ""
        why = f"the candidate can answer: {first.candidate} % of the requests{mirror}"
        return _new_step("begin", state, observation, why, phase="running", traffic=first)
    waited = minutes(state.started, observation.at)
    if waited >= STARTUP_MINUTES:
        return _back(state, observation, f"the candidate could not answer within {waited:.1f} minutes of the start")
    return _next("hold", state, observation, f"waits {waited:.1f} minutes for the candidate to answer")


def _running(plan: Plan, state: State, observation: Observation) -> Decision:
    move = STRATEGIES[plan.strategy].advance(plan, state, observation)
    if move.kind == "earned":
        return _earned(plan, state, observation, move.reason)
    if _time_is_up(plan, state, observation):
        why = f"its time of {plan.maximum_hours:g} hours is up without a verdict: {move.reason}"
        if plan.when_time_is_up == "roll_back":
            return _back(state, observation, why)
        return _next("hold", state, observation, f"{why}. The plan says to hold: promote or abort it")
    if move.kind in ("step", "weigh") and len(observation.healthy) < len(VARIANTS):
        why = f"{move.reason}; but nobody knows now whether both variants can answer, so the weights stay"
        return _next("hold", state, observation, why)
    if move.kind == "step":
        return _new_step("step", state, observation, move.reason, step=state.step + 1, traffic=move.traffic)
    if move.kind == "weigh":
        return _next("weigh", state, observation, move.reason, traffic=move.traffic)
    return _next("hold", state, observation, move.reason)


def _awaiting(plan: Plan, state: State, observation: Observation) -> Decision:
    lacking = missing(plan, state, observation)
    if lacking:
        why = f"the promotion was earned, but at this look is missing: {'; '.join(lacking)}"
        return _waits(plan, state, observation, why)
    return _earned(plan, state, observation, shown(plan, observation))


def _watching(plan: Plan, state: State, observation: Observation) -> Decision:
    watched, answered = minutes(state.step_started, observation.at), observation.seen - state.step_requests
    done = f"{watched:.1f} of {plan.watch_minutes:g} minutes watched, {answered:,} requests since the switch"
    if not answered:
        why = silence(state, observation) or "no request since the switch: nobody calls"
        return _next("hold", state, observation, f"{done}; no data: {why}")
    if watched < plan.watch_minutes:
        return _next("hold", state, observation, done)
    unknown = [v for v in VARIANTS if not observation.healthy.get(v)]
    if unknown:
        return _next("hold", state, observation, f"{done}; nobody knows whether can answer: {', '.join(unknown)}")
    lacking = _unapproved(plan, observation)
    if lacking:
        return _waits(plan, state, observation, f"{done}, no harm found; {lacking[0]}", plan.watch_minutes)
    return _earn(plan, state, observation, f"{done}, no harm found")


def _promoting(plan: Plan, state: State, observation: Observation) -> Decision:
    why = f"{state.earned}; the registry has not made it reign yet and is asked again; weights stay until it has"
    # The approval that it rests on may have run out meanwhile, and another may have been given.
    return _waits(plan, state, observation, why, approval=observation.approval or state.approval)


_BY_PHASE: dict[str, Callable[[Plan, State, Observation], Decision]] = {
    "starting": _starting,
    "running": _running,
    "awaiting_approval": _awaiting,
    "watching": _watching,
    "promoting": _promoting,
}


def _earned(plan: Plan, state: State, observation: Observation, reason: str) -> Decision:
    """Go on with the approval, or wait for it."""
    lacking = _unapproved(plan, observation)
    if lacking:
        why = f"{reason}; {lacking[0]}"
        if state.phase == "awaiting_approval":
            return _waits(plan, state, observation, why)
        return _next("await", state, observation, why, phase="awaiting_approval", step_started=observation.at)
    if not STRATEGIES[plan.strategy].watches or not plan.watch_minutes:
        return _earn(plan, state, observation, reason)
    why = f"{reason}; {_by(observation)}: switched, the old one is watched for {plan.watch_minutes:g} minutes"
    everything, approval = Traffic(candidate=100, mirror="stable"), observation.approval
    return _new_step("switch", state, observation, why, phase="watching", traffic=everything, approval=approval)


def _earn(plan: Plan, state: State, observation: Observation, reason: str) -> Decision:
    """Leave nothing but the registry's word between the candidate and 100 %; until then no weight moves."""
    approval = observation.approval if plan.approval else None
    why = f"{reason}; {_by(observation)}"
    changes = {"phase": "promoting", "approval": approval, "step_started": observation.at, "earned": why}
    return _next("earn", state, observation, why, **changes)


def _unapproved(plan: Plan, observation: Observation) -> list[str]:
    return ["waits for the approval that the registry demands"] if plan.approval and not observation.approval else []


def _by(observation: Observation) -> str:
    return f"approval {observation.approval}" if observation.approval else "no approval needed by the plan"


def _waits(
    plan: Plan, state: State, observation: Observation, why: str, after: float = 0.0, **changes: Any
) -> Decision:
    """Hold for an approval, or for the registry, as long as the plan allows after so many minutes of the step."""
    if minutes(state.step_started, observation.at) < after + 60 * plan.approval_hours:
        return _next("hold", state, observation, why, **changes)
    up = f"the {plan.approval_hours:g} hours for an approval are up: {why}"
    if plan.when_time_is_up == "roll_back":
        return _back(state, observation, up)
    return _next("hold", state, observation, f"{up}. The plan says to hold: approve or abort it", **changes)


def _back(state: State, observation: Observation, reason: str) -> Decision:
    """Take the candidate out, unless it alone can answer; a wish that this look took up is answered by it."""
    well, wish = observation.healthy, observation.wish
    asked = "" if wish is None else f"; {wish.kind} asked for by {wish} and refused for that"
    if state.traffic.candidate and well.get("stable") is False and well.get("candidate") is not False:
        why = f"would be rolled back ({reason}), but the stable model cannot answer: stays until it can, or abort"
        return _next("hold", state, observation, why + asked)
    over = {"phase": "rolled_back", "traffic": Traffic(), "resumes": None}
    return _next("roll_back", state, observation, reason + asked, **over)


def _new_step(kind: Kind, state: State, observation: Observation, reason: str, **changes: Any) -> Decision:
    began = {"step_started": observation.at, "step_requests": observation.seen}
    return _next(kind, state, observation, reason, **began, **changes)


def _time_is_up(plan: Plan, state: State, observation: Observation) -> bool:
    return minutes(state.started, observation.at) >= 60 * plan.maximum_hours
