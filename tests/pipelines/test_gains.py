import math

from hypothesis import given
from hypothesis import strategies as st

from pipelines.benchmarks.serving.gains import LADDER, steps, told

NAMES = list(dict.fromkeys(name for a, b, _ in LADDER for name in (a, b)))


@given(st.lists(st.floats(1, 1e5), min_size=len(NAMES), max_size=len(NAMES)))
def test_the_steps_multiply_to_the_whole(values: list[float]) -> None:
    rates = dict(zip(NAMES, values, strict=True))
    product = math.prod(step.factor for step in steps(rates))
    assert math.isclose(product, rates[NAMES[-1]] / rates[NAMES[0]], rel_tol=1e-9)


def test_a_server_that_is_missing_takes_both_its_steps_along_and_that_is_said() -> None:
    rates = {name: 100.0 for name in NAMES if name != "no-lane"}
    lines = told("1 row", rates, rates)
    assert len(steps(rates)) == len(LADDER) - 2
    assert "2 steps could not be told apart" in lines[-1]


def test_no_steps_are_told_from_nothing() -> None:
    (line,) = told("1 row", {"fairlead": 100.0}, {"fairlead": 1.0})
    assert "not to be told" in line
