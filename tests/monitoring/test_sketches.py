import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Contract, Field
from components.core.errors import FairleadError
from components.monitoring.drift import category, numeric
from components.monitoring.sketch_plan import NumberPlan, plan_of
from components.monitoring.sketches import (
    NAMES,
    CategoryCounts,
    NumberCounts,
    Sketch,
    compare,
    merged,
    sketch_of,
    sketch_of_bundle,
)
from components.training.reference import reference

RNG = np.random.default_rng(43)
KINDS = {"x": "float", "c": "category", "d": "date"}


def rows(n: int, shift: float = 0.0, words: str = "abcd") -> pl.DataFrame:
    x = np.where(RNG.random(n) < 0.2, 0.0, RNG.normal(shift, 1, n))
    start = date(2004, 1, 1)
    return pl.DataFrame(
        {
            "x": pl.Series(np.where(RNG.random(n) < 0.05, np.nan, x)),
            "c": pl.Series(np.where(RNG.random(n) < 0.9, RNG.choice(list(words), n), None), dtype=pl.String),
            "d": [start + timedelta(days=int(day)) for day in RNG.integers(0, 300, n)],
        }
    )


REFERENCE = rows(20_000)
PLAN = plan_of(REFERENCE, KINDS)  # type: ignore[arg-type]
WHOLE = rows(5_000, shift=0.3, words="abcxyz")


def test_a_hundred_parts_in_any_order_are_the_whole() -> None:
    cuts = np.sort(RNG.integers(0, WHOLE.height, 99))
    parts = [sketch_of(part, PLAN) for part in np.split(np.arange(WHOLE.height), cuts) for part in [WHOLE[part]]]
    assert len(parts) == 100
    whole = sketch_of(WHOLE, PLAN).to_json()
    assert merged(parts, PLAN).to_json() == whole
    assert merged([parts[i] for i in RNG.permutation(100)], PLAN).to_json() == whole
    streamed = Sketch(PLAN)
    for start in range(0, WHOLE.height, 700):
        streamed.update(WHOLE[start : start + 700])
    assert streamed.to_json() == whole


@given(st.lists(st.lists(st.sampled_from([None, *"abcdefghij"]), max_size=8), max_size=6), st.randoms())
def test_the_names_of_others_do_not_hang_on_the_order(parts: list[list[str | None]], random: object) -> None:
    plan = plan_of(pl.DataFrame({"c": ["a"]}), {"c": "category"})
    sketches = [sketch_of(pl.DataFrame({"c": part}, schema={"c": pl.String}), plan) for part in parts]
    before = merged(sketches, plan).to_json()
    random.shuffle(sketches)  # type: ignore[attr-defined]
    assert merged(sketches, plan).to_json() == before


def test_rows_are_counted_once_each() -> None:
    found = sketch_of(WHOLE, PLAN)
    x, c = found.counts["x"], found.counts["c"]
    assert isinstance(x, NumberCounts)
    assert isinstance(c, CategoryCounts)
    assert (x.known, x.missing) == (WHOLE["x"].is_not_nan().sum(), WHOLE["x"].is_nan().sum())
    assert (c.known, c.missing) == (WHOLE["c"].count(), WHOLE["c"].null_count())
    assert c.other == WHOLE["c"].is_in(["x", "y", "z"]).sum()
    assert c.names == ("x", "y", "z")
    assert found.rows == 5_000


DRAWS = {
    "normal": lambda n: RNG.normal(size=n),
    "half one value": lambda n: np.where(RNG.random(n) < 0.5, 1.0, RNG.normal(size=n)),
    "rounded": lambda n: np.round(RNG.normal(size=n), 1),
    "many scales": lambda n: np.exp(3 * RNG.normal(size=n)),
    "single precision": lambda n: RNG.normal(size=n).astype(np.float32),
    "whole numbers": lambda n: RNG.poisson(40, size=n),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("other", ["normal", "half one value"])
def test_ks_is_off_by_a_thousandth_at_most(kind: str, other: str) -> None:
    old, new = pl.DataFrame({"x": DRAWS[kind](30_000)}), pl.DataFrame({"x": DRAWS[other](60_000)})
    plan = plan_of(old, {"x": "float"})
    found = compare(sketch_of(old, plan), sketch_of(new, plan), "x", "ks")
    exact = numeric.ks(numeric.samples(old["x"], new["x"]))
    assert found.size is not None
    assert exact.size is not None
    number = plan.columns["x"]
    assert isinstance(number, NumberPlan)
    assert -1e-12 <= exact.size - found.size <= number.error + 1e-12
    assert number.error <= 1e-3
    assert (found.p_value or 0) >= (exact.p_value or 0)


@pytest.mark.parametrize("test", ["psi", "jensen_shannon", "kl"])
@pytest.mark.parametrize("kind", DRAWS)
def test_divergences_are_those_of_the_rows(test: str, kind: str) -> None:
    old, new = pl.DataFrame({"x": DRAWS[kind](12_345)}), pl.DataFrame({"x": DRAWS["half one value"](7_000)})
    plan = plan_of(old, {"x": "float"})
    found = compare(sketch_of(old, plan), sketch_of(new, plan), "x", test)
    assert found.size == pytest.approx(numeric.tests[test](numeric.samples(old["x"], new["x"])).size)


@pytest.mark.parametrize("test", ["chi_square", "psi", "jensen_shannon"])
def test_categories_are_compared_as_the_rows_are(test: str) -> None:
    new = rows(5_000, words="abcdx")
    found = compare(sketch_of(REFERENCE, PLAN), sketch_of(new, PLAN), "c", test)
    exact = category.tests[test](category.table(REFERENCE["c"], new["c"]))
    assert found == pytest.approx(exact)


def test_missing_values_are_compared_too() -> None:
    found = compare(sketch_of(REFERENCE, PLAN), sketch_of(WHOLE.with_columns(c=None), PLAN), "c", "missing_share")
    assert found.size == pytest.approx(0.9, abs=0.02)
    nothing = compare(sketch_of(REFERENCE, PLAN), sketch_of(WHOLE.with_columns(c=None), PLAN), "c", "psi")
    assert nothing.reason == "one of the sketches has counted no value"


def test_a_feature_takes_ten_kilobytes_at_most() -> None:
    numbers = pl.DataFrame({"x": RNG.normal(size=9_000)})
    x = sketch_of(numbers, plan_of(numbers, {"x": "float"})).counts["x"]
    assert isinstance(x, NumberCounts)
    assert x.bins.nbytes <= 10_000
    many = pl.DataFrame({"c": [f"{i:064}{i}" for i in range(5_000)]})
    c = sketch_of(many, plan_of(many, {"c": "category"})).counts["c"]
    assert isinstance(c, CategoryCounts)
    assert c.kept.nbytes + sum(len(name) for name in c.names) <= 10_000
    assert len(c.names) == min(NAMES, len({name[:64] for name in many["c"]}))


def test_a_sketch_that_was_written_and_read_counts_on() -> None:
    again = Sketch.from_json(sketch_of(WHOLE, PLAN).to_json(), PLAN)
    again.update(REFERENCE)
    assert again.to_json() == merged([sketch_of(REFERENCE, PLAN), sketch_of(WHOLE, PLAN)], PLAN).to_json()


def test_two_plans_do_not_mix() -> None:
    other = plan_of(WHOLE, KINDS)  # type: ignore[arg-type]
    mine, theirs = sketch_of(WHOLE, PLAN), sketch_of(WHOLE, other)
    with pytest.raises(FairleadError, match="cannot be added"):
        mine.merge(theirs)
    with pytest.raises(FairleadError, match="cannot be compared"):
        compare(mine, theirs, "x", "ks")
    with pytest.raises(FairleadError, match="hand in its own"):
        Sketch.from_json(mine.to_json(), other)


def test_what_is_not_there_is_refused_by_name() -> None:
    mine = sketch_of(WHOLE, PLAN)
    with pytest.raises(FairleadError, match="unknown column of the sketch 'y'; allowed: x, c, d"):
        compare(mine, mine, "y", "ks")
    with pytest.raises(FairleadError, match="'wasserstein'; allowed: ks, psi"):
        compare(mine, mine, "x", "wasserstein")
    with pytest.raises(FairleadError, match="'new_categories'; allowed: chi_square"):
        compare(mine, mine, "c", "new_categories")
    with pytest.raises(FairleadError, match="'d'; allowed: x, c"):
        mine.update(WHOLE.drop("d"))


def _bundle_reference(frame: pl.DataFrame) -> dict[str, object]:
    fields = tuple(Field(name=name, kind=kind, nullable=True) for name, kind in KINDS.items())  # type: ignore[arg-type]
    contract = Contract.model_construct(inputs=fields, features=("f",))
    columns = {"x": frame["x"].to_numpy(), "c": frame["c"].to_numpy().astype(object), "d": frame["d"].to_numpy()}
    matrix = frame["x"].to_numpy()[:, None]
    told = reference(columns, matrix, RNG.random(frame.height), contract)
    return json.loads(json.dumps(told))


def test_a_bundles_reference_is_a_coarser_sketch() -> None:
    told = sketch_of_bundle(_bundle_reference(REFERENCE))
    assert list(told.counts) == ["x", "c", "d", "f", "probability"]
    features = {"f": pl.col("x"), "probability": pl.lit(0.5)}
    new = sketch_of(WHOLE.with_columns(**features), told.plan)
    itself = sketch_of(REFERENCE.with_columns(**features), told.plan)
    for name in ("x", "d", "f"):
        exact = numeric.ks(
            numeric.samples(REFERENCE["x" if name == "f" else name], WHOLE["x" if name == "f" else name])
        )
        assert compare(told, new, name, "ks").size == pytest.approx(exact.size, abs=0.0101)
        assert compare(told, itself, name, "ks").size == pytest.approx(0, abs=0.0101)
    assert compare(told, new, "c", "chi_square") == pytest.approx(compare(itself, new, "c", "chi_square"))
    assert compare(told, new, "x", "missing_share").size == pytest.approx(0, abs=0.02)
