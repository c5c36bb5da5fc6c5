import logging
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.serving import outlet as module
from components.serving.outlet import Counts, Outlet
from components.serving.records import Recorder
from components.serving.sampling import keep
from components.serving.sinks.sink import NotWritten
from tests.serving.logged import DEADLINE, FIELDS, Kept, batch, until

RECORDER = Recorder("loans", "3", "stable", FIELDS)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.001)
    monkeypatch.setattr(module, "GIVE_UP", 0.01)


def _outlet(sink, capacity_rows=1000, recorder=RECORDER, capacity_bytes=module.CAPACITY_BYTES):
    return Outlet(sink.name, sink, recorder, capacity_rows, capacity_bytes)


def _offer(outlet, *batches):
    for b in batches:
        outlet.offer(b, len(b.request_ids))


def _close(outlet, seconds=DEADLINE):
    outlet.close(time.monotonic() + seconds)


def test_rows_arrive_in_order_without_being_waited_for():
    sink = Kept(rows=7)
    outlet = _outlet(sink)
    _offer(outlet, *(batch(3, f"r{i}") for i in range(20)))
    until(lambda: len(sink.records) == 60)
    assert [(r.request_id, r.row) for r in sink.records] == [(f"r{i}", row) for i in range(20) for row in range(3)]
    assert max(sink.writes) <= 7
    _close(outlet)
    assert outlet.counts() == Counts(written=60)
    assert sink.closed == 1


def test_what_finds_no_room_is_dropped_and_counted_and_nobody_waits():
    sink = Kept(rows=5)
    sink.go.clear()
    outlet = _outlet(sink, capacity_rows=10)
    _offer(outlet, *(batch(1, str(i)) for i in range(25)))
    assert outlet.counts() == Counts(dropped=15, waiting=10)
    sink.go.set()
    _close(outlet)
    assert outlet.counts() == Counts(written=10, dropped=15)
    assert [r.request_id for r in sink.records] == [str(i) for i in range(10)]


@pytest.mark.parametrize("where", ["id", "input"])
def test_long_text_finds_no_room_in_bytes(where, monkeypatch):
    monkeypatch.setattr(module, "UNWEIGHED", 0)
    sink = Kept(rows=1)
    sink.go.clear()
    outlet = _outlet(sink, capacity_bytes=1_000_000)
    for i in range(20):
        text = f"{i} {'x' * 100_000}"
        bank = {**batch(1).columns, "bank": np.array([text], dtype=object)}
        _offer(outlet, batch(1, text) if where == "id" else batch(1, columns=bank))
    counts = outlet.counts()
    assert 5 <= counts.waiting <= 10
    assert counts.dropped == 20 - counts.waiting
    sink.go.set()
    until(lambda: outlet.counts().waiting == 0)
    _offer(outlet, batch(5))
    _close(outlet)
    assert outlet.counts() == Counts(written=counts.waiting + 5, dropped=counts.dropped)
    assert (outlet._held, outlet._queued) == (0, 0)


def test_few_rows_are_not_weighed(monkeypatch):
    monkeypatch.setattr(module, "UNWEIGHED", 3)
    sink = Kept(rows=1)
    sink.go.clear()
    outlet = _outlet(sink, capacity_bytes=1)
    _offer(outlet, batch(1))
    sink.busy.wait(DEADLINE)  # the record that is being written counts
    _offer(outlet, batch(1))
    assert outlet.counts() == Counts(waiting=1, dropped=1)
    sink.go.set()
    until(lambda: outlet.counts().waiting == 0)
    _offer(outlet, batch(3))
    _close(outlet)
    _offer(outlet, batch(4))
    assert outlet.counts() == Counts(written=4, dropped=5)


@pytest.mark.parametrize("n", [1, 30])
def test_the_weight_of_a_batch_is_near_what_it_takes(n):
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [batch(n, f"r{i}") for i in range(100)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 < sum(map(module._bytes_of, kept)) / taken < 2


def test_room_that_was_made_is_used_again():
    sink = Kept()
    outlet = _outlet(sink, capacity_rows=10)
    for _ in range(5):
        _offer(outlet, batch(10))
        until(lambda: outlet.counts().waiting == 0)
    _close(outlet)
    assert outlet.counts() == Counts(written=50)


def test_a_sink_that_fails_once_gets_the_rows_again():
    class Hiccup(Kept):
        def write(self, records):
            self.failing = OSError("disk full") if not self.writes else None
            super().write(records)

    sink = Hiccup()
    outlet = _outlet(sink)
    _offer(outlet, batch(4))
    _close(outlet)
    assert outlet.counts() == Counts(written=4, errors=1)
    assert len(sink.records) == 4


def test_a_sink_that_keeps_failing_loses_its_rows_after_a_while():
    sink = Kept()
    sink.failing = OSError("disk full")
    outlet = _outlet(sink)
    _offer(outlet, batch(4))
    until(lambda: outlet.counts().failed == 4)
    tried = len(sink.writes)
    assert 2 <= tried <= 10
    sink.failing = None
    _offer(outlet, batch(2, "later"))
    _close(outlet)
    assert outlet.counts() == Counts(written=2, failed=4, errors=tried)


def test_a_sink_that_comes_back_in_time_has_lost_nothing(monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP", 3600)
    sink = Kept(rows=10)
    sink.failing = OSError("restarting")
    outlet = _outlet(sink)
    _offer(outlet, *(batch(7, f"r{i}") for i in range(5)))
    until(lambda: outlet.counts().errors > 5)
    assert outlet.counts().waiting == 35
    sink.failing = None
    _close(outlet)
    assert outlet.counts() == Counts(written=35, errors=outlet.counts().errors)
    assert [r.request_id for r in sink.records] == [f"r{i}" for i in range(5) for _ in range(7)]


def test_only_what_did_not_arrive_is_written_again(monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP", 3600)
    sink = Kept()
    sink.failing, sink.some = OSError(), 2
    outlet = _outlet(sink)
    _offer(outlet, batch(8))
    _close(outlet)
    assert sink.writes == [8, 6, 4, 2, 0][: len(sink.writes)]
    assert outlet.counts().written == 8
    assert [r.row for r in sink.records] == list(range(8))


def test_what_is_refused_for_good_fails_alone_and_at_once(monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP", 3600)

    class Picky(Kept):
        def write(self, records):
            super().write([r for r in records if r.row])
            refused = [r for r in records if not r.row]
            if refused:
                raise NotWritten("not to its taste", [], refused)

    sink = Picky()
    outlet = _outlet(sink)
    _offer(outlet, batch(4), batch(4))
    _close(outlet)
    assert outlet.counts() == Counts(written=6, failed=2, errors=len(sink.writes))
    assert [r.row for r in sink.records] == [1, 2, 3, 1, 2, 3]


def test_the_end_does_not_wait_for_a_sink_that_is_down(monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP", 3600)
    sink = Kept()
    sink.failing = OSError("gone")
    outlet = _outlet(sink)
    _offer(outlet, batch(8))
    start = time.monotonic()
    _close(outlet, 0.1)
    assert time.monotonic() - start < 5
    outlet._thread.join(DEADLINE)
    assert not outlet._thread.is_alive()
    assert outlet.counts() == Counts(dropped=8, errors=outlet.counts().errors)


def test_a_failing_sink_is_logged_once_in_a_while(caplog):
    sink = Kept()
    sink.failing = OSError("disk full")
    with caplog.at_level(logging.WARNING):
        outlet = _outlet(sink)
        _offer(outlet, *(batch(1) for _ in range(50)))
        _close(outlet)
    assert [r.message for r in caplog.records if "disk full" in r.message] == [
        "prediction log, kept: 50 rows not written: OSError('disk full'); further failures are counted under /metrics"
    ]


def test_an_odd_batch_is_lost_alone(caplog):
    sink = Kept()
    outlet = _outlet(sink)
    with outlet._lock:  # so that all three are taken together
        outlet._batches.extend([(batch(2, "a"), 0), (batch(2, "odd", latency_ms=[1.0]), 0), (batch(1, "b"), 0)])
        outlet._offered += 5
        outlet._queued += 5
    _close(outlet)
    assert [r.request_id for r in sink.records] == ["a", "a", "b"]
    assert outlet.counts() == Counts(written=3, failed=2, errors=1)
    assert "2 rows cannot be written down" in caplog.text


def test_at_the_end_all_that_waits_is_written():
    sink = Kept(rows=10_000, seconds=3600)
    outlet = _outlet(sink)
    _offer(outlet, *(batch(100) for _ in range(9)))
    _close(outlet)
    assert sink.writes == [900]
    assert outlet.counts() == Counts(written=900)


def test_rows_are_gathered_until_there_are_enough_or_the_oldest_has_waited_long_enough():
    sink = Kept(rows=10, seconds=3600)
    outlet = _outlet(sink)
    _offer(outlet, *(batch(1) for _ in range(9)))
    until(lambda: not outlet._batches)
    assert not sink.busy.wait(4 * module.TICK)
    _offer(outlet, batch(1))
    until(lambda: sink.writes == [10])
    sink.seconds = 0.01
    _offer(outlet, batch(1))
    until(lambda: sink.writes == [10, 1])
    _close(outlet)


def test_the_deadline_holds_and_what_is_left_then_is_counted_as_dropped():
    sink = Kept(rows=10)
    sink.go.clear()
    outlet = _outlet(sink)
    _offer(outlet, *(batch(10) for _ in range(3)))
    sink.busy.wait(DEADLINE)
    start = time.monotonic()
    _close(outlet, 0.1)
    assert time.monotonic() - start < 5
    assert outlet.counts() == Counts(dropped=30)
    sink.go.set()
    outlet._thread.join(DEADLINE)
    assert not outlet._thread.is_alive()
    assert outlet.counts() == Counts(dropped=30)  # each row has one end, though some came in after all


def test_nothing_is_taken_after_the_end():
    outlet = _outlet(Kept())
    _close(outlet)
    _offer(outlet, batch(3))
    assert outlet.counts() == Counts(dropped=3)


def test_a_sink_that_cannot_be_closed_is_told_and_no_more(caplog):
    class Stuck(Kept):
        def close(self):
            raise OSError("busy")

    outlet = _outlet(Stuck())
    _offer(outlet, batch(1))
    _close(outlet)
    assert outlet.counts().written == 1
    assert "not closed in order: OSError('busy')" in caplog.text


@given(
    st.lists(st.integers(1, 40), max_size=12),
    st.integers(1, 120),
    st.integers(1, 50),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_every_row_has_one_end(sizes, capacity, rows, failing, rate):
    sink = Kept(rows=rows)
    sink.failing = OSError() if failing else None
    sink.some = 1
    outlet = _outlet(sink, capacity, Recorder("m", "1", "stable", FIELDS, keep=keep(rate)))
    _offer(outlet, *(batch(n, str(i)) for i, n in enumerate(sizes)))
    _close(outlet)
    counts = outlet.counts()
    assert counts.written + counts.dropped + counts.failed + counts.left_out == sum(sizes)
    assert counts.waiting == 0
    assert counts.written == len(sink.records)


def test_many_threads_may_offer_at_once():
    sink = Kept()
    outlet = _outlet(sink, 100_000)
    threads = [threading.Thread(target=_offer, args=(outlet, *[batch(1)] * 500)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _close(outlet)
    assert outlet.counts() == Counts(written=2000)
    assert len(sink.records) == 2000
