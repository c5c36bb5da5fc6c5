from datetime import date

import numpy as np
import polars as pl

from components.data.synthetic.coding import coding_of, first_of_month, open_categories


def test_the_columns_that_must_be_unique_are_not_coded(shops):
    coding = coding_of(shops, {"shop": ("north",)})
    assert set(coding.columns) == set(shops.data.columns) - {"id"}
    assert coding.delays == ("unpaid_day",)


def test_only_categories_without_values_are_open(shops):
    assert open_categories(shops) == ["shop"]


def test_a_row_comes_back_in_its_cells(shops, real):
    coding = coding_of(shops, {"shop": ("north", "south", "other")})
    codes = coding.encode(real)
    event = coding.columns["day"].draw(codes["day"], np.random.default_rng(0))
    rest = {name: c for name, c in codes.items() if name != "day"}
    back = coding.decode(rest, event, shops, np.random.default_rng(0))
    assert back.columns == [c for c in real.columns if c != "id"]
    assert back["colour"].to_list() == real["colour"].to_list()
    assert back["unpaid"].to_list() == real["unpaid"].to_list()
    assert (back["unpaid_day"].is_null() == real["unpaid_day"].is_null()).all()
    assert (back["day"].dt.truncate("1mo") == real["day"].dt.truncate("1mo")).all()
    assert ((back["amount"] / real["amount"]).log().abs().max() or 0) < 0.3


def test_an_outcome_moves_with_its_event(shops, real):
    coding = coding_of(shops, {"shop": ("north", "south", "other")})
    row = real.filter(pl.col("unpaid") == 1).head(1)
    codes = {n: c for n, c in coding.encode(row).items() if n != "day"}
    delay = (row["unpaid_day"] - row["day"]).dt.total_days().item()
    moved = coding.decode(codes, np.array([20_000.0]), shops, np.random.default_rng(0))
    again = (moved["unpaid_day"] - moved["day"]).dt.total_days().item()
    assert abs(again - delay) <= 0.3 * delay + 1


def test_a_good_row_with_a_time_of_its_outcome_is_coded_without(shops, real):
    coding = coding_of(shops, {"shop": ("north", "south", "other")})
    good = real.filter(pl.col("unpaid") == 0).head(1).with_columns(unpaid_day=pl.lit(date(2006, 1, 1)))
    cells = coding.columns["unpaid_day"]
    assert coding.encode(good)["unpaid_day"].tolist() == [cells.size - 1]


def test_months_go_on_over_the_year():
    assert first_of_month(date(2003, 12, 31), 14) == date(2005, 2, 1)
