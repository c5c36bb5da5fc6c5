import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chi2_contingency, contingency, fisher_exact

from components.monitoring.drift import category
from components.monitoring.drift.category import Table, table

RNG = np.random.default_rng(5)


def counts(least: int, most: int, values: int = 12) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    side = st.integers(least, most)
    return st.integers(2, values).flatmap(lambda k: st.tuples(*(hnp.arrays(np.int64, k, elements=side),) * 2))


@given(counts(10, 500))
def test_chi_square_is_scipys(both: tuple[np.ndarray, np.ndarray]) -> None:
    found = Table(*both)
    cells = np.stack(found.cells)
    ours = category.chi_square(found)
    sparse = cells.shape[1] == 2 and contingency.expected_freq(cells).min() < 5
    theirs = fisher_exact(cells) if sparse else chi2_contingency(cells, correction=False)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    if both[0].sum() == both[1].sum():
        assert ours.size == pytest.approx(contingency.association(np.stack(found.cells), method="cramer"))


def test_cramers_v_does_not_shrink_as_the_reference_grows() -> None:
    small = Table(np.array([500, 300, 200]), np.array([400, 300, 300]))
    large = Table(small.reference * 50, small.current)
    v = contingency.association(np.stack([small.reference, small.current]), method="cramer")
    assert category.chi_square(small).size == category.chi_square(large).size == pytest.approx(v)


@given(counts(0, 40, values=60))
def test_cells_lose_no_row_and_expect_enough(both: tuple[np.ndarray, np.ndarray]) -> None:
    old, new = both
    some = old + new > 0
    if not (old.sum() and new.sum()):
        return
    cells = Table(old[some], new[some]).cells
    assert [side.sum() for side in cells] == [old.sum(), new.sum()]
    share = min(old.sum(), new.sum()) / (old.sum() + new.sum())
    if len(cells[0]) > 2:
        assert ((cells[0] + cells[1]) * share >= 5 - 1e-9).all()
    assert len(cells[0]) <= category.CELLS + 1


def test_rare_values_share_a_cell() -> None:
    found = Table(np.array([500, 480, 4, 3, 3, 0]), np.array([490, 490, 3, 3, 2, 2]))
    assert [side.tolist() for side in found.cells] == [[500, 480, 10], [490, 490, 10]]


def test_values_that_are_all_different_cannot_be_compared() -> None:
    ids = Table(np.repeat([1, 0], 300), np.repeat([0, 1], 300))
    assert category.chi_square(ids).size is None
    assert "frequent enough" in category.chi_square(ids).reason
    assert category.psi(ids).size is None
    assert category.new_categories(ids).size == 0


def test_one_value_alone_is_equal_to_itself() -> None:
    alone = Table(np.array([300]), np.array([700]))
    assert [category.tests[name](alone).size for name in category.tests] == [0, 0, 0, 0]
    assert category.psi(alone).p_value is None


def test_a_new_value_is_new_beyond_what_is_expected() -> None:
    # 50 of 1,000 reference rows have a value seen once: 5 % of the current rows may have values never seen.
    reference = np.concatenate([[950], np.ones(50, int), [0]])
    current = np.concatenate([[700], np.zeros(50, int), [300]])
    found = category.new_categories(Table(reference, current))
    assert found.size == pytest.approx(0.3 - 0.05)
    assert found.p_value is not None
    assert found.p_value < 1e-12


def test_one_value_with_few_rows_has_its_exact_chance() -> None:
    # Five rows of one value, all of them current: half ** 5 when both sides are of one length.
    found = category.new_categories(Table(np.array([1000, 0]), np.array([995, 5])))
    assert found.p_value == pytest.approx(0.5**5, rel=1e-3)


def test_a_frequent_new_value_cannot_be_chance() -> None:
    found = category.new_categories(Table(np.array([1000, 0]), np.array([0, 1000])))
    assert found.p_value == pytest.approx(0, abs=1e-300)
    assert found.size == 1


@pytest.mark.parametrize("share", [0.5, 0.2, 0.8])
def test_an_open_domain_does_not_alarm_for_being_open(share: float) -> None:
    """Values as frequent as Zipf's law has them, dealt to both sides: there are always new ones."""
    rows = 1 + RNG.zipf(1.6, size=4_000) % 5_000
    wrong, new = 0, 0.0
    for _ in range(200):
        mine = RNG.random(len(rows)) < share
        found = category.new_categories(table(pl.Series(rows[~mine]), pl.Series(rows[mine])))
        assert found.size is not None
        assert found.p_value is not None
        wrong += found.p_value <= 0.05
        new += found.size
    assert wrong <= 10
    assert new / 200 < 0.01


def test_values_are_counted_by_code_where_both_sides_share_them() -> None:
    old, new = pl.Series(["b", "a", None, "b"]), pl.Series(["c", "b"])
    plain = table(old, new)
    for kind in (pl.Categorical, pl.Enum(["a", "b", "c", "never"])):
        coded = table(old.cast(kind), new.cast(kind))
        assert sorted(zip(coded.reference, coded.current, strict=True)) == sorted(
            zip(plain.reference, plain.current, strict=True)
        )
    mixed = table(old.cast(pl.Categorical), new)
    assert mixed.reference.sum() == 3
    assert table(pl.Series([1, 2]), pl.Series(["1", "3"])).reference.tolist().count(1) == 2


def test_psi_of_categories_is_the_textbooks() -> None:
    found = category.psi(Table(np.array([700, 300]), np.array([500, 500])))
    assert found.size == pytest.approx(0.2 * math.log(5 / 3) + 0.2 * math.log(7 / 5))


def test_a_rare_flag_is_tested_exactly() -> None:
    found = category.chi_square(Table(np.array([1000, 1]), np.array([196, 4])))
    assert found.p_value == fisher_exact([[1000, 1], [196, 4]]).pvalue
    assert category.chi_square(Table(np.array([1000, 1]), np.array([200, 0]))).p_value == 1
