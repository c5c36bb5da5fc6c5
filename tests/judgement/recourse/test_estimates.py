import pytest

from components.judgement.recourse.estimates import MINIMUM, difference, mean, share

SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
"""Additional hours of sleep: Student, "The probable error of a mean", 1908; R's data set ``sleep``."""


def test_mean_of_students_own_data_has_the_published_interval() -> None:
    found = mean("hours", SLEEP).estimate
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)


def test_difference_has_the_published_interval() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table II, example (a), method 10: 56 of 70 and 48 of 80."""
    found = difference("d", [True] * 56 + [False] * 14, [True] * 48 + [False] * 32, "women").estimate
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert found.n == 70


def test_too_few_cases_say_nothing_and_why() -> None:
    few = [True] * (MINIMUM - 1)
    for found in (share("s", few), mean("m", [1.0] * len(few)), difference("d", few, few * 9, "women")):
        assert found.estimate.value is None
        assert found.estimate.n == len(few)
        assert found.reason.startswith("not enough data: 4 declined rows")
    assert share("s", []).estimate.n == 0


def test_a_mean_keeps_to_its_range() -> None:
    found = mean("cover", [1, 1, 1, 1, 0.2], most=1).estimate
    assert found.high == 1
    assert mean("changes", [0, 0, 0, 0, 1]).estimate.low == 0
