import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from components.judgement.synthetic.likeness import FINE, compared_columns, margins, pairs


def test_every_column_but_the_id_is_compared(card):
    assert set(compared_columns(card)) == set(card.data.columns) - {"client"}


def test_distances_are_those_of_kolmogorov_and_smirnov_and_of_total_variation(card, clients, others):
    found = {m.column: m for m in margins(clients, others, others, card, 7)}
    theirs = ks_2samp(clients["bill_sep"].to_numpy(), others["bill_sep"].to_numpy()).statistic
    assert found["bill_sep"].distance.value == pytest.approx(theirs, abs=2 / FINE)
    shares = [t["sex"].value_counts().sort("sex")["count"].to_numpy() / t.height for t in (clients, others)]
    assert found["sex"].distance.value == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)
    assert found["sex"].measure == "TV"


def test_the_same_rows_are_no_distance_apart(card, clients):
    assert {m.distance.value for m in margins(clients, clients, clients, card, 7)} == {0.0}
    assert pairs(clients, clients, clients, card, 7).mean.value == 0.0


def test_a_shifted_column_stands_out_and_the_floor_does_not_move(card, clients, others):
    shifted = others.with_columns(pl.col("age") + 20)
    found = {m.column: m for m in margins(clients, shifted, others, card, 7)}
    assert found["age"].distance.low > 0.5
    assert found["age"].floor.high < 0.1
    assert max(m.distance.value for c, m in found.items() if c != "age") < 0.1


def test_columns_that_were_parted_are_found_by_their_pair(card, clients, others):
    parted = others.with_columns(pl.col("bill_aug").shuffle(1))
    found = pairs(clients, parted, others, card, 7)
    assert all("bill_aug" in pair[:2] for pair in found.worst[:5])
    assert found.mean.value > found.floor.value
    assert found.count == 26 * 25 // 2


def test_every_number_has_an_interval_that_holds_it_and_its_rows(card, clients, others):
    for m in margins(clients, others, others, card, 7):
        assert m.distance.low <= m.distance.value <= m.distance.high
        assert m.distance.n == clients.height + others.height
