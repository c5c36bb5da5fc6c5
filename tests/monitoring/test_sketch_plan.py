import numpy as np
import polars as pl
import pytest

from components.monitoring.sketch_plan import KEPT, MOST_BINS, CategoryPlan, NumberPlan, Plan, plan_number, plan_of

RNG = np.random.default_rng(41)


def edges_of(values: np.ndarray) -> np.ndarray:
    part = plan_of(pl.DataFrame({"x": values}), {"x": "float"}).columns["x"]
    assert isinstance(part, NumberPlan)
    return part.edges


DRAWS = {
    "normal": RNG.normal(size=50_000),
    "rounded": np.round(RNG.normal(size=50_000), 2),
    "one value": np.zeros(50),
    "small counts": RNG.poisson(2, 9_000),
    "700 values alike": RNG.integers(0, 700, 50_000),
    "crowded": np.sort(np.append(RNG.normal(size=4_000), np.repeat(np.arange(900.0), 50))),
    "few rows": RNG.normal(size=1_999),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_error_is_what_a_bin_holds_and_no_plan_takes_more_than_its_bins(name: str) -> None:
    values = np.sort(DRAWS[name].astype(float))
    part = plan_number(values)
    places = np.searchsorted(part.edges, values, side="left")
    worst = max(
        len(inside) / len(values) if part.edges[place] != np.nextafter(part.edges[place - 1], np.inf) else 0.0
        for place in np.unique(places)
        for inside in [values[places == place]]
    )
    assert part.error == pytest.approx(worst)
    assert len(part.edges) < MOST_BINS
    assert part.edges[-1] == values.max()
    if name not in ("few rows", "700 values alike", "crowded"):
        assert part.error <= 1e-3
    else:
        assert part.error <= 4e-3


def test_frequent_values_have_bins_of_a_single_number() -> None:
    edges = edges_of(np.array([1.0] * 500 + [2.0] * 500 + [3.0] * 5))
    assert {np.nextafter(2.0, 0.0), 2.0, 3.0} <= set(edges)
    assert edges_of(np.zeros(9)).tolist() == [np.nextafter(0.0, -1.0), 0.0]


def test_a_column_without_values_has_no_edges() -> None:
    assert len(edges_of(np.full(9, np.nan))) == 0


def test_dates_are_days() -> None:
    days = pl.DataFrame({"d": ["2004-01-01", "2004-01-03"]}).with_columns(pl.col("d").str.to_date())
    part = plan_of(days, {"d": "date"}).columns["d"]
    assert isinstance(part, NumberPlan)
    assert {12418.0, 12420.0} <= set(part.edges.tolist())


def test_the_most_frequent_values_are_kept_and_ties_go_by_alphabet() -> None:
    words = [str(i) for i in range(1000, 1500)]
    part = plan_of(pl.DataFrame({"c": [*words, "1499", None]}), {"c": "category"}).columns["c"]
    assert isinstance(part, CategoryPlan)
    assert len(part.values) == KEPT
    assert part.values[:3] == ("1499", "1000", "1001")


def test_a_plan_that_was_written_and_read_is_the_same() -> None:
    frame = pl.DataFrame({"x": RNG.normal(size=500), "c": RNG.choice(["a", "b"], 500)})
    plan = plan_of(frame, {"x": "float", "c": "category"})
    again = Plan.from_json(plan.to_json())
    assert again.fingerprint == plan.fingerprint
    assert plan_of(frame[:499], {"x": "float", "c": "category"}).fingerprint != plan.fingerprint
    number = again.columns["x"]
    assert isinstance(number, NumberPlan)
    assert number.edges.tolist() == edges_of(frame["x"].to_numpy()).tolist()


@pytest.mark.parametrize("kind", ["float", "category"])
def test_the_order_of_the_reference_is_nothing(kind: str) -> None:
    frame = pl.DataFrame({"x": RNG.integers(0, 9, 500).astype("U1") if kind == "category" else RNG.normal(size=500)})
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    assert plan_of(frame, {"x": kind}).fingerprint == plan_of(shuffled, {"x": kind}).fingerprint  # type: ignore[dict-item]
