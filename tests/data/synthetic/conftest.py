from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.use_case import UseCase, load
from components.data.synthetic.fit import fit_plain, fit_private

SHOPS = """
name: shops
title: Which purchases are not paid?
intended_use: Tests.
limits: [None of it is real.]
as_of: 2006-12-31
data:
  source: nowhere.parquet
  row_id: id
  event_time: day
  known_until: 2007-12-31
  quarantine_limit: 0.05
  columns:
    id: {kind: int, unique: true, minimum: 1}
    day: {kind: date, earliest: 2003-01-01}
    amount: {kind: float, minimum: 1}
    paid: {kind: float, minimum: 0, maximum: 100000}
    colour: {kind: category, values: [red, green, blue]}
    shop: {kind: category, nullable: true}
    unpaid: {kind: int, minimum: 0, maximum: 1}
    unpaid_day: {kind: date, nullable: true}
  rules:
    - {name: never_more_than_all, column: paid, expect: paid <= amount}
    - {name: unpaid_has_a_day, column: unpaid_day, expect: unpaid = 0 OR unpaid_day IS NOT NULL}
    - {name: paid_has_none, column: unpaid_day, expect: unpaid = 1 OR unpaid_day IS NULL}
    - {name: unpaid_later, column: unpaid_day, expect: unpaid_day > day}
labels: {outcome: unpaid, outcome_time: unpaid_day, maturity_months: 6}
features: {inputs: [day, amount, paid, colour, shop], entities: [], names: [log_amount]}
training: {cost_false_negative: 3, cost_false_positive: 1}
gates:
  floors: [{gate: auc_floor, metric: auc, bound: low, minimum: 0.6}]
  champion: {metric: log_loss, margin_share: 0.02}
  behaviour: []
  latency_p95_ms: 100
"""
"""A use case with one of each: open and closed categories, bounds and none, rules over columns, four years."""


@pytest.fixture(scope="session")
def shops() -> UseCase:
    return load(SHOPS)


def purchases(rows: int, seed: int) -> pl.DataFrame:
    """Draw a table for it: amounts rise from 2003 to 2006, more red ones go unpaid, one shop stands alone."""
    rng = np.random.default_rng(seed)
    year = np.sort(rng.integers(2003, 2007, rows))
    days = [
        date(int(y), int(m), int(d))
        for y, m, d in zip(year, rng.integers(1, 13, rows), rng.integers(1, 29, rows), strict=True)
    ]
    colour = rng.choice(["red", "green", "blue"], rows, p=[0.3, 0.5, 0.2])
    amount = np.round(np.exp(rng.normal(4 + 0.7 * (year - 2003), 0.6, rows)) + 1, 2)
    unpaid = rng.random(rows) < np.where(colour == "red", 0.5, 0.1)
    shop = rng.choice(["north", "south", None], rows, p=[0.6, 0.3, 0.1]).astype(object)
    shop[0] = "the only one of its kind"
    table = pl.DataFrame(
        {
            "id": np.arange(1, rows + 1),
            "day": days,
            "amount": amount,
            "paid": np.round(amount * rng.random(rows), 2),
            "colour": colour.tolist(),
            "shop": shop.tolist(),
            "unpaid": unpaid.astype(np.int64),
        }
    )
    late = pl.Series(rng.integers(1, 300, rows))
    return table.with_columns(unpaid_day=pl.when(pl.col("unpaid") == 1).then(pl.col("day") + pl.duration(days=late)))


@pytest.fixture(scope="session")
def real() -> pl.DataFrame:
    return purchases(6_000, 1)


@pytest.fixture(scope="session")
def plain(real, shops):
    return fit_plain(real, shops)


@pytest.fixture(scope="session")
def private(real, shops):
    """Learned with noise from a seed, so that the tests see one and the same."""
    return fit_private(real, shops, epsilon=2.0, delta=1e-5, test_seed=11)
