import sqlite3
import threading
from contextlib import closing

import pytest

from components.serving.sinks.sqlite import TABLE, SqliteSink, connect
from tests.serving.logged import records


@pytest.fixture
def sink(tmp_path):
    made = SqliteSink(tmp_path / "folder" / "log.db")
    yield made
    made.close()


def test_positions_only_grow_even_after_rows_were_removed(sink):
    sink.write(records(3))
    with closing(connect(sink.path)) as db:
        db.execute("DELETE FROM predictions")
    sink.write(records(1))
    with closing(connect(sink.path)) as db:
        assert db.execute("SELECT position FROM predictions").fetchall() == [(4,)]


def test_a_file_that_was_begun_before_a_column_is_given_it(sink):
    sink.path.parent.mkdir()
    with closing(connect(sink.path)) as db:
        db.executescript(TABLE.replace(",\n    remedy TEXT", ""))
        for record in records(2):
            old = record[:-1]
            db.execute(f"INSERT INTO predictions VALUES (NULL, {', '.join('?' * len(old))})", old)  # noqa: S608
    beside = SqliteSink(sink.path)
    sink.write([records(1)[0]._replace(remedy="{}")])
    beside.write(records(1))
    beside.close()
    with closing(connect(sink.path)) as db:
        assert [r for (r,) in db.execute("SELECT remedy FROM predictions")] == [None, None, "{}", None]


def test_a_reader_does_not_hold_up_the_writer(sink):
    sink.write(records(1))
    with closing(connect(sink.path)) as db:
        db.execute("BEGIN")
        assert db.execute("SELECT count(*) FROM predictions").fetchone() == (1,)
        sink.write(records(5))
        assert db.execute("SELECT count(*) FROM predictions").fetchone() == (1,)


def test_a_write_is_whole_or_not_at_all(sink):
    good, bad = records(2)
    with pytest.raises(sqlite3.IntegrityError):
        sink.write([good, bad._replace(inputs=None)])
    sink.write([good])
    with closing(connect(sink.path)) as db:
        assert db.execute("SELECT count(*) FROM predictions").fetchone() == (1,)


def test_it_waits_for_another_writer(sink):
    sink.write(records(1))
    with closing(connect(sink.path)) as db:
        db.execute("BEGIN IMMEDIATE")
        done = threading.Event()

        def write():
            own = SqliteSink(sink.path)
            own.write(records(2))
            own.close()
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        assert not done.wait(0.1)
        db.execute("COMMIT")
        assert done.wait(10)
        thread.join()


def test_a_file_that_was_taken_away_is_made_anew(sink):
    sink.write(records(1))
    for path in sink.path.parent.iterdir():
        path.unlink()
    sink.path.parent.rmdir()
    sink.write(records(2))
    with closing(connect(sink.path)) as db:
        assert db.execute("SELECT count(*) FROM predictions").fetchone() == (2,)


def test_rows_are_found_by_request_and_by_time_without_reading_all(sink):
    sink.write(records(1))
    with closing(connect(sink.path)) as db:
        for where in ("request_id = 'a'", "at >= 5"):
            (plan,) = db.execute(f"EXPLAIN QUERY PLAN SELECT * FROM predictions WHERE {where}").fetchall()  # noqa: S608
            assert "USING INDEX" in plan[3]
