"""What ``kubectl describe`` tells of a rollout: an event of the cluster for each decision that changes something."""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from components.rollout.kubernetes_objects import EVENTS, ROLLOUTS, Conflict, Objects
from components.rollout.planes.cluster import Json
from components.rollout.store import Event

CONTROLLER = "fairlead.dev/rollout"

RECENT = timedelta(minutes=10)
"""Older decisions were told, and the cluster has forgotten or will soon forget them."""

LONGEST = 1024
"""Characters of a note that the API takes."""

WARNINGS = ("roll_back", "abort")


def announce(objects: Objects, found: Json, events: Iterable[Event], holder: str, now: datetime) -> None:
    """Tell decisions that change something; each is told once, whoever tells it and however often.

    Args:
        objects: of the namespace.
        found: the rollout's object.
        events: of its record.
        holder: who tells.
        now: the present time.

    Raises:
        FairleadError: the API cannot be reached, or refuses.
    """
    for event in events:
        if event.kind == "looked" and event.payload["kind"] != "hold" and now - event.at < RECENT:
            with contextlib.suppress(Conflict):
                objects.create(EVENTS, _note(found, event, holder))


def _note(found: Json, event: Event, holder: str) -> Json:
    kind, about = event.payload["kind"], found["metadata"]
    return {
        "apiVersion": f"{EVENTS.group}/{EVENTS.version}",
        "kind": "Event",
        "metadata": {"name": f"{event.rollout}.{event.sequence}", "namespace": about["namespace"]},
        "eventTime": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": holder[-128:],
        "action": kind,
        "reason": kind.title().replace("_", ""),
        "note": event.payload["state"]["reason"].encode()[:LONGEST].decode(errors="ignore"),
        "type": "Warning" if kind in WARNINGS else "Normal",
        "regarding": {
            "apiVersion": f"{ROLLOUTS.group}/{ROLLOUTS.version}",
            "kind": "ModelRollout",
            "name": about["name"],
            "namespace": about["namespace"],
            "uid": about["uid"],
        },
    }
