"""From looks to what is told, through the file."""

import itertools
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.core.watching import Monitoring
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from tests.monitoring.alerts.looks import AT_ONCE, call, day, findings

RED = call("drift/Bank")


@pytest.fixture
def told():
    return MemoryNotifier()


@pytest.fixture
def book(tmp_path, told):
    return AlertBook(tmp_path / "alerts.db", {"memory": told})


def said(told):
    return [(e.kind, e.key, e.level) for e in told.events]


def test_an_alert_is_told_once_however_long_it_stands(book, told):
    for number in range(5):
        book.observe(findings(RED, now=day(number)), AT_ONCE)
    assert said(told) == [("raised", "drift/Bank", "red")]
    assert [(a.key, a.level, a.since) for a in book.standing()] == [("drift/Bank", "red", day(0))]
    (gone,) = book.observe(findings(now=day(5)), AT_ONCE)
    assert (gone.kind, gone.since, gone.at) == ("cleared", day(0), day(5))
    assert said(told)[1:] == [("cleared", "drift/Bank", "green")]
    assert book.store.alerts() == []


def test_severity_rises_and_falls_with_an_event_each(book, told):
    for number, severity in enumerate(["amber", "red", "amber"]):
        book.observe(findings(call("loss/log_loss", severity), now=day(number)), AT_ONCE)
    assert [e.kind for e in told.events] == ["raised", "worsened", "eased"]
    assert len({e.id for e in told.events}) == 3


def test_hysteresis_is_the_use_cases(book, told):
    slow = Monitoring(raise_after=2, clear_after=3)
    for number, calls in enumerate([(RED,), (), (RED,), (RED,), (), (), (RED,), (), (), ()]):
        book.observe(findings(*calls, now=day(number)), slow)
    assert [(e.kind, e.at) for e in told.events] == [("raised", day(3)), ("cleared", day(9))]


def test_of_two_calls_of_a_key_the_worse_counts(book, told):
    book.observe(findings(call("loss/x", "red", 0.9), call("loss/x", "amber", 0.2)), AT_ONCE)
    assert [(e.level, e.value) for e in told.events] == [("red", 0.9)]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e300])
def test_an_endless_value_is_kept(book, value):
    book.observe(findings(call("loss/x", value=value)), AT_ONCE)
    assert [e.value for e in book.store.told()] == [a.call.value for a in book.standing()] == [value]
    assert book.store.counts() == {("sba_loans", "sba_loans", "raised"): 1}


def test_models_do_not_mix(book, told):
    book.observe(findings(RED, now=day(9)), AT_ONCE)
    book.observe(findings(RED, now=day(1), model="card"), AT_ONCE)
    book.observe(findings(now=day(2), model="card"), AT_ONCE)
    assert [(e.model, e.kind) for e in told.events] == [
        ("sba_loans", "raised"),
        ("card", "raised"),
        ("card", "cleared"),
    ]
    assert [a.model for a in book.standing()] == ["sba_loans"]


def test_what_could_not_be_measured_neither_clears_nor_raises(book, told):
    book.observe(findings(RED, now=day(0)), AT_ONCE)
    book.observe(findings(now=day(1), drift=None), AT_ONCE)
    assert [a.seen for a in book.standing()] == [day(0)]
    book.observe(findings(now=day(2)), AT_ONCE)
    assert [(e.kind, e.at) for e in told.events] == [("raised", day(0)), ("cleared", day(2))]


def test_the_same_look_twice_changes_nothing_and_gives_the_same_events(book, told):
    slow = Monitoring(raise_after=2)
    book.observe(findings(RED, now=day(0)), slow)
    assert book.observe(findings(RED, now=day(0)), slow) == (), "one look, taken in twice, is one look"
    second = book.observe(findings(RED, now=day(1)), slow)
    assert [e.kind for e in second] == ["raised"]
    book.observe(findings(RED, now=day(2)), slow)
    assert book.observe(findings(RED, now=day(1)), slow) == second
    assert len(told.events) == 1


def test_another_look_at_the_same_day_counts(book, told):
    book.observe(findings(RED), AT_ONCE)
    book.observe(findings(), AT_ONCE)
    book.observe(findings(RED), AT_ONCE)
    assert [e.kind for e in told.events] == ["raised", "cleared", "raised"]
    assert len({e.id for e in told.events}) == 3


def test_an_older_look_is_refused(book):
    book.observe(findings(now=day(5)), AT_ONCE)
    with pytest.raises(FairleadError, match=r"2005-04-04 .* comes after the one of 2005-04-05"):
        book.observe(findings(RED, now=day(4)), AT_ONCE)


def test_a_silence_holds_until_its_end_and_then_it_is_told(book, told):
    book.silence("drift/*", day(1), "anna", "a new form")
    (first,) = book.observe(findings(RED, call("loss/x"), now=day(0)), AT_ONCE)[:1]
    assert (first.key, first.tell, first.silenced) == ("drift/Bank", False, "by anna until 2005-04-01: a new form")
    book.observe(findings(RED, call("loss/x"), now=day(1)), AT_ONCE)
    assert said(told) == [("raised", "loss/x", "red")]
    book.observe(findings(RED, call("loss/x"), now=day(2)), AT_ONCE)
    assert said(told)[1:] == [("raised", "drift/Bank", "red")]
    assert told.events[-1].since == day(0)


def test_a_silence_can_be_ended_once(book, told):
    made = book.silence("*", day(99), "anna", "quiet")
    book.observe(findings(RED, now=day(0)), AT_ONCE)
    assert book.unsilence(made.number, "ben").lifted_by == "ben"
    book.observe(findings(RED, now=day(1)), AT_ONCE)
    assert said(told) == [("raised", "drift/Bank", "red")]
    with pytest.raises(FairleadError, match="ended by ben before"):
        book.unsilence(made.number, "anna")
    with pytest.raises(FairleadError, match="unknown silence 7; allowed: 1"):
        book.unsilence(7, "anna")


@pytest.mark.parametrize("wrong", [{"author": " "}, {"reason": ""}, {"pattern": ""}])
def test_a_silence_needs_somebody_and_a_reason(book, wrong):
    given_ = {"pattern": "*", "author": "anna", "reason": "r", **wrong}
    with pytest.raises(FairleadError, match=f"a silence needs its {next(iter(wrong))}"):
        book.silence(until=day(1), **given_)


def test_two_watchers_at_once_take_a_look_in_once(tmp_path, told):
    books = [AlertBook(tmp_path / "alerts.db", {"memory": told}) for _ in range(4)]
    looks = [findings(RED, call("loss/x"), now=day(n)) for n in range(3)]
    done = []

    def watch(book):
        done.append([book.observe(look, AT_ONCE) for look in looks])

    threads = [threading.Thread(target=watch, args=(b,)) for b in books]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(done) == 4
    assert all(d == done[0] for d in done)
    assert said(told) == [("raised", "drift/Bank", "red"), ("raised", "loss/x", "red")]


class Killed(BaseException):
    """Ends a process wherever it is."""


class Dying(MemoryNotifier):
    """Dies as scripted: before it takes an event, or after."""

    def __init__(self, script):
        super().__init__()
        self._script = script

    def tell(self, event):
        fate = self._script.pop() if self._script else "live"
        if fate == "before":
            raise Killed
        super().tell(event)
        if fate == "after":
            raise Killed


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("gar"), min_size=1, max_size=6), st.lists(st.sampled_from(["before", "after", "live"])))
def test_everything_is_told_in_order_wherever_a_process_dies(tmp_path_factory, looks, script):
    path = tmp_path_factory.mktemp("book") / "alerts.db"
    dying, calls = Dying(script), {"g": (), "a": (call("loss/x", "amber"),), "r": (call("loss/x", "red"),)}
    for number, level in enumerate(looks):
        for _ in range(30):  # a process that dies is started again and takes the same look in
            try:
                AlertBook(path, {"dying": dying}).observe(findings(*calls[level], now=day(number)), AT_ONCE)
                break
            except Killed:
                continue
    book = AlertBook(path)
    received = list({e.id: e for e in dying.events}.values())
    assert received == [e for e in book.store.events() if e.tell]
    levels = ["green", *_names(looks)]
    changes = [now for before, now in itertools.pairwise(levels) if now != before]
    assert [e.level for e in received] == changes
    assert book.store.waiting() == []


def _names(looks):
    return [{"g": "green", "a": "amber", "r": "red"}[k] for k in looks]
