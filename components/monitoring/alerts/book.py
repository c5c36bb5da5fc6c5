"""The alert book: takes what each look found, keeps what stands, and sees that everybody is told once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from components.core.errors import FairleadError, unknown
from components.core.watching import Monitoring
from components.monitoring.alerts.decide import decide
from components.monitoring.alerts.deliver import deliver, remind
from components.monitoring.alerts.measured import measured
from components.monitoring.alerts.notifiers.notifier import Notifier
from components.monitoring.alerts.store import BookStore, Look, Page, Waiting
from components.monitoring.alerts.values import Alert, Event, Silence
from components.monitoring.runbooks import path_of
from components.monitoring.values import Call, Findings


class AlertBook:
    """Alerts of any number of models in one file.

    Args:
        path: the file, SQLite; it and its folder are made on first use.
        notifiers: by the name under which the book remembers what each was told; none leaves changes on record alone.
    """

    def __init__(self, path: Path, notifiers: Mapping[str, Notifier] | None = None) -> None:
        self.store = BookStore(path)
        self._notifiers = dict(notifiers or {})

    def observe(self, findings: Findings, monitoring: Monitoring) -> tuple[Event, ...]:
        """Take in what a look found, and tell the notifiers of the changes.

        What changed is on record before anybody is told; whoever cannot be reached is told at the next look, or by
        ``deliver``. The same findings taken in a second time change nothing and give the same events.

        Args:
            findings: of one look; for each model they have to come in the order of their days.
            monitoring: the use case's ``raise_after`` and ``clear_after``.

        Raises:
            FairleadError: a later day's look is on record.
        """
        with self.store.writing() as page:
            events = _take_in(page, findings, monitoring, sorted(self._notifiers))
        self.deliver()
        return events

    def deliver(self) -> list[Waiting]:
        """Tell every notifier what it has not acknowledged yet; return what is still waiting."""
        left = deliver(self.store, self._notifiers)
        remind(self.store, self._notifiers)
        return left

    def silence(self, pattern: str, until: date, author: str, reason: str, model: str = "*") -> Silence:
        """Keep alerts from the notifiers for some time; they are recorded all the same.

        An alert that still stands when the silence is over is told then.

        Args:
            pattern: a key (``drift/Bank``) or a pattern of keys (``drift/*``).
            until: the last day on which it holds.
            author: who answers for it.
            reason: why; nobody remembers later.
            model: a model, or a pattern of models.

        Raises:
            FairleadError: there is no reason or no author.
        """
        for name, value in (("pattern", pattern), ("author", author), ("reason", reason)):
            if not value.strip():
                raise FairleadError(f"a silence needs its {name}; found {value!r}")
        with self.store.writing() as page:
            number = max((s.number for s in page.silences()), default=0) + 1
            made = Silence(number=number, pattern=pattern, model=model, until=until, author=author, reason=reason)
            page.put_silence(made)
        return made

    def unsilence(self, number: int, author: str) -> Silence:
        """End a silence before its time; what stands is told at the next look.

        Raises:
            FairleadError: there is no such silence, or it was ended before.
        """
        with self.store.writing() as page:
            there = {s.number: s for s in page.silences()}
            if number not in there:
                raise unknown("silence", number, there, "See them with: fairlead alerts list")
            if there[number].lifted_by:
                raise FairleadError(f"silence {number} was ended by {there[number].lifted_by} before")
            ended = there[number].model_copy(update={"lifted_by": author})
            page.put_silence(ended)
        return ended

    def silences(self) -> list[Silence]:
        """Return all silences, those that are over too."""
        return self.store.silences()

    def standing(self) -> list[Alert]:
        """Return the alerts that are amber or red, the red ones first."""
        return sorted((a for a in self.store.alerts() if a.level != "green"), key=lambda a: a.level != "red")


def _take_in(page: Page, findings: Findings, monitoring: Monitoring, notifiers: Sequence[str]) -> tuple[Event, ...]:
    who = findings.use_case, findings.model
    digest = _digest(findings)
    last, same = page.looks(*who, digest)
    if last is not None and same is not None and (same == last or findings.now < last.now):
        return page.events_of(*who, same.number)
    if last is not None and findings.now < last.now:
        raise FairleadError(
            f"the look of {findings.now} at {findings.model} comes after the one of {last.now}; looks have to come in "
            "order: take a book of its own to look back"
        )
    look = Look(1 if last is None else last.number + 1, digest, findings.now)
    page.add_look(*who, look)
    alerts, silences = page.alerts(*who), page.silences()
    calls = _by_key(findings.calls)
    events = []
    for key in sorted({*alerts, *calls}):
        alert = alerts.get(key) or Alert(use_case=who[0], model=who[1], key=key)
        name, _, subject = key.partition("/")
        if key not in calls and not measured(findings, name, subject):
            continue
        event = _step(page, alert, calls.get(key), silences, findings, monitoring, look)
        if event is not None:
            page.add_event(event, look.number, notifiers)
            events.append(event)
    return tuple(events)


def _step(
    page: Page,
    alert: Alert,
    call: Call | None,
    silences: Sequence[Silence],
    findings: Findings,
    monitoring: Monitoring,
    look: Look,
) -> Event | None:
    silence = next((s for s in silences if s.covers(alert.model, alert.key, findings.now)), None)
    step = decide(alert, call, monitoring, findings.now, silence is not None)
    after = step.alert
    if after.level == after.told == "green" and set(after.recent) == {"green"}:
        page.drop_alert(after)
    else:
        page.put_alert(after)
    if step.kind is None or after.call is None:
        return None
    held = "" if silence is None or step.tell else f"by {silence.author} until {silence.until}: {silence.reason}"
    return Event(
        id=_id(alert, look, step.kind),
        at=findings.now,
        kind=step.kind,
        use_case=alert.use_case,
        model=alert.model,
        version=findings.version,
        name=after.call.name,
        subject=after.call.subject,
        level=after.level,
        before=step.before,
        value=after.call.value,
        threshold=after.call.threshold,
        summary=after.call.summary,
        since=after.since or alert.since or findings.now,
        runbook=path_of(after.call.name),
        tell=step.tell,
        silenced=held,
    )


def _by_key(calls: Sequence[Call]) -> dict[str, Call]:
    """Take of several calls of one key the worst."""
    found: dict[str, Call] = {}
    for call in calls:
        if call.key not in found or call.severity == "red":
            found[call.key] = call
    return found


def _digest(findings: Findings) -> str:
    """Stand for what a look found, so that the same look taken in twice is known."""
    told = findings.model_dump(mode="json", include={"use_case", "model", "version", "now", "window", "calls"})
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _id(alert: Alert, look: Look, kind: str) -> str:
    parts = (alert.use_case, alert.model, alert.key, str(look.number), look.digest, kind)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
