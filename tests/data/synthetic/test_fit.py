import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.data.synthetic.fit import fit_plain, fit_private
from components.data.synthetic.generate import generate


def test_what_hangs_together_stays_together(plain, shops):
    made = generate(plain, shops, 6_000, 1)
    rates = dict(made.group_by("colour").agg(pl.col("unpaid").mean()).iter_rows())
    assert rates == pytest.approx({"red": 0.5, "green": 0.1, "blue": 0.1}, abs=0.05)
    amounts = made.group_by(pl.col("day").dt.year()).agg(pl.col("amount").log().mean()).sort("day")["amount"]
    assert np.diff(amounts) == pytest.approx([0.7, 0.7, 0.7], abs=0.15)


def test_so_it_does_under_noise(private, shops, real):
    made = generate(private, shops, 6_000, 1)
    rates = dict(made.group_by("colour").agg(pl.col("unpaid").mean()).iter_rows())
    assert rates["red"] > 2 * rates["green"]
    assert made["amount"].log().mean() == pytest.approx(real["amount"].log().mean(), abs=0.1)


def test_all_of_the_budget_is_accounted_for(private):
    told = private.guarantee
    assert told.kind == "private"
    assert told.seeded
    assert 1.9 < told.epsilon <= 2.0
    assert told.delta == 1e-5
    assert [s.name for s in told.steps] == [
        "values of open categories",
        "counts of single columns",
        "choice of pairs",
        "counts of sets of columns",
    ]
    assert sum(s.rho for s in told.steps) == pytest.approx(told.rho)


def test_the_only_one_of_its_kind_is_not_told(private, plain):
    assert set(private.coding.columns["shop"].values) == {"north", "south", "other"}
    assert "the only one of its kind" in plain.coding.columns["shop"].values  # why plain is called plain


def test_the_number_of_rows_is_a_noisy_one(private):
    assert private.rows != 6_000
    assert private.rows == pytest.approx(6_000, rel=0.02)


def test_a_plain_generator_says_so(plain):
    assert plain.guarantee.in_words().startswith("NO PRIVACY")


def test_too_few_rows_are_not_learned_from(real, shops):
    with pytest.raises(FairleadError, match="99 rows is too small"):
        fit_plain(real.head(99), shops)


@pytest.mark.parametrize("epsilon", [0.0, 0.01])
def test_too_small_an_epsilon_is_refused(real, shops, epsilon):
    with pytest.raises(FairleadError, match=f"epsilon {epsilon:g} cannot be used"):
        fit_private(real, shops, epsilon)
