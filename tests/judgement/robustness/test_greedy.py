import numpy as np
import pytest

from components.core.use_case import Rule
from components.judgement.robustness.greedy import greedy
from components.judgement.row_rules import RowRules
from tests.judgement.robustness.toys import FIELDS, Linear, Sawtooth, meter, row

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)


@pytest.mark.parametrize(("owed", "succeeds"), [(450.0, True), (590.0, True), (601.0, False)])
def test_it_succeeds_where_a_move_within_the_budget_can(owed: float, succeeds: bool) -> None:
    # From 100 paid, the farthest corner is 200 better.
    attacked = meter(OWES_MORE, row(owed=owed))
    greedy(attacked, np.random.default_rng(3))
    assert (attacked.found is not None) == succeeds
    assert attacked.asked == (1 if succeeds else 200)


def test_it_finds_what_no_corner_has() -> None:
    attacked = meter(Sawtooth({}, 0.0), row())
    greedy(attacked, np.random.default_rng(3))
    assert attacked.found is not None
    assert np.floor(attacked.found["paid"][0]) % 10 == 3


def test_it_goes_for_a_flag_where_there_is_none() -> None:
    attacked = meter(Linear({"paid": 1.0}, -190.0), row(paid=100))
    assert attacked.decision == 0
    greedy(attacked, np.random.default_rng(3))
    assert attacked.found is not None
    assert attacked.found["paid"][0] >= 190


def test_a_narrow_way_past_a_rule_is_found() -> None:
    rules = RowRules([Rule(name="odd", column="paid", expect="paid < 101 AND owed > 350")], FIELDS)
    attacked = meter(OWES_MORE, row(owed=450), queries=500, rules=rules)
    greedy(attacked, np.random.default_rng(3))
    assert attacked.found is not None
    assert attacked.found["paid"][0] < 101
