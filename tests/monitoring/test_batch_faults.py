"""Whole-batch oddities, by table: a size, rows that are there twice, columns that stand still."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Field
from components.monitoring.batch_faults import FEWEST_BATCHES, batch_faults, constant, duplicates, row_count

USUAL = [1000, 950, 1100, 1020, 980, 1010]
REFERENCE = {
    "rows": 1000,
    "inputs": {
        "amount": {"missing": 0, "quantiles": [float(i) for i in range(101)]},
        "code": {"missing": 0, "quantiles": [0.0] * 95 + [1.0] * 6},
        "jobs": {"missing": 500, "quantiles": [float(i) for i in range(101)]},
        "never": {"missing": 1000, "quantiles": []},
        "day": {"missing": 0, "quantiles": [f"2000-01-{1 + i // 4:02}" for i in range(101)]},
        "bank": {"missing": 0, "counts": {"A": 600, "B": 400}, "other": 0},
        "city": {"missing": 0, "counts": {"X": 20, "Y": 10}, "other": 970},
        "state": {"missing": 0, "counts": {"CA": 1000}, "other": 0},
    },
}
KINDS = {"bank": "category", "city": "category", "state": "category", "day": "date"}


def _field(name):
    return Field(name=name, kind=KINDS.get(name, "float"), nullable=True)


@pytest.mark.parametrize(
    ("rows", "usual", "odd"),
    [
        (0, [], True),
        (0, USUAL, True),
        (1, [], False),
        (1, USUAL[: FEWEST_BATCHES - 1], False),
        (1, USUAL, True),
        (1000, USUAL, False),
        (1100, USUAL, False),
        (5000, USUAL, True),
        # Batches that were all alike still differ by counting alone.
        (1040, [1000] * 6, False),
        (700, [1000] * 6, True),
        (3, [2, 2, 1, 2, 3], False),
    ],
)
def test_a_size_is_held_to_those_of_earlier_batches(rows, usual, odd):
    assert (row_count(rows, usual) is not None) == odd


@given(st.integers(1, 10_000), st.floats(0.5, 2.0))
def test_a_batch_as_large_as_the_middle_of_them_is_never_far(size, spread):
    usual = [size, round(size * spread) + 1, size, max(1, round(size / spread)), size]
    assert row_count(size, usual) is None


@pytest.mark.parametrize(
    ("name", "values", "odd"),
    [
        ("amount", [5.0] * 10, True),
        ("amount", [5.0] * 9 + [6.0], False),
        ("amount", [5.0], False),
        ("amount", [None] * 2, True),
        ("amount", [float("nan")] * 2, True),
        ("code", [0.0] * 40, False),
        ("code", [0.0] * 400, True),
        ("code", [1.0] * 4, True),
        ("jobs", [None] * 5, False),
        ("jobs", [None] * 50, True),
        ("never", [None] * 50, False),
        ("day", [date(2000, 1, 3)] * 3, True),
        ("day", [date(2000, 1, 3)] * 2, False),
        ("bank", ["A"] * 10, False),
        ("bank", ["A"] * 20, True),
        ("bank", ["Z"] * 2, True),
        ("city", ["Z"] * 1, False),
        ("city", ["Z"] * 2, True),
        ("state", ["CA"] * 10_000, False),
        ("state", [None] * 2, True),
    ],
)
def test_a_column_stands_still_where_chance_would_not_have_it_so(name, values, odd):
    found = constant(pl.Series(name, values), _field(name), REFERENCE)
    assert (found is not None) == odd
    if found is not None:
        assert (found.kind, found.column) == ("constant", name)
        assert f"in all {len(values)} rows" in found.found


def test_rows_that_are_there_twice():
    some = pl.DataFrame({"a": [*range(1000)], "b": ["x"] * 1000})
    assert duplicates(some) is None
    assert duplicates(pl.concat([some, some.head(5)])) is None
    assert duplicates(pl.concat([some, some.head(50)])).found == "50 of 1050 rows are there already"
    assert duplicates(pl.DataFrame()) is None


def test_all_of_them_together_and_an_empty_batch_has_one():
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"amount": rng.uniform(0, 100, 900), "bank": ["A"] * 900, "id": range(900)})
    fields = [_field("amount"), _field("bank")]
    assert [f.kind for f in batch_faults(rows, fields, REFERENCE, USUAL)] == ["constant"]
    twice = pl.concat([rows, rows, rows])
    assert [f.kind for f in batch_faults(twice, fields, REFERENCE, USUAL)] == ["row_count", "duplicates", "constant"]
    assert [f.found for f in batch_faults(rows.clear(), fields, REFERENCE)] == ["0 rows"]
