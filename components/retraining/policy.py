"""The policy: whether to train anew, decided from one look's findings and from what has been done. Pure.

What calls for a run is counted in ``components.retraining.pressure``; the strongest trigger that the use case names
speaks. What holds it back, whatever the pressure:

- a run or a rollout that has not ended: two would fight over the challenger's place;
- the cool-down since the last training date, and the budget of runs within 365 days;
- too few labels since the last training date: drift alone teaches a model nothing;
- a fault in the data that explains the most of what was found: a model trained on broken data learns the fault.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta

from components.core.errors import FairleadError
from components.core.watching import Monitoring, Retraining
from components.monitoring.values import Findings
from components.retraining.pressure import Pressure, of_drift, of_performance, of_schedule
from components.retraining.values import Decision, Past

USUAL = Monitoring()
"""Thresholds of a use case that sets none."""

YEAR_DAYS = 365


def decide(findings: Findings, past: Past, settings: Retraining, now: date, monitoring: Monitoring = USUAL) -> Decision:
    """Decide whether to train anew; the same arguments always give the same decision.

    Args:
        findings: of the newest look; nothing later than ``now`` is in them.
        past: what was trained, and what has become known since.
        settings: the use case's section ``retraining``.
        now: the day; training takes what was known at its end.
        monitoring: the use case's section ``monitoring``: its loss and the rise that is allowed.

    Returns:
        The decision, with all that called for a run and all that held it back. Its window is the first of
        ``settings.windows``; where there are several, ``components.retraining.backtest`` chooses.

    Raises:
        FairleadError: the findings are of a later day than ``now``.
    """
    if findings.now > now:
        raise FairleadError(
            f"findings as of {findings.now} cannot be decided on as of {now}: they know what came later; "
            f"decide as of {findings.now}, or look anew"
        )
    pressures = _pressures(findings, past, settings, now, monitoring)
    strongest = max(pressures, key=lambda p: p.value)
    due = strongest.value >= settings.pressure
    held = [*_held_by_time(past, settings, now), *_held_by_data(findings, past, settings)]
    reasons = [p.reason for p in sorted(pressures, key=lambda p: -p.value)]
    if not due:
        reasons.append(f"pressure {strongest.value:.2f} is below {settings.pressure:g}")
    go = due and not held
    return Decision(
        action="retrain" if go else "wait",
        reasons=(*reasons, *(f"held back: {reason}" for reason in held if due)),
        trigger=strongest.trigger if go else "",
        pressure=strongest.value,
        as_of=now,
        key=key_of(findings.use_case, now, findings.version),
        window=settings.windows[0],
        after=past.newest,
    )


def key_of(use_case: str, as_of: date, version: str) -> str:
    """Name the run that a decision asks for: the same for the same use case, training date and reigning version.

    The window is no part of it: two watchers that chose different ones still ask for one run.

    >>> key_of("sba_loans", date(2005, 3, 31), "1")
    'sba_loans-20050331-bf0bed0b'
    """
    digest = hashlib.sha256("\x1f".join([use_case, as_of.isoformat(), version]).encode()).hexdigest()
    return f"{use_case}-{as_of:%Y%m%d}-{digest[:8]}"


def _pressures(
    findings: Findings, past: Past, settings: Retraining, now: date, monitoring: Monitoring
) -> Sequence[Pressure]:
    found = []
    for trigger in settings.triggers:
        if trigger == "drift":
            found.append(of_drift(findings, monitoring, past.trained))
        elif trigger == "performance":
            found.append(of_performance(findings, monitoring, past.trained))
        else:
            found.append(of_schedule(settings, past.trained, now))
    # A use case may name no trigger at all: then nothing ever calls.
    return found or [Pressure("schedule", 0.0, "retraining.triggers names none, so nothing calls for a run")]


def _held_by_time(past: Past, settings: Retraining, now: date) -> list[str]:
    held = []
    if past.running:
        held.append(f"run {past.running} has not ended")
    if past.trained and (now - past.trained[-1]).days < settings.cool_down_days:
        until = past.trained[-1] + timedelta(days=settings.cool_down_days)
        held.append(f"last trained as of {past.trained[-1]}, cooling down until {until}")
    elif past.trained and past.trained[-1] >= now:
        held.append(f"trained as of {past.trained[-1]} already")
    recent = [day for day in past.trained if (now - day).days < YEAR_DAYS]
    if len(recent) >= settings.most_per_year:
        free = recent[-settings.most_per_year] + timedelta(days=YEAR_DAYS)
        held.append(
            f"{len(recent)} runs within {YEAR_DAYS} days, allowed {settings.most_per_year}: next one from {free} on"
        )
    return held


def _held_by_data(findings: Findings, past: Past, settings: Retraining) -> list[str]:
    held = []
    if past.new_labels < settings.minimum_new_labels:
        held.append(
            f"{past.new_labels} new labels since the last training, needed {settings.minimum_new_labels}: "
            "a new model would learn nothing new"
        )
    # When it began says nothing of why.
    causes = [c for c in findings.causes if c.kind != "time"]
    if causes:
        first = max(causes, key=lambda c: (c.share, c.verdict == "data_fault"))
        if first.verdict == "data_fault":
            held.append(
                f"a fault in the data explains the most ({first.subject}, {first.share:.0%}: {first.reason}); "
                "mend it first, a model trained on it would learn the fault"
            )
    return held
