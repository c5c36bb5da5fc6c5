import numpy as np
import pytest

from components.judgement.robustness import art_attacks
from components.judgement.robustness.meter import Meter
from tests.judgement.robustness.toys import Linear, Sawtooth, aim, meter, row

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)
ATTACKS = [art_attacks.hop_skip_jump, art_attacks.boundary, art_attacks.zoo]
FROM_AFAR = ATTACKS[:2]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(("owed", "succeeds"), [(470.0, True), (601.0, False)])
def test_it_succeeds_where_a_move_within_the_budget_can(attack, owed: float, succeeds: bool) -> None:
    reach = 1.0 if attack in FROM_AFAR else 0.1
    attacked = meter(OWES_MORE, row(owed=owed), reach)
    attack(attacked, np.random.default_rng(3))
    assert (attacked.found is not None) == succeeds
    assert attacked.asked <= 200


@pytest.mark.parametrize("attack", FROM_AFAR)
def test_an_example_from_afar_is_brought_home(attack) -> None:
    """Paying 30 to 50 more flips the decision once 98 less is owed: by chance 1 point in 250 within the budget of 100,
    which 60 draws meet 2 or 3 times in 12; and 1 in 50 from afar, whence a walk has to come."""

    class Corridor(Linear):
        def probability(self, rows, /):
            paid, owed = rows["paid"] - 100, 700 - rows["owed"]
            return np.where((paid > 30) & (paid < 50) & (owed > 98), 0.1, 0.9)

    hits = 0
    for seed in range(12):
        attacked = Meter(aim(Corridor({}, 0.0), queries=300), row(owed=700), 1.0)
        attack(attacked, np.random.default_rng(seed))
        hits += attacked.found is not None
    assert hits >= 7


@pytest.mark.parametrize("attack", ATTACKS)
def test_equal_seeds_ask_the_same_and_the_global_generator_stays_as_it_was(attack) -> None:
    np.random.seed(11)
    before = np.random.get_state()[1].tolist()
    asked = []
    for _ in range(2):
        attacked = Watched(aim(OWES_MORE, queries=80), row(owed=700), 1.0)
        attack(attacked, np.random.default_rng(5))
        asked.append(np.concatenate(attacked.points))
    assert np.array_equal(asked[0], asked[1])
    assert np.random.get_state()[1].tolist() == before


class Watched(Meter):
    """A meter that keeps what it was asked."""

    def __init__(self, *given) -> None:
        super().__init__(*given)
        self.points: list[np.ndarray] = []

    def ask(self, points):
        self.points.append(np.array(points))
        return super().ask(points)


def test_where_scores_are_flat_attacks_end_all_the_same() -> None:
    flat = Linear({}, 50.0)
    for attack in ATTACKS:
        attacked = meter(flat, row(), 1.0, queries=60)
        attack(attacked, np.random.default_rng(1))
        assert attacked.found is None
        assert attacked.asked <= 60


def test_the_last_digits_are_found_by_starts_of_their_own() -> None:
    attacked = meter(Sawtooth({}, 0.0), row(), 1.0)
    art_attacks.hop_skip_jump(attacked, np.random.default_rng(3))
    assert attacked.found is not None
