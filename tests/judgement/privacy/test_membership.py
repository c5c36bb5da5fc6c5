"""Attacks on models whose memory is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.judgement.privacy.membership import (
    ATTACKS,
    Answers,
    Attacked,
    advantages,
    areas,
    attack,
    attack_blind,
    gains,
    losses,
    rates_at_few_false_positives,
    two_folds,
)

N = 600


def rows(seed: int = 1) -> Attacked:
    rng = np.random.default_rng(seed)
    members = np.arange(N) < N // 2
    labels = (rng.random(N) < 0.5).astype(float)
    return Attacked(labels, members, two_folds(members, labels, seed))


def answers(p: np.ndarray) -> Answers:
    return Answers(p, (p >= 0.5).astype(float))


def knowing(where: Attacked, share: float) -> np.ndarray:
    """Probabilities that know a share of the members' outcomes by heart and guess all other rows."""
    rng = np.random.default_rng(2)
    known = where.members & (rng.random(N) < share)
    return np.where(known, 0.05 + 0.9 * where.labels, rng.uniform(0.3, 0.7, N))


def test_a_model_that_knows_its_rows_by_heart_is_caught_by_every_attack() -> None:
    where = rows()
    reference = np.full(N, 0.5)
    scores = attack(where, answers(knowing(where, 1.0)), [reference], seed=7)
    assert list(scores) == list(ATTACKS)
    found = areas(where, scores)
    assert found["rule"].value == pytest.approx(0.75, abs=0.05)  # every member, and half of the others by luck
    for name in ("loss", "forest", "reference"):
        assert found[name].value == pytest.approx(1.0, abs=0.01)
        assert (advantages(where, scores)[name].low or 0) > 0.9
        assert (rates_at_few_false_positives(where, scores)[name].low or 0) > 0.9
    blind = attack_blind(where, answers(reference), reference, seed=7)
    assert (gains(where, scores, blind)["all"].low or 0) > 0.4


def test_a_model_that_knows_nothing_gives_nothing_away() -> None:
    where = rows()
    scores = attack(where, answers(knowing(where, 0.0)), [np.full(N, 0.5)], seed=7)
    for found, guessing in (
        (areas(where, scores), 0.5),
        (advantages(where, scores), 0.0),
        (rates_at_few_false_positives(where, scores), 0.01),
    ):
        low, high = found["all"].low, found["all"].high
        assert low is not None
        assert high is not None
        assert low <= guessing <= high


def test_the_more_rows_are_known_by_heart_the_more_is_given_away() -> None:
    where = rows()
    found = [areas(where, attack(where, answers(knowing(where, s)), [], seed=7))["all"].value for s in (0.1, 0.9)]
    assert found == sorted(found, key=lambda v: v or 0)


def test_rows_that_differ_by_themselves_are_not_put_down_to_memory() -> None:
    """Members are easier, for every model alike, as rows of an older time may be."""
    where = rows()
    rng = np.random.default_rng(5)
    sure = np.where(where.members, 0.45, 0.1)

    def model() -> np.ndarray:
        return np.clip(0.5 + (2 * where.labels - 1) * sure * rng.uniform(0, 1, N), 0.01, 0.99)

    first, second = model(), model()
    scores = attack(where, answers(model()), [first, second], seed=7)
    assert (areas(where, scores)["all"].low or 0) > 0.6
    gained = gains(where, scores, attack_blind(where, answers(first), second, seed=7))
    assert (gained["all"].low or 0) < 0.05


def test_what_is_found_at_few_false_alarms_by_hand() -> None:
    members = np.arange(400) < 200
    score = np.where(members, np.arange(400) % 200, np.arange(400) % 200 - 0.5)
    where = Attacked(np.zeros(400), members, np.zeros(400, dtype=np.int64))
    # Two of 200 others may be taken for members: those with 199.5 - 1 and 198.5 - 1 beside 197.5 - 1 as the threshold.
    found = rates_at_few_false_positives(where, {"one": score})["one"]
    assert (found.value, found.n) == (3 / 200, 200)
    few = Attacked(np.zeros(150), np.arange(150) < 75, np.zeros(150, dtype=np.int64))
    assert rates_at_few_false_positives(few, {"one": np.arange(150.0)})["one"].value is None


def test_the_same_seed_finds_the_same_and_numpys_own_dice_are_not_thrown() -> None:
    where = rows()
    before = np.random.get_state()[1]
    p = knowing(where, 0.3)
    once, again = (attack(where, answers(p), [], seed=7)["forest"] for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(once, attack(where, answers(p), [], seed=8)["forest"])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_folds_halve_each_kind_of_row(kinds: list[tuple[bool, bool]]) -> None:
    members = np.array([m for m, _ in kinds])
    labels = np.array([float(y) for _, y in kinds])
    folds = two_folds(members, labels, 3)
    for member in (True, False):
        for outcome in (0.0, 1.0):
            of_kind = folds[(members == member) & (labels == outcome)]
            assert of_kind.sum() == len(of_kind) // 2


def test_a_loss_is_finite_even_where_a_model_was_sure_and_wrong() -> None:
    found = losses(np.array([0.0, 1.0, 0.5]), np.array([1.0, 0.0, 1.0]))
    assert np.isfinite(found).all()
    assert found[2] == pytest.approx(np.log(2))
