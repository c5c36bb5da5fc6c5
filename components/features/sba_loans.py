"""Features of the use case ``sba_loans``: each a pure function over rows and what it learnt."""

from collections import Counter

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.features.rows import days_between, history_columns
from components.features.transform import Feature, State

SMOOTHING = 20.0
"""Rows' worth of weight that the overall rate has in an entity's rate (additive smoothing)."""

MINIMUM_OF_SECTOR = 50
"""A sector seen less often in training shares a code with all other rare ones."""

_NULL = np.array(None, dtype=object)


def _or_zero(values: FloatArray) -> FloatArray:
    """Put 0 where a number is missing; ``np.nan_to_num`` does so too, and takes four times as long for one row."""
    filled: FloatArray = np.where(np.isnan(values), 0.0, values)
    return filled


def _flag(name: str, column: str, value: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """1 where the column has the value that the feature is named after, missing where it is not stated."""
        given = rows[column]
        return np.where(np.not_equal(given, _NULL), given == value, np.nan)

    return Feature(name, (column,), compute)


def log_amount(rows: Columns, _: State) -> FloatArray:
    """Natural logarithm of the approved amount in US dollars."""
    return np.log(rows["GrAppv"])


def guarantee_share(rows: Columns, _: State) -> FloatArray:
    """Part of the loan that the agency guarantees."""
    return rows["SBA_Appv"] / rows["GrAppv"]


def amount_per_job(rows: Columns, _: State) -> FloatArray:
    """Logarithm of dollars per person employed, kept or to be hired."""
    return np.log(rows["GrAppv"] / (1.0 + rows["NoEmp"] + rows["CreateJob"]))


def sector(rows: Columns, known: State) -> FloatArray:
    """Two-digit industry by its frequency rank in training; rare ones share a code; 0 (not stated) is missing."""
    digits = _or_zero(rows["NAICS"] // 10_000)
    # Columns: 0, the sectors in their order, and one that every row fits; the first that fits is the row's.
    fits = np.ones((len(digits), len(known) + 2), dtype=bool)
    np.equal(digits[:, None], [0, *known], out=fits[:, :-1])
    first = fits.argmax(axis=1)
    return np.where(first == 0, np.nan, first - 1.0)


def learn_sectors(rows: Columns, _: FloatArray) -> State:
    """Keep the sectors with enough rows, most frequent first (ties by number)."""
    counts = Counter(_or_zero(rows["NAICS"] // 10_000).astype(int).tolist())
    kept = [s for s, n in counts.items() if s != 0 and n >= MINIMUM_OF_SECTOR]
    return sorted(kept, key=lambda s: (-counts[s], s))


def _overall_rate(_: Columns, labels: FloatArray) -> State:
    return float(np.mean(labels))


def _history(entity: str) -> list[Feature]:
    count, bad, last_bad = history_columns(entity)

    def rate(rows: Columns, overall: State) -> FloatArray:
        """Bad outcomes per row in the entity's window, drawn towards the overall rate of the training rows."""
        n, b = _or_zero(rows[count]), _or_zero(rows[bad])
        smoothed: FloatArray = (b + SMOOTHING * overall) / (n + SMOOTHING)
        return smoothed

    def volume(rows: Columns, _: State) -> FloatArray:
        """Logarithm of 1 plus the rows in the entity's window."""
        logged: FloatArray = np.log1p(_or_zero(rows[count]))
        return logged

    def recency(rows: Columns, _: State) -> FloatArray:
        """Days since the entity's latest bad outcome, missing where its window has none."""
        return days_between(rows["ApprovalDate"], rows[last_bad])

    return [
        Feature(f"{entity}_rate", (count, bad), rate, _overall_rate),
        Feature(f"{entity}_volume", (count,), volume),
        Feature(f"{entity}_recency", ("ApprovalDate", last_bad), recency),
    ]


def _number(name: str, column: str) -> Feature:
    def compute(rows: Columns, _: State) -> FloatArray:
        """Logarithm of 1 plus the column's number."""
        logged: FloatArray = np.log1p(rows[column])
        return logged

    return Feature(name, (column,), compute)


def franchise(rows: Columns, _: State) -> FloatArray:
    """1 where the business is a franchise; the codes 0 and 1 both mean that it is none."""
    return (rows["FranchiseCode"] > 1).astype(np.float64)


def same_state(rows: Columns, _: State) -> FloatArray:
    """1 where bank and borrower sit in the same state, missing where the bank's state is."""
    bank = rows["BankState"]
    return np.where(np.not_equal(bank, _NULL), bank == rows["State"], np.nan)


FEATURES = {
    f.name: f
    for f in [
        Feature("log_amount", ("GrAppv",), log_amount),
        Feature("guarantee_share", ("SBA_Appv", "GrAppv"), guarantee_share),
        Feature("amount_per_job", ("GrAppv", "NoEmp", "CreateJob"), amount_per_job),
        _number("employees", "NoEmp"),
        _number("jobs_created", "CreateJob"),
        _number("jobs_retained", "RetainedJob"),
        _flag("new_business", "NewExist", "2"),
        Feature("franchise", ("FranchiseCode",), franchise),
        _flag("urban", "UrbanRural", "1"),
        _flag("revolving_line", "RevLineCr", "Y"),
        _flag("low_doc", "LowDoc", "Y"),
        Feature("same_state", ("State", "BankState"), same_state),
        Feature("sector", ("NAICS",), sector, learn_sectors),
        *_history("bank"),
        *_history("zip"),
        *_history("industry"),
    ]
}
