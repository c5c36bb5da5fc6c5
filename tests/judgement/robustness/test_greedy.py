import numpy as np
import pytest

from components.core.contracts import Columns
from components.core.row_rule import Rule
from components.judgement.robustness.greedy import greedy
from components.judgement.row_rules import RowRules
from tests.judgement.robustness.toys import FIELDS, Linear, Sawtooth, aim, row

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)


def attack(model: Linear, start: Columns, **how: object) -> tuple[int, Columns | None]:
    asked, found = greedy(aim(model, **how), start, [np.random.default_rng(3)])  # type: ignore[arg-type]
    return int(asked[0]), found[0]


@pytest.mark.parametrize(("owed", "succeeds"), [(450.0, True), (590.0, True), (601.0, False)])
def test_it_succeeds_where_a_move_within_the_budget_can(owed: float, succeeds: bool) -> None:
    # From 100 paid, the farthest corner is 200 better.
    asked, found = attack(OWES_MORE, row(owed=owed), queries=205)
    assert (found is not None) == succeeds
    assert asked == (1 if succeeds else 205)


def test_it_finds_what_no_corner_has() -> None:
    _, found = attack(Sawtooth({}, 0.0), row())
    assert found is not None
    assert np.floor(found["paid"][0]) % 10 == 3


def test_it_goes_for_a_flag_where_there_is_none() -> None:
    _, found = attack(Linear({"paid": 1.0}, -190.0), row(paid=100))
    assert found is not None
    assert found["paid"][0] >= 190


def test_it_follows_scores_to_where_chance_hardly_comes() -> None:
    """The decision turns in a spot that holds 1 point in 10,000, away from the corners that are tried first."""

    class Pit(Linear):
        def probability(self, rows, /):
            far = np.abs(rows["paid"] - 137) + np.abs(rows["owed"] - 463)
            return np.clip(0.5 + (far - 0.7) / 400, 0.0, 1.0)

    asked, found = attack(Pit({}, 0.0), row(), queries=1_000)
    assert found is not None
    assert asked > 100


def test_a_narrow_way_past_a_rule_is_found() -> None:
    rules = RowRules([Rule(name="odd", column="paid", expect="paid < 101 AND owed > 350")], FIELDS)
    _, found = attack(OWES_MORE, row(owed=450), queries=500, rules=rules)
    assert found is not None
    assert found["paid"][0] < 101
