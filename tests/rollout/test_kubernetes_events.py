from datetime import timedelta

import pytest

from components.rollout.kubernetes_events import LONGEST, RECENT, announce
from components.rollout.kubernetes_objects import EVENTS, ROLLOUTS
from components.rollout.store import Event
from tests.rollout.kubernetes_api import model_rollout, serving
from tests.rollout.looks import START


@pytest.fixture
def cluster():
    with serving() as (api, objects):
        api.put("modelrollouts", model_rollout("sba"))
        yield objects, objects.get(ROLLOUTS, "sba")


def decided(sequence, kind, reason="why"):
    payload = {"kind": kind, "state": {"reason": reason}}
    return Event(rollout="sba.0b7c1f2e", sequence=sequence, at=START, kind="looked", payload=payload)


def test_each_decision_that_changes_something_is_told_once(cluster):
    objects, found = cluster
    events = [decided(2, "begin"), decided(3, "hold"), decided(4, "roll_back", "é" * LONGEST)]
    for who in ("pod-1/7", "pod-2/7"):
        announce(objects, found, events, who, START)
    told = objects.list(EVENTS)
    assert [(e["reason"], e["type"]) for e in told] == [("Begin", "Normal"), ("RollBack", "Warning")]
    assert [e["metadata"]["name"] for e in told] == ["sba.0b7c1f2e.2", "sba.0b7c1f2e.4"]
    assert len(told[1]["note"].encode()) <= LONGEST
    assert told[0]["regarding"]["uid"] == found["metadata"]["uid"]


def test_what_is_long_past_is_not_told_again(cluster):
    objects, found = cluster
    announce(objects, found, [decided(2, "begin")], "pod-1/7", START + RECENT + timedelta(seconds=1))
    assert objects.list(EVENTS) == []
