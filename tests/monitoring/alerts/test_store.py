import sqlite3

import pytest

from components.monitoring.alerts.store import BookStore, Look
from components.monitoring.alerts.values import Alert
from tests.monitoring.alerts.looks import DAY, event

WHO = ("sba_loans", "sba_loans")


@pytest.fixture
def store(tmp_path):
    return BookStore(tmp_path / "deep" / "alerts.db")


def test_all_of_a_page_is_written_or_nothing(store):
    def half():
        with store.writing() as page:
            page.add_look(*WHO, Look(1, "d", DAY))
            page.put_alert(Alert(use_case=WHO[0], model=WHO[1], key="loss/x", level="red"))
            page.add_event(event(), 1, ["webhook"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert (store.alerts(), store.events(), store.waiting()) == ([], [], [])
    with store.writing() as page:
        assert page.looks(*WHO, "d") == (None, None)


def test_an_event_is_on_record_together_with_whom_it_is_for(store):
    silent = event(id="e2", tell=False, silenced="by anna")
    with store.writing() as page:
        page.add_event(event(), 1, ["slack", "webhook"])
        page.add_event(silent, 1, ["slack", "webhook"])
    assert store.events() == [event(), silent]
    assert store.events(1) == [silent]
    assert [(w.event.id, w.notifier) for w in store.waiting()] == [("e1", "slack"), ("e1", "webhook")]
    first = store.waiting(["webhook"])[0]
    store.failed(first, "it is down")
    assert [(w.attempts, w.problem) for w in store.waiting(["webhook"])] == [(1, "it is down")]
    store.acknowledge(first)
    assert [w.notifier for w in store.waiting()] == ["slack"]
    assert store.counts() == {(*WHO, "raised"): 2}


@pytest.mark.parametrize("change", ["UPDATE events SET look = 2", "DELETE FROM events"])
def test_events_are_append_only(store, change):
    with store.writing() as page:
        page.add_event(event(), 1, [])
    with sqlite3.connect(store.path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(change)


def test_what_was_told_last_of_each_alert_is_what_stands(store):
    eased = event("eased", "amber", "red", id="e2")
    silent = event("worsened", "red", "amber", id="e3", tell=False)
    over = [event(id="e4", subject="x"), event("cleared", "green", "red", id="e5", subject="x")]
    with store.writing() as page:
        for e in (event(), eased, silent, *over):
            page.add_event(e, 1, [])
    assert store.told() == [eased]
