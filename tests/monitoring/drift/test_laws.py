"""Laws that every drift test keeps; new tests are found by themselves, and what a law does not hold for says why."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core import watching
from components.monitoring.drift import category, embedding, multivariate, numeric
from components.monitoring.drift.columns import measure_column
from components.monitoring.drift.effect import Effect

RNG = np.random.default_rng(31)


class Law(NamedTuple):
    """One test with samples it can be given: ``draw(n, shift)`` makes one, ``run`` compares two."""

    draw: Callable[[int, float], Any]
    run: Callable[[Any, Any], Effect]
    shuffle: Callable[[Any], Any]


def _numbers(n: int, shift: float) -> pl.Series:
    return pl.Series(RNG.normal(shift, 1, n).round(2))


def _words(n: int, shift: float) -> pl.Series:
    return pl.Series(RNG.choice([*"abcde", "z"], n, p=[0.4, 0.3, 0.2, 0.1 - shift / 40, 0, shift / 40]))


def _rows(n: int, shift: float) -> np.ndarray:
    x = RNG.normal(size=n)
    # Besides moving, the columns come apart.
    return np.column_stack([x, x + (0.2 + shift) * RNG.normal(size=n), RNG.normal(shift, 1, n)])


def _vectors(n: int, shift: float) -> np.ndarray:
    return RNG.normal([2 - shift / 2, shift, 0, 0], 1, (n, 4))


def _laws() -> dict[str, Law]:
    series = lambda s: s.sample(fraction=1, shuffle=True, seed=1)  # noqa: E731
    found = {}
    for name, test in numeric.tests.items():
        found[f"numeric/{name}"] = Law(_numbers, lambda a, b, t=test: t(numeric.samples(a, b)), series)
    for name, test in category.tests.items():
        found[f"category/{name}"] = Law(_words, lambda a, b, t=test: t(category.table(a, b)), series)
    for kind, tests, draw in (("multivariate", multivariate.tests, _rows), ("embedding", embedding.tests, _vectors)):
        for name, run in tests.items():
            found[f"{kind}/{name}"] = Law(draw, lambda a, b, t=run: t(a, b, 7), lambda m: RNG.permutation(m))
    return found


LAWS = _laws()
halved = "draws halves by position, so that it is near the same and not equal"
not_symmetric = {
    "numeric/wasserstein": "its unit is the reference's",
    "numeric/psi": "its bins are the reference's",
    "numeric/jensen_shannon": "its bins are the reference's",
    "numeric/kl": "its bins are the reference's, and the divergence has a direction",
    "category/new_categories": "new is what the reference lacks",
    "multivariate/domain_classifier": halved,
    "multivariate/pca_reconstruction": "the components are the reference's",
    "embedding/mean_cosine": "the centroid is the reference's",
}
heeds_order = {
    "multivariate/domain_classifier": halved,
    "multivariate/pca_reconstruction": halved,
    "embedding/mean_cosine": halved,
}
not_zero_for_itself = {
    "multivariate/domain_classifier": "an area under the curve, 0.5 when nothing can be told apart",
    "multivariate/pca_reconstruction": "holds one half of the reference against all rows",
    "embedding/mean_cosine": "holds one half of the reference against all rows",
}
not_of_ranks = {"numeric/wasserstein": "tells lengths"}


@pytest.fixture(autouse=True)
def fewer_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PERMUTATIONS", 1_999)


def names(*without: dict[str, str]) -> list[str]:
    return [name for name in LAWS if not any(name in skipped for skipped in without)]


def test_the_lists_of_exceptions_name_tests_that_exist() -> None:
    listed = {*not_symmetric, *heeds_order, *not_zero_for_itself, *not_of_ranks}
    assert listed <= set(LAWS)


@pytest.mark.parametrize("name", names(not_zero_for_itself))
def test_a_sample_beside_itself_is_no_drift(name: str) -> None:
    sample = LAWS[name].draw(300, 0.0)
    found = LAWS[name].run(sample, sample)
    assert found.size == pytest.approx(0, abs=1e-7)
    assert found.p_value is None or found.p_value > 0.3


@pytest.mark.parametrize("name", names(not_symmetric))
def test_both_directions_give_the_same(name: str) -> None:
    one, other = LAWS[name].draw(300, 0.0), LAWS[name].draw(200, 1.0)
    assert LAWS[name].run(one, other).size == pytest.approx(LAWS[name].run(other, one).size)


@pytest.mark.parametrize("name", names(heeds_order))
def test_the_order_of_rows_is_nothing(name: str) -> None:
    law = LAWS[name]
    one, other = law.draw(300, 0.0), law.draw(200, 1.0)
    assert law.run(one, other).size == pytest.approx(law.run(law.shuffle(one), law.shuffle(other)).size)


@pytest.mark.parametrize("name", names())
def test_more_drift_is_more_and_sizes_and_p_values_are_such(name: str) -> None:
    law = LAWS[name]
    reference = law.draw(1_000, 0.0)
    found = [law.run(reference, law.draw(1_000, shift)) for shift in (0.0, 0.8, 3.0)]
    sizes = [effect.size for effect in found]
    assert sizes == sorted(sizes)
    assert 0 <= sizes[0] < sizes[1] < sizes[2]
    for effect in found:
        assert effect.reason == ""
        assert effect.p_value is None or 0 <= effect.p_value <= 1
    assert found[2].p_value is None or found[2].p_value < 1e-3


@pytest.mark.parametrize("name", [name for name in names(not_of_ranks) if name.startswith("numeric/")])
@given(data=st.data())
def test_a_change_of_unit_on_both_sides_is_nothing(name: str, data: st.DataObject) -> None:
    # Whole numbers, so that no two of them become one by rounding.
    sides = [data.draw(st.lists(st.integers(-30, 30), min_size=2, max_size=40)) for _ in range(2)]
    before = LAWS[name].run(*(pl.Series(side, dtype=pl.Float64) for side in sides))
    after = LAWS[name].run(*(pl.Series(np.exp(np.array(side) / 7)) for side in sides))
    assert before.size == (None if after.size is None else pytest.approx(after.size))
    assert before.p_value == (None if after.p_value is None else pytest.approx(after.p_value))


@pytest.mark.parametrize("kind", ["numeric", "category"])
def test_missing_values_change_no_test_but_that_of_missing_values(kind: str) -> None:
    tests = numeric.tests if kind == "numeric" else category.tests
    settings = watching.Drift(**{kind: tuple(tests)}, minimum_rows=100)
    sort = "float" if kind == "numeric" else "category"
    old, new = LAWS[f"{kind}/psi"].draw(300, 0.0), LAWS[f"{kind}/psi"].draw(200, 1.0)
    gaps = pl.Series([None, float("nan")] * 50) if kind == "numeric" else pl.Series([None] * 100, dtype=pl.String)
    whole = measure_column("x", sort, old, new, settings)
    holed = measure_column("x", sort, old, pl.concat([gaps, new]), settings)
    assert [line.effect for line in whole] == [line.effect for line in holed[:-1]]
    assert holed[-1].test == "missing_share"
    assert holed[-1].effect.size == pytest.approx(1 / 3)
    few = measure_column("x", sort, old, pl.concat([gaps, new[:99]]), settings)
    assert all(line.effect.size is None and "99 values" in line.effect.reason for line in few[:-1])
