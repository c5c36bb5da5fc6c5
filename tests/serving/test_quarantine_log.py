"""The quarantine of a server: nothing lost, nothing changed, nothing replayed twice."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.serving.quarantine_log import SCHEMA, Entry, QuarantineLog

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(name="a-0", **changed):
    made = Entry(name, 1_000_000, "call", 0, "m", "1", "stable", '{"x":1}', "quarantine", "missing: quarantine", "[]")
    return made._replace(**changed)


@pytest.fixture
def log(tmp_path):
    return QuarantineLog(tmp_path / "folder" / "quarantine.db")


def test_what_was_kept_is_read_in_its_order_and_fixed_types(log):
    assert log.read().schema == pl.Schema(SCHEMA)
    log.add([entry("b-0"), entry("a-0")])
    log.add([entry("a-1", row=1, remedy="reject")])
    frame = log.read()
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["id"].to_list() == ["b-0", "a-0", "a-1"]
    assert frame.row(2, named=True) == {
        **entry("a-1", row=1, remedy="reject")._asdict(),
        "at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        "state": "waiting",
        "detail": "",
    }


def test_a_group_names_all_rows_of_its_request(log):
    log.add([entry("a-0"), entry("a-1"), entry("ab-0")])
    assert log.read(["a"])["id"].to_list() == ["a-0", "a-1"]
    assert log.read(["a-1", "ab"])["id"].to_list() == ["a-1", "ab-0"]
    with pytest.raises(FairleadError, match="unknown entry of the quarantine 'c'; allowed: a-0, a-1, ab-0"):
        log.read(["c"])


def test_rows_are_kept_all_or_none(log):
    log.add([entry("a-0")])
    with pytest.raises(FairleadError, match="UNIQUE"):
        log.add([entry("b-0"), entry("a-0")])
    assert log.read()["id"].to_list() == ["a-0"]


def test_nobody_else_may_read_the_file_and_nothing_in_it_is_changed(log):
    log.add([entry()])
    log.claim(["a-0"], "anna")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(log.path)) as db:
        for table, column in (("quarantine", "inputs"), ("replays", "event")):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(f"UPDATE {table} SET {column} = 'x'")  # noqa: S608


def test_an_entry_is_claimed_once_and_again_only_by_force(log):
    log.add([entry("a-0"), entry("b-0")])
    assert log.claim(["a-0", "a-0", "b-0"], "anna") == ["a-0", "b-0"]
    assert log.claim(["a-0", "b-0"], "bert") == []
    # Whoever claimed it may have died before or after it was sent: nobody knows, so it is not sent again by itself.
    assert log.read()["state"].to_list() == ["claimed", "claimed"]
    log.settle("a-0", "anna", "answered", {"decision": 1}, NOW)
    log.settle("b-0", "anna", "failed", {"error": "not reached"}, NOW)
    assert log.claim(["a-0", "b-0"], "bert") == ["b-0"]
    assert log.claim(["a-0"], "bert", force=True) == ["a-0"]
    assert log.claim(["nothing"], "bert") == []
    found = log.read(["a"]).row(0, named=True)
    assert (found["state"], found["detail"]) == ("claimed", "")
    with closing(sqlite3.connect(log.path)) as db:
        told = db.execute("SELECT entry, actor, event, detail FROM replays WHERE entry = 'a-0' ORDER BY number")
        assert told.fetchall() == [
            ("a-0", "anna", "claimed", ""),
            ("a-0", "anna", "answered", '{"decision":1}'),
            ("a-0", "bert", "claimed", ""),
        ]


def test_of_many_who_claim_at_the_same_time_one_gets_each(log):
    ids = [f"a-{i}" for i in range(20)]
    log.add([entry(i) for i in ids])
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda i: QuarantineLog(log.path).claim(ids, f"actor {i}"), range(4)))
    assert sorted(i for part in taken for i in part) == sorted(ids)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FairleadError, match="cannot be used"):
        QuarantineLog(tmp_path / "file" / "quarantine.db").prepare()


def test_one_that_stays_open_finds_out_that_its_file_was_removed(tmp_path):
    with closing(QuarantineLog(tmp_path / "quarantine.db", stays_open=True)) as log:
        log.add([entry("a-0")])
        log.add([entry("b-0")])
        for part in tmp_path.iterdir():
            part.unlink()
        log.add([entry("c-0")])
        assert QuarantineLog(log.path).read()["id"].to_list() == ["c-0"]
        with pytest.raises(FairleadError, match="UNIQUE"):
            log.add([entry("c-0")])
        log.add([entry("d-0")])
        assert log.read()["id"].to_list() == ["c-0", "d-0"]
