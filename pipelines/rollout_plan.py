"""A rollout plan in words, and what to expect of it before it starts."""

from collections.abc import Sequence

from components.core.errors import FairleadError
from components.rollout.guardrails import threshold
from components.rollout.labelled import warning
from components.rollout.outlook import Assumed, expect
from components.rollout.plan import Plan
from components.rollout.readiness import claim, needed
from components.rollout.statistics.power import Outlook


def describe(plan: Plan) -> list[str]:
    """Say what a plan does, line by line."""
    way = _way(plan)
    lines = [f"plan {plan.name} for {plan.use_case} is sound: {plan.strategy.replace('_', '-')}, {way}"]
    for m in plan.metrics:
        words = []
        if m.guard:
            words.append(f"more than {m.tolerated:g} worse takes the candidate out (e-value {threshold(plan):g})")
        if m.margin is not None:
            words.append(f"has to show {claim(m)} (e-value {needed(plan):g})")
        lines.append(f"  {m.name}: {'; '.join(words)}")
        if warning(plan, m):
            lines.append(f"    note: {warning(plan, m)}")
    if plan.error_budget is not None:
        lines.append(f"  {plan.error_budget} failed requests of the candidate take it out at once")
    late = "is taken back" if plan.when_time_is_up == "roll_back" else "stays where it is"
    approval = "with an approval" if plan.approval else "without an approval"
    return [*lines, f"  promoted {approval}; after {plan.maximum_hours:g} hours without a verdict it {late}"]


def _way(plan: Plan) -> str:
    weights = " → ".join(f"{s.weight} %" for s in plan.steps)
    if plan.strategy == "canary":
        return f"weights {weights} → 100 %"
    if plan.strategy == "ab":
        return f"{weights} until a verdict, then 100 %"
    if plan.bandit is not None:
        return f"weights by {plan.bandit.policy}, at least {plan.bandit.lowest} % each, then 100 %"
    watch = f", the old one watched {plan.watch_minutes:g} minutes" if plan.strategy == "blue_green" else ""
    return f"copies of all requests, then from 0 to 100 %{watch}"


def expectations(plan: Plan, assume: Sequence[str], requests_per_hour: float) -> list[str]:
    """Say how surely and how soon a plan finds harm and shows safety, under assumptions.

    Args:
        plan: of the rollout.
        assume: ``METRIC=MEAN:HARM`` or ``METRIC=MEAN:HARM:SPREAD``; nothing is said without any.
        requests_per_hour: to both variants together.

    Raises:
        FairleadError: an assumption cannot be read, or does not fit the plan.
    """
    if not assume:
        return []
    lines = [f"at {requests_per_hour:,.0f} requests an hour, simulated with the statistics that will decide:"]
    for found in expect(plan, dict(map(_assumed, assume)), requests_per_hour):
        for outlook in (found.harm, found.safe):
            if outlook is not None:
                lines.append(f"  {found.metric}: {_words(outlook)}")
    return lines


def _assumed(text: str) -> tuple[str, Assumed]:
    name, _, values = text.partition("=")
    try:
        numbers = [float(v) for v in values.split(":")]
        return name, Assumed(*numbers)
    except (ValueError, TypeError) as error:
        raise FairleadError(
            f"--assume {text!r} cannot be read; give METRIC=MEAN:HARM or METRIC=MEAN:HARM:SPREAD"
        ) from error


def _words(found: Outlook) -> str:
    what = {"harm": f"harm of {found.effect:+g} is found", "safe": f"safety is shown of {found.effect:+g}"}[
        found.verdict
    ]
    when = "half of them not by the end of the plan"
    if found.median_requests is not None and found.median_hours is not None:
        when = f"half of them by request {found.median_requests:,} ({found.median_hours:.3g} hours)"
    fixed = "" if found.fixed_requests is None else f"; a test that looks once would need {found.fixed_requests:,}"
    return f"{what} in {100 * found.reached:.0f} % of rollouts, {when}{fixed}"
