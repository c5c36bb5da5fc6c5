"""What is recorded of one rollout: read from a store, and written on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from components.core.errors import FairleadError, unknown
from components.rollout.state import Decision, Observation, Rollout, State, Wish, begin
from components.rollout.store import Event, EventKind, Overtaken, Store


@dataclass(frozen=True)
class Look:
    """One look: when, what was seen, and what was decided.

    Args:
        event: the record it is from.
        observation: what was seen.
        decision: what followed.
        error: why nothing could be observed, empty when something could.
    """

    event: Event
    observation: Observation
    decision: Decision
    error: str = ""


@dataclass(frozen=True)
class History:
    """A rollout's record.

    Args:
        rollout: what was started.
        state: after the last look.
        last: sequence of the last event.
        look: the last one; None before the first.
        wishes: those not taken up yet, oldest first.
        answer: the last look that took a wish up; None before the first.
        settled: the verdict was brought about; nothing is left to do.
        failure: text of the last failure since the last look, empty when there was none.
    """

    rollout: Rollout
    state: State
    last: int
    look: Look | None = None
    wishes: tuple[Wish, ...] = ()
    answer: Look | None = None
    settled: bool = False
    failure: str = ""


def read(store: Store, rollout: str) -> History:
    """Read a rollout's record.

    Raises:
        FairleadError: there is no such rollout; lists those there are.
    """
    events = store.events(rollout)
    if not events:
        raise unknown("rollout", rollout, store.rollouts(), "Start one with: fairlead rollout start PLAN")
    started = Rollout.model_validate(events[0].payload)
    return _read_on(History(rollout=started, state=begin(started), last=1), events[1:])


def follow(history: History, store: Store) -> History:
    """Read what was recorded since, and nothing twice."""
    return _read_on(history, store.events(history.rollout.id, after=history.last))


def looks(store: Store, rollout: str) -> list[Look]:
    """Return all looks at a rollout, in order."""
    return [_look(event) for event in store.events(rollout) if event.kind == "looked"]


def start(store: Store, rollout: Rollout) -> History:
    """Record a start.

    Raises:
        FairleadError: there is a rollout of this name, or one of this use case that is not over.
    """
    for other in store.rollouts():
        found = read(store, other)
        if found.rollout.plan.use_case == rollout.plan.use_case and not found.settled:
            raise FairleadError(
                f"rollout {other} of {rollout.plan.use_case} is {found.state.phase} and not over: two at a time would "
                f"fight over the traffic. Wait for it, or: fairlead rollout abort {other}"
            )
    try:
        store.record(_event(rollout.id, 1, rollout.started, "started", rollout.model_dump(mode="json")))
    except Overtaken as error:
        raise FairleadError(f"there is a rollout {rollout.id} already; give another --id") from error
    return read(store, rollout.id)


def record_look(store: Store, history: History, observation: Observation, decision: Decision, error: str) -> History:
    """Record a look; from then on it is what was decided.

    Raises:
        Overtaken: something else was recorded since the history was read.
    """
    payload = {
        "kind": decision.kind,
        "state": decision.state.model_dump(mode="json"),
        "observation": observation.model_dump(mode="json"),
        "error": error,
    }
    return _record(store, history, observation.at, "looked", payload)


def record_failure(store: Store, history: History, at: datetime, text: str) -> History:
    """Record that what was decided could not be brought about; the same failure in a row is recorded once.

    Raises:
        Overtaken: as for ``record_look``.
    """
    if history.failure == text:
        return history
    return _record(store, history, at, "failed", {"text": text})


def record_settled(store: Store, history: History, at: datetime) -> History:
    """Record that the verdict is brought about.

    Raises:
        Overtaken: as for ``record_look``.
    """
    return _record(store, history, at, "settled", {"phase": history.state.phase})


def record_wish(store: Store, rollout: str, wish: Mapping[str, str], at: datetime) -> int:
    """Record what an operator asks for, whatever else is recorded at the same time.

    Args:
        store: where.
        rollout: its id.
        wish: kind, actor and reason, see ``Wish``.
        at: when.

    Returns:
        The wish's number.

    Raises:
        FairleadError: there is no such rollout, or it is over.
    """
    while True:
        history = read(store, rollout)
        if history.state.final:
            raise FairleadError(f"rollout {rollout} is over: {history.state.phase}, {history.state.reason}")
        number = history.last + 1
        made = Wish.model_validate({"number": number, "at": at, **wish})
        try:
            store.record(_event(rollout, number, at, "wished", made.model_dump(mode="json")))
        except Overtaken:
            continue
        return number


def _record(store: Store, history: History, at: datetime, kind: EventKind, payload: dict[str, Any]) -> History:
    event = _event(history.rollout.id, history.last + 1, at, kind, payload)
    store.record(event)
    return _read_on(history, [event])


def _event(rollout: str, sequence: int, at: datetime, kind: EventKind, payload: dict[str, Any]) -> Event:
    return Event(rollout=rollout, sequence=sequence, at=at, kind=kind, payload=payload)


def _read_on(history: History, events: list[Event]) -> History:
    changes: dict[str, Any] = {}
    wishes = list(history.wishes)
    looked = [event for event in events if event.kind == "looked"]
    if looked:
        look = _look(looked[-1])
        changes.update(look=look, state=look.decision.state)
        answers = [event for event in looked if event.payload["observation"]["wish"] is not None]
        if answers:
            changes["answer"] = _look(answers[-1])
    for event in events:
        if event.kind == "wished":
            wishes.append(Wish.model_validate(event.payload))
        elif event.kind == "settled":
            changes["settled"] = True
        if event.kind in ("looked", "failed"):
            changes["failure"] = event.payload.get("text", "")
        changes["last"] = event.sequence
    state = changes.get("state", history.state)
    return replace(history, wishes=tuple(w for w in wishes if w.number > state.wish), **changes)


def _look(event: Event) -> Look:
    p = event.payload
    decision = Decision(kind=p["kind"], state=State.model_validate(p["state"]))
    return Look(event, Observation.model_validate(p["observation"]), decision, p["error"])
