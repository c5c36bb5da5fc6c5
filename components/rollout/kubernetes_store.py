"""Rollouts in a cluster: what is remembered of one stands in its object's status, the right to run it in a Lease."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from components.core.errors import FairleadError
from components.rollout.kubernetes_lease import hold, release
from components.rollout.kubernetes_objects import ROLLOUTS, Conflict, Objects
from components.rollout.model_rollout import id_of, name_of, rollout_of
from components.rollout.planes.cluster import Json
from components.rollout.state import FINAL, Wish
from components.rollout.store import Event, Overtaken

LOOKS = 20
"""Looks that changed nothing are kept so many, the newest; with them failures that were told."""

BYTES = 400_000
"""Largest sum of the payloads of decisions that are kept; an object may have about 1.5 million bytes."""

WEIGHTS = 2_000
"""Changes of the weight that are kept; what was answered before the oldest one proves nothing any more."""

ATTEMPTS = 20
"""A change that does not touch the record, such as an annotation, overtakes a write at most so often."""


class KubernetesStore:
    """The rollouts of one namespace, for any number of operators and commands.

    An event is added by compare-and-set on the object's ``resourceVersion``, so that of two writers one is next. The
    first event is the object itself. All decisions that change something are kept, and the last looks that do not; what
    is in between is dropped, so sequences have gaps here.

    Args:
        objects: the namespace's objects.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def record(self, event: Event) -> None:
        """Add an event whose sequence is one above the last."""

        def add(found: Json) -> Json:
            events = _events(found)
            last = events[-1].sequence
            if event.sequence <= last:
                raise Overtaken(f"rollout {event.rollout} has an event {event.sequence} already, of {last}; read on")
            if event.sequence > last + 1:
                raise FairleadError(f"rollout {event.rollout} has {last} events, {event.sequence} cannot be the next")
            return {**_status([*events, event]), "weights": _weights(found, event)}

        self._change(event.rollout, add)

    def events(self, rollout: str, after: int = 0) -> list[Event]:
        """Return the events with a sequence above ``after`` that are kept, in order; none for one not known."""
        found = self._get(rollout)
        return [] if found is None else [event for event in _events(found) if event.sequence > after]

    def rollouts(self) -> list[str]:
        """Return the ids of all rollouts, oldest first; objects whose spec cannot be read are none."""
        found = sorted(self._objects.list(ROLLOUTS), key=lambda o: (o["metadata"]["creationTimestamp"], id_of(o)))
        return [id_of(o) for o in found if _sound(o)]

    def weights(self, rollout: str) -> list[tuple[datetime, int]]:
        """Return since when which percentage was decided to be the candidate's, oldest first."""
        found = self._get(rollout) or {}
        kept = found.get("status", {}).get("weights", [])
        return [(datetime.fromisoformat(w["at"]), w["weight"]) for w in kept]

    def hold(self, rollout: str, holder: str, at: datetime, seconds: float) -> bool:
        """Take or keep the right to run a rollout for some seconds; False while somebody else has it.

        Operators on several nodes compare the times of their own clocks: these may differ by less than ``seconds``.
        """
        return hold(self._objects, name_of(rollout), holder, at, seconds)

    def release(self, rollout: str, holder: str) -> None:
        """Give the right back, if one has it."""
        release(self._objects, name_of(rollout), holder)

    def take_wish(self, rollout: str, at: datetime) -> None:
        """Record what ``spec.wish`` asks for, once: again only after it was another one, or none, in between.

        Raises:
            FairleadError: the API cannot be reached, or refuses.
        """
        found = self._get(rollout)
        if found is None or found.get("spec", {}).get("wish") == found.get("status", {}).get("wish"):
            return

        def take(found: Json) -> Json:
            wish, events = found["spec"].get("wish"), _events(found)
            if wish is None:
                return {"wish": None}
            if wish == found.get("status", {}).get("wish") or _state(events)["phase"] in FINAL:
                return {"wish": wish}
            return {**_status([*events, _wished(rollout, events[-1].sequence + 1, wish, at)]), "wish": wish}

        self._change(rollout, take)

    def _change(self, rollout: str, change: Callable[[Json], Json]) -> None:
        """Change a status; starts again where the object was changed meanwhile."""
        for _ in range(ATTEMPTS):
            found = self._get(rollout)
            if found is None:
                raise FairleadError(f"there is no ModelRollout {name_of(rollout)} any more that is rollout {rollout}")
            try:
                self._objects.patch_status(ROLLOUTS, found, change(found))
            except Conflict:
                continue
            return
        raise Overtaken(f"rollout {rollout} was changed by others {ATTEMPTS} times in a row; try again")

    def _get(self, rollout: str) -> Json | None:
        """Return the object; None where there is none, or another one under the same name."""
        found = self._objects.get(ROLLOUTS, name_of(rollout))
        return found if found is not None and id_of(found) == rollout else None


def keep(events: Sequence[Event]) -> list[Event]:
    """Drop what nobody needs: looks that changed nothing and failures, but for the last ones, and at last old weights.

    What a rollout's history is made of stays: the first event, the last look, wishes not taken up, the verdict.

    Args:
        events: all, in order.
    """
    looks = [e for e in events if e.kind == "looked"]
    taken = looks[-1].payload["state"]["wish"] if looks and "state" in looks[-1].payload else 0
    held = [e for e in events if _idle(e)]
    gone = {e.sequence for e in held[:-LOOKS]}
    needed = {events[0].sequence, events[-1].sequence} | ({looks[-1].sequence} if looks else set())
    needed |= {e.sequence for e in events if e.kind == "settled" or (e.kind == "wished" and e.sequence > taken)}
    size = sum(_size(e) for e in events if e.sequence not in gone)
    rest = [e for e in events if e.sequence not in gone | needed]
    for e in sorted(rest, key=lambda e: (not _idle(e), e.payload.get("kind") != "weigh", e.sequence)):
        if size <= BYTES:
            break
        gone.add(e.sequence)
        size -= _size(e)
    return [e for e in events if e.sequence in needed or e.sequence not in gone]


def _idle(event: Event) -> bool:
    return event.kind == "failed" or (event.kind == "looked" and event.payload.get("kind", "hold") == "hold")


def _size(event: Event) -> int:
    return len(json.dumps(event.payload))


def _events(found: Json) -> list[Event]:
    """Read the events out of an object; the first is its spec."""
    rollout = rollout_of(found)
    payload = rollout.model_dump(mode="json")
    first = Event(rollout=rollout.id, sequence=1, at=rollout.started, kind="started", payload=payload)
    kept = [
        Event(rollout=rollout.id, payload=json.loads(e["payload"]), **{n: e[n] for n in ("sequence", "at", "kind")})
        for e in found.get("status", {}).get("events", [])
    ]
    return [first, *kept]


def _status(events: Sequence[Event]) -> Json:
    """Write what the last look decided where people and columns look for it, and all events that are kept.

    Payloads are text: evidence may hold an infinite bound, which JSON has no number for.
    """
    state = _state(events)
    failure = next((e for e in reversed(events) if e.kind in ("failed", "looked")), None)
    return {
        "phase": state["phase"],
        "weight": state["traffic"]["candidate"],
        "mirror": state["traffic"]["mirror"],
        "reason": state["reason"],
        "looks": state["looks"],
        "lastEventTime": _time(events[-1].at),
        "settled": any(e.kind == "settled" for e in events),
        "failure": failure.payload.get("text", "") if failure else "",
        "events": [
            {"sequence": e.sequence, "at": e.at.isoformat(), "kind": e.kind, "payload": json.dumps(e.payload)}
            for e in keep(events)[1:]
        ],
    }


def _weights(found: Json, event: Event) -> list[Json]:
    """Return the weights that were decided, with an event's if it is another one."""
    kept: list[Json] = list(found.get("status", {}).get("weights", []))
    if event.kind == "looked" and "state" in event.payload:
        weight = event.payload["state"]["traffic"]["candidate"]
        if weight != (kept[-1]["weight"] if kept else 0):
            kept.append({"at": event.at.isoformat(), "weight": weight})
    return kept[-WEIGHTS:]


def _state(events: Sequence[Event]) -> dict[str, Any]:
    states = [e.payload["state"] for e in events if e.kind == "looked" and "state" in e.payload]
    if states:
        return dict(states[-1])
    began = "waits for the first look"
    return {"phase": "starting", "traffic": {"candidate": 0, "mirror": None}, "reason": began, "looks": 0}


def _wished(rollout: str, sequence: int, wish: Json, at: datetime) -> Event:
    made = Wish.model_validate({"number": sequence, "at": at, **wish})
    return Event(rollout=rollout, sequence=sequence, at=at, kind="wished", payload=made.model_dump(mode="json"))


def _sound(found: Json) -> bool:
    try:
        rollout_of(found)
    except FairleadError:
        return False
    return True


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
