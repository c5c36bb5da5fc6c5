import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.judgement.robustness.intervals import difference_of_pairs, draws, median, percentiles, share

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def cells(both: int, ours: int, theirs: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([True, True, False, False], [both, ours, theirs, neither])
    b = np.repeat([True, False, True, False], [both, ours, theirs, neither])
    return a, b


def test_matched_pairs_as_published() -> None:
    """A. Agresti, Categorical Data Analysis (2002), section 10.1.1: approval 880 then 944 of 1,600; -0.04 ± 0.019.

    Half a row in each cell changes nothing of that in the third digit.
    """
    found = difference_of_pairs(*cells(794, 86, 150, 570))
    assert found.value == pytest.approx(-0.04)
    assert found.low == pytest.approx(-0.0587, abs=5e-4)
    assert found.high == pytest.approx(-0.0213, abs=5e-4)


@settings(deadline=None)
@given(pairs)
def test_differences_turn_round_with_the_sides(drawn: list[tuple[bool, bool]]) -> None:
    ours, theirs = (np.array(side) for side in zip(*drawn, strict=True))
    one, other = difference_of_pairs(ours, theirs), difference_of_pairs(theirs, ours)
    assert one.value == -other.value  # type: ignore[operator]
    assert one.low == pytest.approx(-other.high)  # type: ignore[operator]
    assert -1 <= one.low <= one.value <= one.high <= 1  # type: ignore[operator]


def test_no_difference_on_few_rows_is_not_certain() -> None:
    found = difference_of_pairs(np.ones(10, dtype=bool), np.ones(10, dtype=bool))
    assert found.value == 0
    assert found.high is not None
    assert found.high > 0.1


def test_the_interval_of_a_median_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    found = [median(rng.exponential(size=17)) for _ in range(2_000)]
    covered = np.mean([f.low <= np.log(2) <= f.high for f in found])  # type: ignore[operator]
    assert 0.94 < covered < 0.97  # 95.1 % by the binomial law


def test_without_rows_there_is_no_value() -> None:
    nobody = np.array([], dtype=bool)
    assert share(nobody).value is difference_of_pairs(nobody, nobody).value is median([]).value is None
    assert median([1, 2, 3, 4, 5]).value is None
    assert median([1, 2, 3, 4, 5, 6]).low == 1


def test_draws_begin_with_all_rows_and_keep_their_number() -> None:
    drawn = draws(30, 5, 7)
    assert drawn.shape == (6, 30)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == 30).all()
    assert np.array_equal(drawn, draws(30, 5, 7))
    assert percentiles(np.array([0.5, *np.linspace(0, 1, 101)]), 9).high == pytest.approx(0.975)
