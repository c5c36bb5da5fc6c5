"""Gates: what blocks, what passes, and that nothing passes by being absent."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Estimate, GateResult, SliceMetrics
from components.core.errors import FairleadError, GateFailed
from components.core.gating import Champion, Floor, Gates
from components.core.use_case import UseCase, load
from components.judgement.compare import Comparison
from components.judgement.gates import blocks, judge, require, table
from components.judgement.leakage_report import Finding, LeakageReport

SAFE = Finding(column="Zip", check="order", value=0.5, threshold=0.85, n=900, leaks=False, excluded=False)
LEAK = Finding(column="Term", check="order", value=0.9, threshold=0.85, n=900, leaks=True, excluded=False)
KEPT_OUT = LEAK.model_copy(update={"excluded": True, "reason": "known later"})

NOTHING_LEAKS = LeakageReport(rows=1000, sampled=900, findings=(SAFE, KEPT_OUT))
METRICS = (
    SliceMetrics(dataset="test", slice="all", metrics={"auc": Estimate(value=0.7, low=0.65, high=0.75, n=5000)}),
    SliceMetrics(dataset="test", slice="year=1999", metrics={"auc": Estimate(value=0.6, low=0.5, high=0.7, n=900)}),
    SliceMetrics(dataset="test", slice="year=2000", metrics={"auc": Estimate(value=None, n=40)}),
    SliceMetrics(dataset="backtest", slice="all", metrics={"auc": Estimate(value=0.1, low=0.0, high=0.2, n=5000)}),
)


def use_case(*floors: Floor, champion: Champion | None = None) -> UseCase:
    gates = Gates(floors=floors, champion=champion or Champion())
    return load("sba_loans").model_copy(update={"gates": gates})


def judged(*floors: Floor, **given_values: Any) -> dict[str, GateResult]:
    values: dict[str, Any] = {
        "metrics": METRICS,
        "comparison": None,
        "behaviours": [],
        "latency_p95_ms": Estimate(value=3.0, n=200),
        "parity_max_abs": Estimate(value=1e-8, n=10_000),
        "leakage": NOTHING_LEAKS,
    }
    champion = given_values.pop("champion", None)
    results = judge(use_case(*floors, champion=champion), **{**values, **given_values})
    named = {floor.gate for floor in floors}
    return {f"{r.gate}@{r.check.split(' ')[0]}" if r.gate in named else r.gate: r for r in results}


def verdict_of(floor: Floor, *estimates: Estimate) -> list[GateResult]:
    names = ["all"] if floor.slice == "all" else [f"year={2000 + i}" for i in range(len(estimates))]
    metrics = [
        SliceMetrics(dataset="test", slice=name, metrics={floor.metric: estimate})
        for name, estimate in zip(names, estimates, strict=True)
    ]
    return [r for r in judged(floor, metrics=metrics).values() if r.gate == floor.gate]


@pytest.mark.parametrize(
    ("bound", "limits", "verdict"),
    [
        ("value", {"minimum": 0.7}, "pass"),
        ("value", {"minimum": 0.71}, "fail"),
        ("low", {"minimum": 0.65}, "pass"),
        ("low", {"minimum": 0.66}, "fail"),
        ("high", {"maximum": 0.75}, "pass"),
        ("high", {"maximum": 0.74}, "fail"),
        ("value", {"maximum": 0.69}, "fail"),
    ],
)
def test_a_floor_holds_one_end_of_the_interval_against_its_threshold(
    bound: Any, limits: dict[str, float], verdict: str
) -> None:
    (result,) = verdict_of(Floor(gate="g", metric="auc", bound=bound, **limits), METRICS[0].metrics["auc"])
    assert result.verdict == verdict
    assert f"auc.{bound}" in result.check


def test_floors_decide_on_the_test_rows_only() -> None:
    results = judged(Floor(gate="g", metric="auc", minimum=0.6))
    assert results["g@test/all"].value == 0.7


def test_too_few_rows_block_where_one_slice_is_named() -> None:
    results = judged(Floor(gate="g", metric="auc", slice="year=2000", minimum=0.1))
    small = results["g@test/year=2000"]
    assert (small.verdict, small.blocking) == ("no_data", True)
    assert blocks(small)


def test_a_small_slice_of_a_wildcard_is_reported_and_does_not_block() -> None:
    results = judged(Floor(gate="g", metric="auc", slice="year=*", minimum=0.5, minimum_rows=500))
    assert set(results) == {"g@test/year=1999", "g@test/year=2000", "champion", "latency", "parity", "leakage"}
    small = results["g@test/year=2000"]
    assert (small.verdict, small.blocking) == ("no_data", False)
    assert results["g@test/year=1999"].verdict == "pass"
    require(list(results.values()))
    assert "no data (not blocking)" in table(list(results.values()))


def test_a_wildcard_that_judged_nothing_blocks() -> None:
    results = verdict_of(
        Floor(gate="g", metric="auc", slice="*", minimum=0.5), Estimate(value=0.9, n=10), Estimate(value=None, n=0)
    )
    assert [blocks(r) for r in results] == [True, True]


def test_a_failing_slice_of_a_wildcard_blocks() -> None:
    results = judged(Floor(gate="g", metric="auc", slice="*", bound="high", minimum=0.71))
    with pytest.raises(GateFailed, match="stopped by g\n"):
        require(list(results.values()))


def test_names_that_were_not_measured_are_clear_errors() -> None:
    with pytest.raises(FairleadError, match=r"slice in gate 'g' 'yaer=\*'; allowed: all, year=1999, year=2000"):
        judged(Floor(gate="g", metric="auc", slice="yaer=*", minimum=0.5))
    with pytest.raises(FairleadError, match=r"metric in gate 'g' on slice 'all' 'acu'; allowed: auc"):
        judged(Floor(gate="g", metric="acu", minimum=0.5))
    with pytest.raises(FairleadError, match="allowed: none"):
        judged(Floor(gate="g", metric="auc", minimum=0.5), metrics=METRICS[3:])


def comparison(value: float | None, low: float | None = None, high: float | None = None) -> Comparison:
    worse_by = Estimate(value=value, low=low, high=high, n=800)
    return Comparison(metric="log_loss", candidate=0.2, champion=0.2, worse_by=worse_by, rounds=100, seed=7)


@pytest.mark.parametrize(
    ("margin", "high", "verdict"),
    [(0.0, -0.001, "pass"), (0.0, 0.0, "pass"), (0.0, 0.001, "fail"), (0.002, 0.001, "pass"), (-0.01, -0.001, "fail")],
)
def test_the_champion_comparison_is_decided_by_the_bad_end(margin: float, high: float, verdict: str) -> None:
    result = judged(champion=Champion(margin=margin), comparison=comparison(-0.005, -0.01, high))["champion"]
    assert (result.verdict, result.value) == (verdict, high)


def by_share(share: float, had: float | None, high: float, metric: Any = "log_loss") -> GateResult:
    found = comparison(-0.005 if had is not None else None, -0.01, high)
    found = found.model_copy(update={"metric": metric, "champion": had})
    return judged(champion=Champion(metric=metric, margin_share=share), comparison=found)["champion"]


@pytest.mark.parametrize(
    ("had", "high", "verdict"),
    [(0.2, 0.0059, "pass"), (0.2, 0.0061, "fail"), (0.6, 0.0179, "pass"), (0.6, 0.0181, "fail"), (0.0, 0.0, "pass")],
)
def test_a_margin_can_be_a_share_of_what_the_champion_has(had: float, high: float, verdict: str) -> None:
    result = by_share(0.03, had, high)
    assert (result.verdict, result.threshold) == (verdict, pytest.approx(0.03 * had))
    assert result.check.endswith("worse than the champion's by high <= 3% of it")


def test_of_the_auc_a_share_is_taken_of_what_it_lacks_of_one() -> None:
    assert by_share(0.1, 0.7, 0.029, "auc").verdict == "pass"
    assert by_share(0.1, 0.7, 0.031, "auc").verdict == "fail"


def test_a_share_of_what_nobody_knows_is_no_pass() -> None:
    result = by_share(0.03, None, 0.0)
    assert (result.verdict, result.threshold) == ("no_data", None)
    first = judged(champion=Champion(margin_share=0.03))["champion"]
    assert (first.verdict, first.threshold) == ("pass", None)


@settings(deadline=None)
@given(st.floats(0.01, 0.9), st.floats(-0.3, 0.3), st.floats(-0.1, 0.1))
def test_a_share_and_its_margin_decide_alike(had: float, share: float, high: float) -> None:
    margin = Champion(margin=share * had)
    found = comparison(high, high, high).model_copy(update={"champion": had})
    assert by_share(share, had, high).verdict == judged(champion=margin, comparison=found)["champion"].verdict


def test_a_first_model_passes_and_says_why() -> None:
    result = judged()["champion"]
    assert (result.verdict, result.reason) == ("pass", "first model: nothing to beat")
    assert "first model: nothing to beat" in table([result])


def test_a_comparison_without_data_blocks() -> None:
    assert blocks(judged(comparison=comparison(None))["champion"])


def test_a_champion_that_is_not_required_does_not_block_without_data_and_does_when_it_is_better() -> None:
    free = Champion(required=False)
    unknown = judged(champion=free, comparison=comparison(None))["champion"]
    assert (unknown.verdict, blocks(unknown)) == ("no_data", False)
    assert blocks(judged(champion=free, comparison=comparison(0.01, 0.005, 0.02))["champion"])


def test_a_comparison_by_another_metric_is_an_error() -> None:
    with pytest.raises(FairleadError, match="decides by auc, but the models were compared by log_loss"):
        judged(champion=Champion(metric="auc"), comparison=comparison(0.0, 0.0, 0.0))


def test_what_was_not_measured_has_not_passed() -> None:
    results = judged(latency_p95_ms=None, parity_max_abs=Estimate(value=None, n=0))
    assert results["latency"].verdict == results["parity"].verdict == "no_data"
    with pytest.raises(GateFailed, match="stopped by latency, parity"):
        require(list(results.values()))


def test_latency_and_parity_have_limits() -> None:
    results = judged(latency_p95_ms=Estimate(value=101.0, n=9), parity_max_abs=Estimate(value=6e-6, n=9))
    assert results["latency"].verdict == results["parity"].verdict == "fail"


def test_the_leakage_gate_tells_what_was_kept_out_and_what_was_not() -> None:
    kept_out = judged()["leakage"]
    assert (kept_out.verdict, kept_out.value) == ("pass", 0.0)
    assert kept_out.reason.endswith("kept out: Term")
    leaks = judged(leakage=LeakageReport(rows=1000, sampled=900, findings=(SAFE, LEAK)))["leakage"]
    assert (leaks.verdict, leaks.value) == ("fail", 1.0)
    assert blocks(judged(leakage=LeakageReport(rows=30, sampled=30, findings=()))["leakage"])


def test_the_table_is_aligned() -> None:
    results = list(judged(Floor(gate="auc_floor", metric="auc", bound="low", minimum=0.6)).values())
    lines = table(results).splitlines()
    assert [part.strip() for part in lines[0].split("|")] == ["gate", "check", "threshold", "measured", "verdict"]
    assert lines[2].split(" | ")[0].strip() == "auc_floor"
    bars = {tuple(i for i, c in enumerate(line) if c == "|") for line in lines[2:7] if "offline" not in line}
    assert len(bars) == 1


def test_no_gate_at_all_is_no_pass() -> None:
    with pytest.raises(GateFailed, match="no gate was judged"):
        require([])


RESULTS = st.builds(
    GateResult,
    gate=st.sampled_from(["a", "b", "c"]),
    check=st.just("x >= 1"),
    threshold=st.just(1.0),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    verdict=st.sampled_from(["pass", "fail", "no_data"]),
    blocking=st.booleans(),
)


@settings(deadline=None)
@given(st.lists(RESULTS, min_size=1, max_size=8), st.randoms())
def test_one_blocking_result_that_is_no_pass_stops_in_any_order(results: list[GateResult], random: Any) -> None:
    shuffled = list(results)
    random.shuffle(shuffled)
    should_stop = any(r.blocking and r.verdict in ("fail", "no_data") for r in results)
    for order in (results, shuffled):
        if should_stop:
            with pytest.raises(GateFailed, match="gate"):
                require(order)
        else:
            require(order)


@settings(deadline=None)
@given(st.permutations(METRICS))
def test_the_order_of_the_metrics_does_not_matter(metrics: list[SliceMetrics]) -> None:
    floor = Floor(gate="g", metric="auc", slice="*", minimum=0.5)
    assert judged(floor, metrics=metrics) == judged(floor)


NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf])
ANY = st.none() | st.floats(0, 1) | NOT_FINITE


@settings(deadline=None)
@given(
    st.sampled_from(["low", "value", "high"]), st.booleans(), NOT_FINITE, ANY, ANY, st.sampled_from(["all", "year=*"])
)
def test_a_metric_that_is_not_a_finite_number_never_passes(
    bound: Any, at_least: bool, value: float, low: float | None, high: float | None, where: str
) -> None:
    limits = {"minimum": -1e9} if at_least else {"maximum": 1e9}
    floor = Floor(gate="g", metric="auc", slice=where, bound=bound, **limits)
    (result,) = verdict_of(floor, Estimate(value=value, low=low, high=high, n=5000))
    assert blocks(result)


@settings(deadline=None)
@given(NOT_FINITE)
def test_no_other_gate_passes_on_a_number_that_is_none(value: float) -> None:
    broken = Estimate(value=value, low=value, high=value, n=5000)
    results = judged(latency_p95_ms=broken, parity_max_abs=broken, comparison=comparison(value, value, value))
    assert {g for g, r in results.items() if blocks(r)} == {"champion", "latency", "parity"}
