"""A budget that cannot be overspent, by one process or by many."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.data.privacy_budget import Budget, Spending, read_budget, spend_from

FULL = Budget(table="ab" * 32, epsilon=1.0, delta=1e-5)


def spending(epsilon: float, delta: float = 0.0) -> Spending:
    return Spending(epsilon=epsilon, delta=delta, what="a report")


def test_ten_tenths_are_one_and_no_more() -> None:
    budget = FULL
    for _ in range(10):
        budget = budget.spend(spending(0.1, 1e-6))
    assert budget.left == (0.0, 0.0)
    with pytest.raises(FairleadError, match=r"a report would spend epsilon 1e-09, delta 0 of table ababababab"):
        budget.spend(spending(1e-9))


def test_delta_is_a_budget_too() -> None:
    with pytest.raises(FairleadError, match=r"left of epsilon 1, delta 1e-05: epsilon 1, delta 1e-05"):
        FULL.spend(spending(0.1, 2e-5))


@given(st.lists(st.floats(1e-6, 2.0), max_size=20))
def test_whatever_is_asked_in_whatever_order_the_total_holds(amounts: list[float]) -> None:
    budget = FULL
    for amount in amounts:
        try:
            budget = budget.spend(spending(amount))
        except FairleadError:
            assert amount > budget.left[0] * (1 - 1e-12)
    assert sum(s.epsilon for s in budget.spent) <= 1.0 + 1e-12


def test_the_file_keeps_what_was_spent(tmp_path: Path) -> None:
    path = tmp_path / "privacy" / "table.json"
    assert read_budget(path) is None
    spend_from(path, FULL, spending(0.75))
    with pytest.raises(FairleadError, match=r"epsilon 0.25, delta 1e-05. Ask for less"):
        spend_from(path, FULL, spending(0.5))
    after = spend_from(path, FULL, spending(0.25))
    assert read_budget(path) == after
    assert [s.epsilon for s in after.spent] == [0.75, 0.25]


def test_of_many_at_a_time_only_so_many_get_through(tmp_path: Path) -> None:
    path = tmp_path / "table.json"

    def one(_: int) -> bool:
        try:
            spend_from(path, FULL, spending(0.25))
        except FairleadError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(16))) == 4


def test_the_total_is_set_once_and_is_of_one_table(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    spend_from(path, FULL, spending(0.5))
    with pytest.raises(FairleadError, match="was set to epsilon 1, delta 1e-05; found epsilon 9, delta 1e-05"):
        spend_from(path, FULL.model_copy(update={"epsilon": 9.0}), spending(0.1))
    with pytest.raises(FairleadError, match="is the budget of table abab"):
        spend_from(path, FULL.model_copy(update={"table": "cd" * 32}), spending(0.1))


def test_a_broken_file_is_no_full_budget(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("{}")
    with pytest.raises(FairleadError, match="is no privacy budget"):
        spend_from(path, FULL, spending(0.1))
