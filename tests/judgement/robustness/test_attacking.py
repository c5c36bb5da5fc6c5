import numpy as np
import pytest

from components.core.errors import FairleadError
from components.judgement.robustness.attacking import ATTACKS, draw, run_attack, success_by_budget
from tests.judgement.robustness.toys import FIELDS, Linear, Sawtooth, aim

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)


def rows(owed: list[float]) -> dict[str, np.ndarray]:
    n = len(owed)
    return {"owed": np.array(owed), "paid": np.full(n, 100.0), "late": np.ones(n), "age": np.full(n, 40.0)}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_rows_outcome_hangs_on_no_other_row_and_every_example_holds(name: str) -> None:
    outcome = run_attack(name, aim(OWES_MORE, queries=100), rows([430.0, 620.0, 500.0]), FIELDS, 7)
    alone = run_attack(name, aim(OWES_MORE, queries=100), rows([430.0]), FIELDS, 7)
    assert outcome.success.tolist() == [True, False, True]
    assert outcome.refused == 0
    assert outcome.asked[0] == alone.asked[0]
    assert outcome.found[0] is not None
    assert alone.found[0] is not None
    assert outcome.found[0]["owed"] == alone.found[0]["owed"]
    assert outcome.found[1] is None


def test_an_example_that_does_not_hold_does_not_count() -> None:
    class Fickle(Linear):
        """Answers otherwise the second time."""

        asked = 0

        def probability(self, rows, /):
            type(self).asked += 1
            return np.full(len(rows["owed"]), 0.1 if type(self).asked == 2 else 0.9)

    outcome = run_attack("greedy", aim(Fickle({}, 0.0)), rows([430.0]), FIELDS, 7)
    assert (outcome.success.tolist(), outcome.refused, outcome.found) == ([False], 1, (None,))


def test_success_rises_with_the_budget_to_what_theory_says() -> None:
    """From 100 paid, ``owed`` can come down and ``paid`` up by the budget each: 400 + 2000 · budget is the border."""
    start = rows([410.0, 490.0, 590.0, 610.0, 790.0])
    curve = success_by_budget(aim(OWES_MORE), [0.2, 0.05, 0.1, 0.1], start, FIELDS, 7)
    assert list(curve) == [0.05, 0.1, 0.2]
    assert [int(s.sum()) for s in curve.values()] == [2, 3, 5]


def test_a_brittle_model_falls_where_a_steady_one_stands() -> None:
    start = rows([700.0 + i for i in range(20)])
    assert run_attack("greedy", aim(OWES_MORE), start, FIELDS, 7).success.sum() == 0
    assert run_attack("greedy", aim(Sawtooth({}, 0.0)), start, FIELDS, 7).success.all()


def test_an_unknown_attack_is_told() -> None:
    with pytest.raises(FairleadError, match=r"attack 'fgsm'.*hop_skip_jump"):
        run_attack("fgsm", aim(OWES_MORE), rows([430.0]), FIELDS, 7)


def test_rows_are_drawn_in_order_and_without_repeats() -> None:
    pool = np.arange(50) % 2 == 0
    chosen = draw(pool, 10, 7)
    assert len(set(chosen.tolist())) == 10
    assert pool[chosen].all()
    assert (np.diff(chosen) > 0).all()
    assert draw(pool, 99, 7).tolist() == list(range(0, 50, 2))
    assert not np.array_equal(chosen, draw(pool, 10, 8))
