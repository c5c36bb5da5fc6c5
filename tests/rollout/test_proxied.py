"""The proxy's log as columns: the same rules as for single records, the order of arrival, and the cost of a look."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.rollout.access_log import parse
from components.rollout.proxied import REQUESTS, SETTLE, Proxied, kept, lines
from tests.rollout.drawn import START, left, line, requests


def write(path: Path, records: list[dict[str, Any]], mode: str = "a") -> None:
    with path.open(mode) as log:
        log.writelines(json.dumps(r) + "\n" for r in records)


def later(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


SIDES = st.sampled_from(["stable", "candidate", None])


@settings(max_examples=60)
@given(
    SIDES, SIDES, st.sampled_from([0, 200, 404, 422, 500, 503, None]),
    st.sampled_from(["-", "DC", "UF", "UF,DC", None]),
    st.integers(0, 2), st.sampled_from(["/v2/models/m/infer", "/v1/models/m:predict?a=/b", "/metrics"]),
    st.sampled_from([None, "", "1"]), st.sampled_from([5.0, None]),
)  # fmt: skip
def test_columns_say_what_records_say(
    chosen: str | None, answered: str | None, status: int | None, flags: str | None, attempts: int, path: str,
    explains: str | None, share: float | None,
) -> None:  # fmt: skip
    one = line(1, chosen, answered=answered, status=status, flags=flags, attempts=attempts, path=path,
               explains=explains, candidate=share)  # fmt: skip
    record, frame = parse(json.dumps(one)), kept(lines(json.dumps(one).encode()))
    assert record is not None
    if not record.inference or record.chosen is None or record.share is None:
        assert frame.is_empty()
        return
    told = frame.select("candidate", "failed", "broken", "gone", "rescued").row(0)
    assert told == (record.chosen == "candidate", record.bad, record.failed, record.gone, record.rescued)


def test_what_an_explainer_asks_is_nobodys_request_whatever_its_id() -> None:
    frame = requests([line(1, explains="1"), line(2, request_id="explain-me")])
    assert frame["request_id"].to_list() == ["explain-me"]


def test_a_request_takes_its_place_when_it_is_settled_and_keeps_it() -> None:
    """One that hung for 20 s ended after all others, and must not be put before what was concluded already."""
    slow = line(0, "candidate", request_id="slow", duration_us=20e6, waited_ms=20_000)
    quick = [line(i, request_id=f"q{i}") for i in range(1, 30)]
    before = requests(quick[:15], now=15.0)
    after = requests([*quick[:19], slow, *quick[19:]], now=60.0)
    settled = before.filter("settled")["request_id"].to_list()
    assert settled == [f"q{i}" for i in range(1, 11)]
    assert after["request_id"].to_list()[:10] == settled
    assert after["settled"].all()


def test_within_the_time_to_settle_arrival_is_the_order_and_not_the_end() -> None:
    first = line(0, "candidate", request_id="first", duration_us=2e6, waited_ms=2000)
    assert requests([line(1, request_id="second"), first])["request_id"].to_list() == ["first", "second"]
    assert timedelta(seconds=2) < SETTLE


def test_a_client_that_left_waited_so_long() -> None:
    assert requests([left(1, waited_ms=700.0)])["latency_ms"].to_list() == [700.0]


def test_a_log_is_read_on_from_look_to_look_and_begun_anew_when_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    seen = Proxied(path, START)
    assert seen.read(later(60)).is_empty()
    write(path, [line(-1, request_id="before"), line(1, request_id="a")])
    with path.open("a") as log:
        log.write("not ours\n" + json.dumps(line(2, request_id="b"))[:20])
    assert seen.read(later(60))["request_id"].to_list() == ["a"]
    with path.open("a") as log:
        log.write(json.dumps(line(2, request_id="b"))[20:] + "\n")
    assert seen.read(later(60))["request_id"].to_list() == ["a", "b"]
    path.rename(tmp_path / "access.1")
    write(path, [line(i, request_id=f"n{i}") for i in range(3, 9)])
    assert len(seen.read(later(60))) == 8


def test_reading_begins_where_the_rollout_does(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    write(path, [line(i, request_id=f"r{i}") for i in range(-4000, 100)])
    assert Proxied(path, START).read(later(200))["request_id"].to_list() == [f"r{i}" for i in range(100)]


def test_odd_lines_cost_themselves_alone() -> None:
    whole = [json.dumps(line(i)).encode() for i in range(5)]
    text = b"\n".join([whole[0], b"", b"{", b'{"at": {}}', whole[1], b"[1]", whole[2], b"\xff", *whole[3:]])
    assert len(kept(lines(text))) == 5


@pytest.mark.parametrize("sticky", [False])
def test_a_look_at_many_requests_is_cheap(tmp_path: Path, sticky: bool) -> None:
    path, n = tmp_path / "access.jsonl", 60_000
    one = json.dumps(line(1, request_id="x" * 36))
    path.write_text((one + "\n") * n)
    seen = Proxied(path, START, sticky)
    start = time.process_time()
    found = seen.read(later(60))
    first = time.process_time() - start
    assert first < 1.0  # a fifth of 300,000; measured: 0.12
    assert list(found.schema.items()) == list(REQUESTS.items())
    assert found.estimated_size() < 200 * n
    write(path, [line(2)])
    start = time.process_time()
    assert len(seen.read(later(60))) == n + 1
    assert time.process_time() - start < first / 2
    assert isinstance(found, pl.DataFrame)
