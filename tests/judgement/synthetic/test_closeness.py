import numpy as np
import polars as pl
import pytest

from components.judgement.synthetic.closeness import Places, closeness, nearest


@pytest.fixture(scope="module")
def halves(clients):
    return clients.gather_every(2), clients.gather_every(2, offset=1)


def test_rows_of_nobody_are_as_near_to_either_half(card, halves, others):
    found = closeness(*halves, others, card, 7)
    assert found.nearer.low < 0.5 < found.nearer.high
    assert found.attack.low < 0.5 < found.attack.high
    assert found.copies.value < 0.01


def test_a_generator_that_tells_what_it_learned_is_found(card, halves):
    learned, held_out = halves
    found = closeness(learned, held_out, learned.sample(1_000, seed=1), card, 7)
    assert found.nearer.low > 0.95
    assert found.copies.value == 1.0
    assert found.attack.low > 0.7
    assert found.distance.value == 0.0
    assert found.baseline.value > 0.0


def test_so_is_one_that_only_changes_a_little(card, halves):
    learned, held_out = halves
    blurred = learned.with_columns(pl.col("age") + 1, pl.col("bill_sep") * 1.01)
    found = closeness(learned, held_out, blurred, card, 7)
    assert found.copies.value < 0.01
    assert found.nearer.low > 0.9


def test_few_rows_say_nothing(card, halves):
    found = closeness(halves[0], halves[1].head(99), halves[0], card, 7)
    assert found.nearer.value is None
    assert found.attack.n == 99


def test_the_nearest_is_found_in_every_part():
    rng = np.random.default_rng(0)
    rows = Places(rng.random((1_100, 3)), rng.integers(0, 2, (1_100, 2)).astype(np.int32))
    assert nearest(rows, rows).max() == 0.0
    beside = Places(rows.ranks, rows.values + 2)
    assert nearest(rows, beside).min() >= 2.0


def test_the_same_twice(card, halves, others):
    assert closeness(*halves, others, card, 7) == closeness(*halves, others, card, 7)
