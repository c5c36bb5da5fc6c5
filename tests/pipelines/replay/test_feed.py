"""The clients of the replay against a server that fails now and then: each loan is answered once, each failure told."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.serving.outcomes import read_outcomes
from pipelines.replay import feed as feeds
from pipelines.replay.feed import BATCH, CLIENTS, TRIES, Feed

FIELDS = (Field(name="amount", kind="float"), Field(name="bank", kind="category", nullable=True))
FAST = 5000.0
"""Loans a second: more than come through."""


def loans(n: int, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row_id": [f"loan-{i}" for i in range(first, first + n)],
            "amount": [float(i) for i in range(first, first + n)],
            "bank": [None if i % 3 else f"bank {i % 7}" for i in range(first, first + n)],
        }
    )


@dataclass
class Served:
    """What a server has seen: of each request that it answered well, its id and how many rows it had."""

    fail: Callable[[int], str]
    seen: int = 0
    answered: list[tuple[str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.served.lock:
            self.served.seen += 1
            how = self.served.fail(self.served.seen)
            if not how:
                self.served.answered.append((body["id"], len(body["inputs"][0]["data"])))
        if how == "drop":
            self.close_connection = True
            return
        answer = b"busy" if how else b"{}"
        self.send_response(int(how or 200))
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def server(fail: Callable[[int], str]) -> Iterator[tuple[str, Served]]:
    """Answer on 127.0.0.1; ``fail`` says of the n-th request ``drop``, a status, or nothing for a good answer."""
    served = Served(fail)
    handler = type("Handler", (_Handler,), {"served": served})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{made.server_address[1]}/v2/models/m/infer", served
        finally:
            made.shutdown()
            thread.join()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hardly at all between two tries."""
    monkeypatch.setattr(feeds, "PAUSE", 0.001)


def made(url: str, folder: Path) -> Feed:
    return Feed(url, FIELDS, (), folder / "log.db")


def now_and_then(n: int) -> str:
    return "drop" if n % 5 == 0 else "503" if n % 7 == 0 else ""


def well(_: int) -> str:
    return ""


@pytest.mark.usefixtures("quick")
def test_each_loan_is_answered_once_however_often_its_request_fails(tmp_path: Path) -> None:
    with server(now_and_then) as (url, served):
        feed = made(url, tmp_path)
        feed.send(loans(12 * BATCH + 1))
        feed.send(loans(3, first=90_000))
        feed.send(loans(0))
    sent = feed.sent
    assert sent["row_id"].n_unique() == len(sent) == 12 * BATCH + 4
    assert sum(n for _, n in served.answered) == len(sent)
    assert len({name for name, _ in served.answered}) == len(served.answered) == 14
    assert feed.requests == served.seen
    assert feed.failed == served.seen - len(served.answered) > 2
    assert sent.group_by("request_id").len().sort("len")["len"].to_list() == [1, 3, *[BATCH] * 12]


def test_a_row_is_remembered_by_its_place_in_the_request(tmp_path: Path) -> None:
    with server(well) as (url, served):
        feed = made(url, tmp_path)
        feed.send(loans(BATCH + 2))
    tail = feed.sent.filter(pl.col("request_id") == served.answered[1][0])
    assert tail.select("row_id", "row").rows() == [(f"loan-{BATCH}", 0), (f"loan-{BATCH + 1}", 1)]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("how", "words"), [("503", "503 busy"), ("drop", "RemoteDisconnected")])
def test_a_server_that_never_answers_is_told(tmp_path: Path, how: str, words: str) -> None:
    with server(lambda _: how) as (url, served):
        feed = made(url, tmp_path)
        with pytest.raises(
            FairleadError, match=rf"did not answer request loan-0\+2 in {TRIES} tries; the last: {words}"
        ):
            feed.send(loans(2))
    assert served.seen == feed.requests == feed.failed == TRIES
    assert feed.sent.is_empty()


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


@pytest.mark.usefixtures("quick")
def test_live_loans_go_one_by_one_each_once_until_the_block_ends(tmp_path: Path) -> None:
    before = threading.active_count()
    with server(now_and_then) as (url, served):
        feed, given = made(url, tmp_path), loans(5000)
        with feed.live(given, FAST) as live:
            until(lambda: live.sent >= 60, "no loans came")
            assert threading.active_count() >= before + CLIENTS
        assert 60 <= live.sent < len(given)
        # What was taken was answered, in the order of the table, and all clients are gone.
        assert sorted(feed.sent["row_id"]) == sorted(given["row_id"][: live.sent])
        assert sorted(name for name, _ in served.answered) == sorted(feed.sent["request_id"])
        assert all(n == 1 for _, n in served.answered)
        asked = served.seen
        assert feed.requests == asked
        assert feed.failed == asked - live.sent
        # Those that were not taken can be sent as others are, and none twice.
        feed.send(given[live.sent : live.sent + 10])
        assert feed.sent["row_id"].n_unique() == len(feed.sent) == live.sent + 10
    assert threading.active_count() == before


def test_live_loans_come_at_their_rate_and_end_when_there_are_none_left(tmp_path: Path) -> None:
    with server(well) as (url, _):
        feed, start = made(url, tmp_path), time.monotonic()
        with feed.live(loans(30), 200.0) as live:
            until(lambda: live.sent == 30, "the loans did not end")
        assert time.monotonic() - start > 25 / 200
    assert feed.sent["row_id"].n_unique() == 30


def test_no_loan_comes_while_none_is_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, open, closed again; and the time that passed while it was closed is not made up for."""
    monkeypatch.setattr(feeds, "ASK_SECONDS", 0.001)
    asked: list[bool] = []
    opened = threading.Event()

    def come() -> bool:
        asked.append(opened.is_set())
        return opened.is_set()

    with server(well) as (url, served):
        feed = made(url, tmp_path)
        with feed.live(loans(5000), 500.0, come) as live:
            until(lambda: len(asked) > 20, "nobody asked")
            assert live.sent == served.seen == 0
            opened.set()
            start = time.monotonic()
            until(lambda: live.sent >= 50, "no loans came")
            assert time.monotonic() - start > 45 / 500
            opened.clear()
            before = len(asked)
            until(lambda: len(asked) > before + 5, "nobody asked")
            taken = live.sent
            until(lambda: len(asked) > before + 25, "nobody asked")
            assert live.sent == taken < 5000
    assert len(feed.sent) == taken


def test_an_error_in_asking_is_told(tmp_path: Path) -> None:
    with server(well) as (url, _):
        feed = made(url, tmp_path)
        with pytest.raises(ZeroDivisionError), feed.live(loans(9), FAST, lambda: bool(1 // 0)) as live:
            until(lambda: not any(t.is_alive() for t in live._threads), "the clients went on")
    assert feed.sent.is_empty()


@pytest.mark.usefixtures("quick")
def test_a_loan_that_nobody_answers_ends_the_block_with_its_error(tmp_path: Path) -> None:
    with server(lambda n: "503" if n > 10 else "") as (url, _):
        feed = made(url, tmp_path)
        with pytest.raises(FairleadError, match=r"did not answer request loan-\d+ in"), feed.live(loans(500), FAST):
            until(lambda: feed.failed >= TRIES, "nothing failed")
    assert len(feed.sent) == 10


def test_what_a_client_cannot_send_is_not_lost_with_its_thread(tmp_path: Path) -> None:
    with server(well) as (url, _):
        feed = made(url, tmp_path)
        with (
            pytest.raises(FairleadError, match="missing column amount"),
            feed.live(loans(9).drop("amount"), FAST) as live,
        ):
            until(lambda: live.sent > 0, "no loan was taken")


def test_an_error_in_the_block_stops_the_clients(tmp_path: Path) -> None:
    before = threading.active_count()
    with server(well) as (url, _):
        feed = made(url, tmp_path)
        with pytest.raises(ZeroDivisionError), feed.live(loans(5000), FAST):
            raise ZeroDivisionError
        assert len(feed.sent) < 5000
    assert threading.active_count() == before


def test_outcomes_are_told_of_loans_that_were_sent_and_of_no_other(tmp_path: Path) -> None:
    told = pl.DataFrame({"row_id": ["loan-1", "loan-3", "loan-77"], "label": [1, 0, 1]}).with_columns(
        known_at=pl.lit(datetime.combine(date(2005, 3, 1), datetime.min.time(), UTC))
    )
    with server(well) as (url, _):
        feed = made(url, tmp_path)
        assert feed.tell(told) == 0
        assert not feed.outcomes.exists()
        feed.send(loans(5))
        assert feed.tell(told) == 2
        assert feed.tell(told) == 0
        assert feed.tell(told.clear()) == 0
        feed.send(loans(1, first=77))
        assert feed.tell(told) == 1
    found = read_outcomes(feed.outcomes).join(feed.sent, on=["request_id", "row"])
    assert sorted(found.select("row_id", "label").rows()) == [("loan-1", 1), ("loan-3", 0), ("loan-77", 1)]
    assert found["known_at"].unique().to_list() == [datetime(2005, 3, 1, tzinfo=UTC)]
