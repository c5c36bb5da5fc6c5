import json
import multiprocessing
import os
import signal
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import IntegrityError
from components.core.ledger import GENESIS, Ledger


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "folder" / "ledger.db")


def _forge(ledger, statement):
    """Change the file as someone would who has write access to it."""
    with sqlite3.connect(ledger.path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("DROP TRIGGER no_delete")
        db.execute(statement)
    db.close()


def test_each_entry_carries_the_hash_of_the_one_before(ledger):
    first = ledger.append("data.ingested", {"rows": 3}, "anna")
    second = ledger.append("training.trained", {"run": "x"}, "ben")
    assert (first.number, first.previous) == (1, GENESIS)
    assert (second.number, second.previous) == (2, first.hash)
    assert ledger.entries() == [first, second]
    assert ledger.entries("training.trained") == [second]
    assert ledger.verify() == 2


def test_reading_makes_no_file(ledger):
    assert ledger.entries() == []
    assert ledger.verify() == 0
    assert not ledger.path.parent.exists()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None)
@given(payload=st.dictionaries(st.text(), json_values, max_size=4), actor=st.text())
def test_any_json_payload_is_kept_and_verifies(payload, actor, tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "l.db")
    try:
        json.dumps(payload).encode()
        actor.encode()
    except UnicodeEncodeError:
        return
    ledger.append("a.b", payload, actor)
    ledger.append("a.b", payload, actor)
    assert [e.payload for e in ledger.entries()] == [payload, payload]
    assert ledger.verify() == 2


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE entries SET payload = '{\"n\": 9}' WHERE number = 2", "entry 2"),
        ("UPDATE entries SET actor = 'eve' WHERE number = 1", "entry 1"),
        ("UPDATE entries SET at = '2000-01-01T00:00:00.000+00:00' WHERE number = 3", "entry 3"),
        ("DELETE FROM entries WHERE number = 2", "entry 3"),
        ("UPDATE entries SET number = 9 WHERE number = 3", "entry 9"),
        ("INSERT INTO entries VALUES (4, 'now', 'eve', 'a.b', '{}', 'p', 'h')", "entry 4"),
    ],
)
def test_an_entry_that_was_changed_removed_or_put_in_is_found(ledger, statement, entry):
    for n in range(3):
        ledger.append("a.b", {"n": n}, "anna")
    _forge(ledger, statement)
    with pytest.raises(IntegrityError, match=f"{entry} .*does not fit the chain"):
        ledger.verify()


@pytest.mark.parametrize("statement", ["UPDATE entries SET actor = 'eve'", "DELETE FROM entries"])
def test_the_file_itself_refuses_changes(ledger, statement):
    ledger.append("a.b", {}, "anna")
    db = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    db.close()


def test_a_record_asked_for_once_is_written_once(ledger):
    first = ledger.append("a.b", {"id": 1, "x": 1}, "anna", once="id")
    assert ledger.append("a.b", {"id": 1, "x": 2}, "ben", once="id") == first
    assert ledger.append("a.c", {"id": 1}, "ben", once="id").number == 2
    assert ledger.append("a.b", {"id": 2}, "ben", once="id").number == 3
    assert ledger.verify() == 3


def _append_many(path, n):
    for i in range(n):
        Ledger(path).append("a.b", {"i": i, "pid": os.getpid()}, "anna")
        Ledger(path).append("a.once", {"i": i}, "anna", once="i")


def test_writers_at_the_same_time_queue(ledger):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(ledger.path, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [w.exitcode for w in writers] == [0] * 4
    assert ledger.verify() == 4 * 10 + 10


def test_a_writer_killed_in_the_middle_leaves_a_whole_chain(ledger):
    ledger.append("a.b", {}, "anna")
    pid = os.fork()
    if pid == 0:
        with ledger._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO entries VALUES (2, 'now', 'a', 'k', '{}', 'p', 'h')")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert ledger.append("a.b", {}, "anna").number == 2
    assert ledger.verify() == 2
