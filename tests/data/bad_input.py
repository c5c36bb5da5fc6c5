"""A small good table, and every way in which a row of it can be bad."""

from datetime import date
from typing import Any

import polars as pl

from components.core.row_rule import Rule
from components.core.use_case import Column, Data

DATA = Data(
    source="unused.csv",
    row_id="id",
    event_time="approved",
    known_until=date(2014, 8, 29),
    columns={
        "id": Column(kind="int", unique=True, minimum=1),
        "approved": Column(kind="date", earliest=date(1953, 7, 30), latest=date(2012, 12, 31)),
        "charged_off": Column(kind="date", nullable=True),
        "amount": Column(kind="float", minimum=1, maximum=1000),
        "code": Column(kind="category", nullable=True, values=("N", "Y")),
        "y": Column(kind="int", minimum=0, maximum=1),
    },
    rules=(
        Rule(name="paid_has_no_date", column="charged_off", expect="y = 1 OR charged_off IS NULL"),
        Rule(name="date_follows_approval", column="charged_off", expect="charged_off > approved"),
    ),
    quarantine_limit=1,
)

GOOD = {"id": "7", "approved": "2001-02-03", "charged_off": "2002-01-01", "amount": "10.5", "code": "Y", "y": "1"}

Case = tuple[dict[str, str | None], list[tuple[str, str, str | None]]]

BAD: dict[str, Case] = {
    "code outside its domain": ({"code": "T"}, [("domain", "code", "T")]),
    "code with a blank": ({"code": "Y "}, [("domain", "code", "Y ")]),
    "paid in full with a charge-off date": ({"y": "0"}, [("paid_has_no_date", "charged_off", "2002-01-01")]),
    "day that is not in the calendar": ({"approved": "2001-02-30"}, [("type", "approved", "2001-02-30")]),
    "month that is not in the calendar": ({"charged_off": "2001-13-01"}, [("type", "charged_off", "2001-13-01")]),
    "charge-off before approval": (
        {"charged_off": "1999-01-01"},
        [("date_follows_approval", "charged_off", "1999-01-01")],
    ),
    "date in another form": ({"approved": "03-Feb-01"}, [("type", "approved", "03-Feb-01")]),
    "date of before there was anything": ({"approved": "1001-02-03"}, [("earliest", "approved", "1001-02-03")]),
    "date after the last one allowed": (
        {"approved": "2013-01-01", "charged_off": None},
        [("latest", "approved", "2013-01-01")],
    ),
    "date after the table was drawn": ({"charged_off": "2104-08-29"}, [("known_until", "charged_off", "2104-08-29")]),
    "missing date": ({"approved": None}, [("missing", "approved", None)]),
    "missing label": ({"y": None}, [("missing", "y", None)]),
    "blank label": ({"y": "  "}, [("missing", "y", "  ")]),
    "label that is neither": ({"y": "2", "charged_off": None}, [("maximum", "y", "2")]),
    "text for a number": ({"amount": "much"}, [("type", "amount", "much")]),
    "fraction for a whole number": ({"y": "0.5"}, [("type", "y", "0.5")]),
    "infinite amount": ({"amount": "inf"}, [("type", "amount", "inf")]),
    "amount too small": ({"amount": "0.5"}, [("minimum", "amount", "0.5")]),
    "amount too large": ({"amount": "1000.01"}, [("maximum", "amount", "1000.01")]),
    "missing id": ({"id": None}, [("missing", "id", None)]),
    "several at once": (
        {"y": "0", "code": "T", "amount": "x"},
        [
            ("type", "amount", "x"),
            ("domain", "code", "T"),
            ("paid_has_no_date", "charged_off", "2002-01-01"),
        ],
    ),
}
"""What is wrong → the cells to put into a good row, and the breaches (rule, column, value) that it has to get."""

FINE: dict[str, dict[str, str | None]] = {
    "no code": {"code": None},
    "no charge-off": {"charged_off": None, "y": "0"},
    "label unknown to a rule, not to its column": {"charged_off": None},
    "whole number as a float": {"y": "1.0"},
    "date with a time": {"approved": "2001-02-03 10:00:00"},
    "amount at its bound": {"amount": "1000"},
    "dates at their bounds": {"approved": "2012-12-31", "charged_off": "2014-08-29"},
    "first day": {"approved": "1953-07-30"},
}


def table(*changes: dict[str, Any]) -> pl.DataFrame:
    """Make a raw table: good rows with ids 1, 2 … and some cells changed."""
    rows = [{**GOOD, "id": str(i), **change} for i, change in enumerate(changes, start=1)]
    return pl.DataFrame(rows, schema=dict.fromkeys(GOOD, pl.String))
