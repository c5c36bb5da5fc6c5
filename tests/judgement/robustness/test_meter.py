import numpy as np
import pytest

from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.judgement.robustness.meter import Stopped, require_probabilities, starts
from components.judgement.row_rules import RowRules
from tests.judgement.robustness.toys import FIELDS, OWED, PAID, Linear, meter, row

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)
"""Flags who owes at least 300 more than was paid."""


def test_it_stops_an_attack_that_has_what_it_wants_and_counts_up_to_there() -> None:
    asked = meter(OWES_MORE, row(owed=450))
    with pytest.raises(Stopped):
        asked.ask(np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]))
    assert asked.asked == 2
    assert asked.found is not None
    assert (asked.found["owed"][0], asked.found["paid"][0]) == (350.0, 200.0)


def test_it_stops_an_attack_that_asks_too_much() -> None:
    asked = meter(OWES_MORE, row(owed=900), queries=5)
    probability, flipped = asked.ask(np.zeros((7, 2)))
    assert (len(probability), flipped.any(), asked.asked) == (5, False, 5)
    with pytest.raises(Stopped):
        asked.ask(np.zeros((1, 2)))
    assert asked.found is None


def test_an_example_beyond_the_budget_is_told_and_does_not_count() -> None:
    asked = meter(OWES_MORE, row(owed=900), reach=1.0)
    _, flipped = asked.ask(np.array([[1.0, 1.0], [0.05, 0.05]]))
    assert flipped.tolist() == [True, False]
    assert asked.found is None


def test_a_row_that_breaks_a_rule_has_not_the_other_decision() -> None:
    rules = RowRules([Rule(name="due", column="paid", expect="paid < owed - 250")], FIELDS)
    asked = meter(OWES_MORE, row(owed=450), rules=rules)
    _, flipped = asked.ask(np.array([[1.0, 1.0]]))
    assert flipped.tolist() == [False]


def test_scores_that_are_none_are_refused() -> None:
    with pytest.raises(FairleadError, match=r"gives nan for a probability \(1 of 2 rows\); allowed: 0 to 1"):
        require_probabilities(np.array([0.5, np.nan]))
    with pytest.raises(FairleadError, match=r"gives 1\.5"):
        require_probabilities(np.array([1.5]))
    with pytest.raises(FairleadError, match="gives nan"):
        meter(Linear({"owed": np.nan}, 0.0), row())


def test_an_attack_begins_at_the_corners() -> None:
    points = starts([OWED, PAID], 7, 0.5, np.random.default_rng(1))
    assert points[:3].tolist() == [[0.5, 0.5], [0.5, 0.0], [0.0, 0.5]]
    assert points.shape == (7, 2)
    assert points[3::2].max() <= 0.5
    assert 0 <= points.min() <= points.max() <= 1
