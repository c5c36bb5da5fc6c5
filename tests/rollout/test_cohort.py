"""Keys are spread evenly, always alike, and anew for each rollout."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.rollout.cohort import cohort


@given(st.text(), st.text())
def test_it_is_a_hundredth_and_stays(key: str, salt: str) -> None:
    assert cohort(key, salt) in range(100)
    assert cohort(key, salt) == cohort(key, salt)


def test_it_is_even() -> None:
    counts = Counter(cohort(f"customer-{n}", "a") for n in range(20_000))
    statistic = sum((count - 200) ** 2 / 200 for count in counts.values())
    assert len(counts) == 100
    assert statistic < 165  # 99 degrees of freedom: exceeded by chance once in 30,000


def test_salts_are_independent() -> None:
    both = sum(cohort(str(n), "a") < 50 and cohort(str(n), "b") < 50 for n in range(10_000))
    assert abs(both - 2500) < 220
