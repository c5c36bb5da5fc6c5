import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout import history as histories
from components.rollout.decide import decide
from components.rollout.kubernetes_objects import ROLLOUTS
from components.rollout.kubernetes_store import BYTES, LOOKS, KubernetesStore, keep
from components.rollout.store import Event, Overtaken
from tests.rollout.kubernetes_api import model_rollout, serving
from tests.rollout.looks import START, look

ID = "sba.0b7c1f2e"


@pytest.fixture
def cluster():
    with serving() as (api, objects):
        api.put("modelrollouts", model_rollout("sba"))
        yield api, objects, KubernetesStore(objects)


def looked(store, history, seen):
    return histories.record_look(store, history, seen, decide(history.rollout.plan, history.state, seen), "")


def wish(api, kind, reason=""):
    spec = api.objects["modelrollouts", "sba"]["spec"]
    spec.pop("wish", None)
    if kind:
        spec["wish"] = {"kind": kind, "actor": "olga", "reason": reason}


def test_the_object_is_the_start(cluster):
    _, _, store = cluster
    history = histories.read(store, ID)
    assert (history.last, history.state.phase, history.rollout.actor) == (1, "starting", "anna")
    with pytest.raises(FairleadError, match=r"unknown rollout 'sba\.99999999'; allowed: sba\.0b7c1f2e"):
        histories.read(store, "sba.99999999")


def test_a_look_is_told_where_people_look(cluster):
    api, _, store = cluster
    looked(store, histories.read(store, ID), look(1))
    status = api.objects["modelrollouts", "sba"]["status"]
    assert (status["phase"], status["weight"], status["settled"]) == ("running", 5, False)
    assert "the candidate can answer" in status["reason"]
    assert store.weights(ID) == [(look(1).at, 5)]


def test_history_is_read_over_gaps(cluster):
    api, _, store = cluster
    history = histories.read(store, ID)
    for minute in range(1, 3 * LOOKS):
        history = looked(store, history, look(minute / 100, minute))
    kept = store.events(ID)
    assert len(kept) == 2 + LOOKS, "the start, its first traffic, and the last looks"
    assert kept[-1].sequence == history.last == 3 * LOOKS
    assert histories.read(store, ID) == history
    assert len(json.dumps(api.objects["modelrollouts", "sba"])) < 100_000


def test_another_change_of_the_object_does_not_lose_a_look(cluster):
    api, _, store = cluster
    api.disturb = 3
    assert looked(store, histories.read(store, ID), look(1)).last == 2
    api.disturb = 1000
    with pytest.raises(Overtaken, match="changed by others"):
        looked(store, histories.read(store, ID), look(2))


def test_a_wish_is_taken_up_once(cluster):
    api, _, store = cluster
    history = looked(store, histories.read(store, ID), look(1))
    wish(api, "pause")
    for _ in range(3):
        store.take_wish(ID, START)
    history = histories.follow(history, store)
    assert [(w.kind, w.actor, w.number) for w in history.wishes] == [("pause", "olga", 3)]
    history = looked(store, history, look(2, wish=history.wishes[0]))
    store.take_wish(ID, START)
    assert histories.follow(history, store).wishes == ()
    wish(api, None)
    store.take_wish(ID, START)
    wish(api, "pause")
    store.take_wish(ID, START)
    assert [w.kind for w in histories.follow(history, store).wishes] == ["pause"], "asked again after it was taken back"


def test_what_is_over_takes_no_wish(cluster):
    api, _, store = cluster
    history = looked(store, histories.read(store, ID), look(1))
    wish(api, "abort")
    store.take_wish(ID, START)
    history = histories.follow(history, store)
    history = looked(store, history, look(2, wish=history.wishes[0]))
    assert history.state.phase == "aborted"
    wish(api, "promote")
    store.take_wish(ID, START)
    assert histories.follow(history, store) == history


def test_an_object_that_cannot_be_read_is_no_rollout(cluster):
    api, objects, store = cluster
    api.put("modelrollouts", model_rollout("odd", "22222222-0", strategy="hope"))
    assert len(objects.list(ROLLOUTS)) == 2
    assert store.rollouts() == [ID]


KINDS = st.sampled_from(["hold", "weigh", "step", "failed", "wished", "settled"])


def made(kinds, size=10):
    """Events of these kinds, numbered on, behind a start."""
    events = [Event(rollout=ID, sequence=1, at=START, kind="started", payload={})]
    for sequence, kind in enumerate(kinds, start=2):
        other = kind in ("failed", "wished", "settled")
        payload = {"text": "x" * size} if other else {"kind": kind, "state": {"wish": 0, "text": "x" * size}}
        events.append(Event(rollout=ID, sequence=sequence, at=START, kind=kind if other else "looked", payload=payload))
    return events


@given(st.lists(KINDS, max_size=80), st.sampled_from([10, 20_000]))
def test_what_a_history_is_made_of_is_kept(kinds, size):
    events = made(kinds, size)
    kept = keep(events)
    assert [e for e in events if e in kept] == kept
    assert kept[0] == events[0]
    assert kept[-1] == events[-1]
    assert [e for e in kept if e.kind == "looked"][-1:] == [e for e in events if e.kind == "looked"][-1:]
    for kind in ("settled", "wished"):
        assert [e for e in kept if e.kind == kind] == [e for e in events if e.kind == kind]
    if size == 10:
        assert [e for e in kept if e.payload.get("kind") == "step"] == [
            e for e in events if e.payload.get("kind") == "step"
        ]
    assert keep(kept) == kept


def test_old_weights_go_first_where_there_are_too_many():
    events = made(["step", *["weigh"] * 100], 20_000)
    kept = keep(events)
    assert sum(len(json.dumps(e.payload)) for e in kept) <= BYTES
    assert kept[1] == events[1], "a step is kept longer than a weight"
