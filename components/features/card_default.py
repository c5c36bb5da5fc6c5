"""Features of the use case ``card_default``: what six monthly statements say; who the client is does not enter.

Months run from September, the latest, back to April. A delay is -2 (nothing was owed), -1 (paid in full), 0 (minimum
paid) or the number of months that a payment is late; only -1 and 1 to 9 stand in the source's description.
"""

from itertools import pairwise

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.features.transform import Feature, State

MONTHS = ("sep", "aug", "jul", "jun", "may", "apr")

_DELAYS = tuple(f"delay_{m}" for m in MONTHS)
_BILLS = tuple(f"bill_{m}" for m in MONTHS)
_PAID = tuple(f"paid_{m}" for m in MONTHS)

LARGEST_SHARE = 5.0
"""Shares of what was owed are cut here: a few dollars owed make any share."""


def _table(rows: Columns, names: tuple[str, ...]) -> FloatArray:
    """Columns side by side, shape (n, columns)."""
    return np.stack([rows[name] for name in names], axis=1)


def _delay(month: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """The month's delay as it was recorded."""
        delays: FloatArray = rows[f"delay_{month}"]
        return delays

    return Feature(f"delay_{month}", (f"delay_{month}",), compute)


def _utilisation(month: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """Share of the limit that the month's bill takes; below 0 where too much was paid."""
        return rows[f"bill_{month}"] / rows["limit"]

    return Feature(f"utilisation_{month}", (f"bill_{month}", "limit"), compute)


def _paid(month: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """Logarithm of 1 plus the dollars paid in the month."""
        logged: FloatArray = np.log1p(rows[f"paid_{month}"])
        return logged

    return Feature(f"log_paid_{month}", (f"paid_{month}",), compute)


def _repaid(month: str, before: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """Share of the bill of the month before that was paid in the month; missing where nothing was owed."""
        owed = rows[f"bill_{before}"]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = np.where(owed > 0, rows[f"paid_{month}"] / owed, np.nan)
        return np.minimum(share, LARGEST_SHARE)

    return Feature(f"repaid_{month}", (f"paid_{month}", f"bill_{before}"), compute)


def log_limit(rows: Columns, _: State) -> FloatArray:
    """Natural logarithm of the credit limit in New Taiwan dollars."""
    return np.log(rows["limit"])


def worst_delay(rows: Columns, _: State) -> FloatArray:
    """Largest delay of the six months."""
    largest: FloatArray = _table(rows, _DELAYS).max(axis=1)
    return largest


def months_late(rows: Columns, _: State) -> FloatArray:
    """Months of the six in which a payment was late."""
    counted: FloatArray = (_table(rows, _DELAYS) > 0).sum(axis=1).astype(np.float64)
    return counted


def mean_utilisation(rows: Columns, _: State) -> FloatArray:
    """Mean share of the limit over the six bills."""
    mean: FloatArray = _table(rows, _BILLS).mean(axis=1) / rows["limit"]
    return mean


def bill_growth(rows: Columns, _: State) -> FloatArray:
    """How much the bill grew from April to September, as a share of the limit."""
    return (rows["bill_sep"] - rows["bill_apr"]) / rows["limit"]


def repaid_in_all(rows: Columns, _: State) -> FloatArray:
    """Dollars paid in six months as a share of the bills; missing where nothing was owed."""
    owed = np.maximum(_table(rows, _BILLS), 0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.where(owed > 0, _table(rows, _PAID).sum(axis=1) / owed, np.nan)
    return np.minimum(share, LARGEST_SHARE)


def female(rows: Columns, _: State) -> FloatArray:
    """1 for women. The use case that ships does not name it, and a model that reads it is stopped."""
    flag: FloatArray = (rows["sex"] == "2").astype(np.float64)
    return flag


FEATURES = {
    f.name: f
    for f in [
        Feature("female", ("sex",), female),
        Feature("log_limit", ("limit",), log_limit),
        *(_delay(m) for m in MONTHS),
        Feature("worst_delay", _DELAYS, worst_delay),
        Feature("months_late", _DELAYS, months_late),
        *(_utilisation(m) for m in MONTHS),
        Feature("mean_utilisation", (*_BILLS, "limit"), mean_utilisation),
        Feature("bill_growth", ("bill_sep", "bill_apr", "limit"), bill_growth),
        *(_paid(m) for m in MONTHS),
        *(_repaid(m, before) for m, before in pairwise(MONTHS)),
        Feature("repaid_in_all", (*_PAID, *_BILLS), repaid_in_all),
    ]
}
