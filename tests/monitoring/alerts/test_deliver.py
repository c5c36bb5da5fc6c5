"""The outbox: nothing lost, nothing overtaken, nothing told twice but by a crash."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.deliver import deliver, remind
from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from components.monitoring.alerts.notifiers.notifier import NotTold
from components.monitoring.alerts.store import BookStore
from tests.monitoring.alerts.looks import AT_ONCE, call, day, event, findings
from tests.serving.receiver import receiving

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path):
    made = BookStore(tmp_path / "alerts.db")
    with made.writing() as page:
        for e in (event(id="e1"), event("cleared", "green", "red", id="e2"), event(id="e3")):
            page.add_event(e, 1, ["a", "b"])
    return made


def ids(notifier):
    return [e.id for e in notifier.events]


def test_each_notifier_is_told_in_order_and_once(store):
    a, b = MemoryNotifier(), MemoryNotifier()
    assert deliver(store, {"a": a, "b": b}) == []
    assert deliver(store, {"a": a, "b": b}) == []
    assert ids(a) == ids(b) == ["e1", "e2", "e3"]


def test_one_that_is_down_holds_up_no_other_and_hears_all_later(store, caplog):
    a, b = MemoryNotifier(), MemoryNotifier()
    a.down = "out of order"
    left = deliver(store, {"a": a, "b": b})
    assert ids(b) == ["e1", "e2", "e3"]
    assert [(w.notifier, w.attempts, w.problem) for w in left] == [("a", 1, "out of order"), *[("a", 0, "")] * 2]
    assert "alert loss/log_loss is not told to a: out of order" in caplog.text
    a.down = ""
    assert deliver(store, {"a": a, "b": b}) == []
    assert ids(a) == ["e1", "e2", "e3"]


def test_an_event_that_is_refused_holds_up_no_other(store):
    class Choosy(MemoryNotifier):
        def tell(self, event):
            if event.id == "e2":
                raise NotTold("it answers with status 400", refused=True)
            super().tell(event)

    a = Choosy()
    assert [w.event.id for w in deliver(store, {"a": a}) if w.notifier == "a"] == ["e2"]
    assert ids(a) == ["e1", "e3"]
    assert [w.event.id for w in deliver(store, {"a": a}) if w.notifier == "a"] == ["e2"]


def test_what_is_for_a_notifier_that_is_not_there_waits_for_it(store):
    assert [w.notifier for w in deliver(store, {"b": MemoryNotifier()})] == ["a"] * 3


class Forgetful(MemoryNotifier):
    def __init__(self):
        super().__init__()
        self.reminded = []

    def remind(self, standing):
        if self.down:
            raise NotTold(self.down)
        self.reminded.append([e.id for e in standing])


def test_who_forgets_is_reminded_of_what_stands_once_he_knows_it(store, caplog):
    a = Forgetful()
    remind(store, {"a": a})
    assert a.reminded == [], "not before he was told of the changes"
    deliver(store, {"a": a})
    remind(store, {"a": a, "b": MemoryNotifier()})
    assert a.reminded == [["e3"]]
    a.down = "gone"
    remind(store, {"a": a})
    assert "a is not reminded of what stands: gone" in caplog.text


KILLED_AFTER_SENDING = """
import os, sys
from pathlib import Path
from pydantic import SecretStr
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.webhook import WebhookNotifier
from tests.monitoring.alerts.looks import AT_ONCE, call, findings

class Dying(WebhookNotifier):
    def tell(self, event):
        super().tell(event)
        os.kill(os.getpid(), 9)

AlertBook(Path(sys.argv[1]), {"webhook": Dying(SecretStr(sys.argv[2]))}).observe(findings(call()), AT_ONCE)
"""


def test_after_a_real_kill_between_sending_and_noting_the_same_id_is_sent_again(tmp_path):
    from pydantic import SecretStr

    from components.monitoring.alerts.notifiers.webhook import WebhookNotifier

    with receiving() as received:
        command = [sys.executable, "-c", KILLED_AFTER_SENDING, str(tmp_path / "alerts.db"), received.url]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        assert done.returncode == -9
        book = AlertBook(tmp_path / "alerts.db", {"webhook": WebhookNotifier(SecretStr(received.url))})
        book.observe(findings(call()), AT_ONCE)
        book.observe(findings(call(), now=day(1)), AT_ONCE)
    keys = [headers["idempotency-key"] for _, headers, _ in received.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
