import numpy as np
import polars as pl
import pytest

from pipelines.benchmarks.staged_batch import SHIFTS, TESTS, Shift, detected, still


def the(kind: str, size: str) -> Shift:
    return next(s for s in SHIFTS if (s.kind, s.size) == (kind, size))


@pytest.mark.parametrize(
    "shift", [s for s in SHIFTS if s.family == "numeric" and s.kind in ("tail", "shape")], ids=lambda s: s.kind
)
def test_a_change_of_shape_leaves_mean_and_spread(shift: Shift) -> None:
    rng = np.random.default_rng(1)
    before, after = (draw(rng, 200_000)["x"].to_numpy() for draw in (shift.before, shift.after))
    assert after.mean() == pytest.approx(before.mean(), abs=0.02)
    assert after.std() == pytest.approx(before.std(), rel=0.1)


def test_a_change_of_dependence_leaves_each_column() -> None:
    rng = np.random.default_rng(2)
    before, after = (draw(rng, 100_000) for draw in (the("dependence", "0.6 to 0").before, SHIFTS[-2].after))
    assert np.abs(after.to_numpy().std(axis=0) - before.to_numpy().std(axis=0)).max() < 0.02
    assert pl.DataFrame(before).select(pl.corr("x0", "x1")).item() == pytest.approx(0.6, abs=0.02)
    assert pl.DataFrame(after).select(pl.corr("x0", "x1")).item() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "size", "sees", "blind"),
    [
        ("mean", "+1 SD", {"ks", "psi", "wasserstein", "cramer_von_mises"}, set()),
        ("mean", "+0.2 SD", set(), {"ks", "psi", "wasserstein"}),
        ("mix", "20 % moved", {"chi_square", "psi", "jensen_shannon"}, {"new_categories"}),
        ("new value", "10 %", {"new_categories"}, set()),
        ("missing", "10 %", {"missing_share"}, set()),
        ("dependence", "0.6 to 0", set(TESTS["together"]), set()),
    ],
)
def test_what_is_found_is_counted_by_test(kind: str, size: str, sees: set[str], blind: set[str]) -> None:
    found = detected(the(kind, size), rows=1_000, windows=2, seed=3)
    assert set(found.rates) == set(TESTS[found.shift.family])
    assert {test for test in sees if found.rates[test] < 1} == set()
    assert {test for test in blind if found.rates[test] > 0} == set()


def test_a_world_that_stands_still_is_measured_for_every_test() -> None:
    found = still(rows=500, windows=2, seed=4)
    assert set(found.rates) == {"any test"} | {test for family in TESTS.values() for test in family}
    assert found.rates["any test"] <= 0.5
