from dataclasses import replace
from typing import Any, cast

import pytest

from pipelines.benchmarks.measure import Figure
from pipelines.benchmarks.serving.contest import EIGHT, KINDS, LARGE, MANY, Contestant, Measured, parse_log_rows
from pipelines.benchmarks.serving.open_loop import Held
from pipelines.benchmarks.serving.peers import ECHO, OURS, PEERS, Peer
from pipelines.benchmarks.serving.serving_table import (
    Spread,
    beside,
    figure,
    latency,
    ratio,
    servers,
    table,
    throughput,
)
from pipelines.benchmarks.serving.wrk import Load

HELD = Held(1000, 60, 32, 60_000, 60_000, 0, 1.0, 5.0, 20.0, 30.0, 0.1, 0.0)


def contestant(peer: Peer, *rates: float, refused: int = 0) -> Contestant:
    measured = [Measured(Load(int(r * 2) + refused, 2.0, refused, 0, 1, 2), cpu_seconds=2.0) for r in rates]
    return Contestant(peer, cast(Any, None), "", cast(Any, None), rounds={k.name: list(measured) for k in KINDS})


def everybody(ours: float, other: float) -> dict[str, Contestant]:
    return {p.name: contestant(p, ours if p.name == OURS else other) for p in PEERS}


def test_ratios_are_taken_round_by_round() -> None:
    ours, other = contestant(PEERS[0], 1000, 100), contestant(PEERS[1], 100, 10)
    assert ratio(ours, other, EIGHT) == Spread(10, 10, 10)
    assert str(Spread.of([3.0, 1.0, 2.0])) == "2 (1-3)"


@pytest.mark.parametrize(("ours", "kept"), [(8000, {True}), (10, {False})])
def test_promises_are_kept_or_missed(ours: float, kept: set[bool]) -> None:
    found = throughput(everybody(ours, 1000), {})
    assert {v.met for v in found} == kept
    # Six peers and the echo with eight and with many clients, and the large request.
    assert len(found) == 2 * 7 + 1


def test_a_peer_that_is_not_there_is_neither_kept_nor_missed_and_says_why() -> None:
    present = everybody(8000, 1000)
    del present["ray"], present[ECHO]
    found = [v for v in throughput(present, {"ray": "cannot be installed: no index\nmore"}) if v.met is None]
    assert len(found) == 4
    assert [v.ratio for v in found if "Ray" in v.what] == ["ray cannot be installed: no index"] * 2
    assert "NOT MEASURED" in table(found)


def test_without_our_server_nothing_is_kept() -> None:
    present = everybody(8000, 1000)
    del present[OURS]
    assert {v.met for v in throughput(present, {OURS: "was not measured: it ended"})} == {None}


def test_refused_requests_are_no_throughput_and_are_told() -> None:
    present = everybody(8000, 1000) | {"stock": contestant(PEERS[4], 1000, refused=50)}
    verdict = throughput(present, {})[0]
    assert "50 failed" in verdict.ratio.replace("100 failed", "50 failed")
    assert present["stock"].rounds[MANY.name][0].per_second == 1000


def test_work_that_is_put_off_counts() -> None:
    load = Load(1000, 1.0, 0, 0, 1, 2)
    assert Measured(load, cpu_seconds=2.0, after_seconds=1.0).per_second == 500
    assert Measured(load, cpu_seconds=2.0).cpu_ms == 2.0


@pytest.mark.parametrize(
    ("held", "percentile", "met"),
    [
        (HELD, "p95", True),
        (HELD, "p99", False),
        (replace(HELD, answered=59_999, failed=1), "p95", False),
        # What the generator's lateness can explain is no miss, and never a pass; what it cannot is a miss.
        (replace(HELD, late_share=0.02), "p99", None),
        (replace(HELD, late_share=0.005), "p99", False),
        (replace(HELD, late_share=0.02), "p95", True),
        (replace(HELD, p95_ms=20.0, late_share=0.02), "p95", False),
        (replace(HELD, p95_ms=20.0, late_share=0.06), "p95", None),
        (replace(HELD, late_share=0.06, answered=59_999, failed=1), "p99", False),
        (None, "p95", None),
    ],
)
def test_a_rate_counts_as_held_only_when_all_were_answered(
    held: Held | None, percentile: str, met: bool | None
) -> None:
    assert latency("held", held, percentile, 10.0).met is met


def test_a_generator_that_was_late_says_so() -> None:
    assert "generator late 20.0%" in latency("held", replace(HELD, late_share=0.2), "p95", 50.0).ratio


def test_tuned_peers_are_told_without_a_verdict() -> None:
    lines = beside(everybody(8000, 1000))
    assert len(lines) == 2
    assert "MLServer" in lines[1]
    assert "x 8 (8-8), by CPU 8" in lines[1]
    assert beside({}) == []


@pytest.mark.parametrize(("value", "met"), [(-7.0, None), (0.5, True), (12.0, False)])
def test_an_addition_below_nothing_is_noise_and_no_pass(value: float, met: bool | None) -> None:
    assert figure(Figure("lookup adds", value, "ms", "target", 10.0, target=True)).met is met


def test_servers_are_told_with_their_processor_time() -> None:
    text = servers(everybody(8000, 1000), KINDS)
    assert len(text.splitlines()) == len(PEERS) + 1
    assert LARGE.name in text.splitlines()[0]
    assert "8,000" in text.splitlines()[1]
    assert "0.125" in text.splitlines()[1]  # 2 s for 16,000 requests


def test_the_logs_counters_are_summed_over_sinks() -> None:
    text = (
        "# TYPE fairlead_log_rows counter\n"
        'fairlead_log_rows_total{model="m",sink="a",result="written"} 5.0\n'
        'fairlead_log_rows_total{model="m",sink="b",result="written"} 2.0\n'
        'fairlead_log_rows_total{model="m",sink="b",result="dropped"} 1e+03\n'
        "fairlead_rows_total 9\n"
    )
    assert parse_log_rows(text) == {"written": 7, "dropped": 1000}
