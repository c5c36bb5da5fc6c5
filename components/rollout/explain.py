"""Why a rollout stands where it stands, in words: what was seen last, what is missing, and how long it may take."""

from components.rollout.guardrails import threshold
from components.rollout.history import History
from components.rollout.plan import Metric, Plan
from components.rollout.readiness import missing, needed, no_data, numbers, requests_left
from components.rollout.state import Observation, State

COMMAND = "fairlead rollout"


def explain(history: History) -> list[str]:
    """Say why a rollout stands where it stands.

    Args:
        history: as read from a store.

    Returns:
        Lines of text: the state, the metrics at the last look, what a promotion still lacks, and what can be done.
    """
    state, rollout = history.state, history.rollout
    lines = [f"{rollout.id}: {headline(state)}", f"  because {state.reason}"]
    lines += [f"  {rollout.candidate} against {rollout.stable}, plan {rollout.plan.name} ({rollout.plan.strategy})"]
    if history.failure:
        lines.append(f"  NOT BROUGHT ABOUT: {history.failure}; tried again until it is")
    lines += [f"  {line}" for line in wishes(history)]
    if history.look is None:
        return [*lines, "  nobody has looked yet", f"  start looking with: {COMMAND} run {rollout.id}"]
    seen = history.look.observation
    if history.look.error:
        lines.append(f"  {history.look.error}")
    lines += _seen(state, seen)
    lines += [f"  {_metric(rollout.plan, m, state, seen)}" for m in rollout.plan.metrics]
    return lines + ([] if state.final else _way_on(rollout.plan, state, seen))


def wishes(history: History) -> list[str]:
    """Say what became of the last wish, and which ones wait."""
    lines = []
    if history.answer is not None and history.answer is not history.look and not history.state.final:
        lines.append(
            f"the last wish was answered at look {history.answer.decision.state.looks}: "
            f"{history.answer.decision.reason}"
        )
    return lines + [f"{w.kind} asked for by {w}: counts from the next look on" for w in history.wishes]


def headline(state: State) -> str:
    """Say in a few words where a rollout stands.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> headline(State(rollout="r", phase="awaiting_approval", started=now, step_started=now))
    'awaiting approval, 0 % of the requests'
    """
    mirror = f", copies to the {state.traffic.mirror}" if state.traffic.mirror else ""
    return f"{state.phase.replace('_', ' ')}, {state.traffic.candidate} % of the requests{mirror}"


def _seen(state: State, seen: Observation) -> list[str]:
    counts = ", ".join(f"{n:,} given to {v}" for v, n in sorted(seen.requests.items())) or "no request yet"
    well = ", ".join(f"{v} {'can' if ok else 'CANNOT'} answer" for v, ok in sorted(seen.healthy.items()))
    at = f"{seen.at:%Y-%m-%d %H:%M:%S} UTC"
    return [f"  look {state.looks} at {at}: {counts}; {well or 'nobody knows who can answer'}"]


def _metric(plan: Plan, metric: Metric, state: State, seen: Observation) -> str:
    evidence = seen.evidence.get(metric.name)
    if evidence is None or not evidence.has_data:
        return no_data(metric, state, seen)
    words = [f"{metric.name}: {numbers(evidence)}"]
    if metric.guard:
        words.append(f"harm beyond {metric.tolerated:g}: e-value {evidence.e_harm:.3g}, goes at {threshold(plan):g}")
    if metric.margin is not None:
        left = requests_left(evidence, needed(plan))
        pace = {None: "not growing yet", 0: "shown"}.get(left, f"about {left or 0:,} more requests at this pace")
        words.append(f"not worse by {metric.margin:g}: e-value {evidence.e_safe:.3g}, needs {needed(plan):g} ({pace})")
    return "; ".join([*words, f"NOTE: {evidence.note}"] if evidence.note else words)


def _way_on(plan: Plan, state: State, seen: Observation) -> list[str]:
    if state.phase == "promoting":
        waits = "  still missing for a promotion: that the registry makes it reign, with approval "
        return [waits + (state.approval or "not needed"), f"  to step in: {COMMAND} pause | abort {state.rollout}"]
    lacking = missing(plan, state, seen)
    lines = [f"  still missing for a promotion: {len(lacking) or 'nothing by the numbers'}"]
    lines += [f"    - {line}" for line in lacking]
    if plan.approval and seen.approval is None:
        lines.append("    - an approval, which is asked for once the numbers are there")
    words = "resume | abort" if state.phase == "paused" else "pause | promote | abort"
    return [*lines, f"  to step in: {COMMAND} {words} {state.rollout}"]
