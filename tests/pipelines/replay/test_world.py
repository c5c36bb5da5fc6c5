"""The world: who is told what on which day, nobody before it, and nothing that a later day would change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.use_case import UseCase
from pipelines.replay.world import World, labels, month_ends

START = date(2004, 1, 1)
MONTHS = 36
DAYS = 730 + 1500
"""Loans are of the first two years; the latest charge-off comes so many days after the first day."""

LOANS = st.lists(
    st.tuples(st.integers(0, 730), st.one_of(st.none(), st.integers(1, 1500))), min_size=1, max_size=25
).map(lambda found: [(START + timedelta(days=day), wait) for day, wait in found])
"""Day of the event, and after how many days it turned bad, if it did."""


def world(sba: UseCase, loans: list[tuple[date, int | None]]) -> World:
    turned = [None if wait is None else day + timedelta(days=wait) for day, wait in loans]
    return World(
        sba,
        pl.DataFrame(
            {
                "row_id": range(len(loans)),
                "event_time": [day for day, _ in loans],
                "outcome": [int(t is not None) for t in turned],
                "outcome_time": pl.Series(turned, dtype=pl.Date),
            }
        ),
    )


def matures(day: date) -> date:
    """36 months later; the 29th of February on the 28th."""
    try:
        return day.replace(year=day.year + MONTHS // 12)
    except ValueError:
        return date(day.year + MONTHS // 12, 2, 28)


def naive(loans: list[tuple[date, int | None]]) -> set[tuple[date, str, int]]:
    """What somebody hears who asks loan by loan."""
    found = set()
    for i, (event, wait) in enumerate(loans):
        bad = None if wait is None else event + timedelta(days=wait)
        if bad is not None:
            found.add((bad, str(i), 1))
        if bad is None or bad > matures(event):
            found.add((matures(event), str(i), 0))
    return found


@settings(max_examples=40)
@given(loans=LOANS)
def test_each_day_tells_what_a_naive_loop_tells(sba: UseCase, loans: list[tuple[date, int | None]]) -> None:
    made = world(sba, loans)
    told = made.told(START, START + timedelta(days=DAYS))
    assert all(at == datetime.combine(at.date(), time(), UTC) for at in told["known_at"])
    assert {(at.date(), name, label) for name, label, at in told.iter_rows()} == naive(loans)
    for day in {day for day, _, _ in naive(loans)}:
        heard = made.told(day, day)
        assert {(day, name, label) for name, label in heard.select("row_id", "label").rows()} == {
            one for one in naive(loans) if one[0] == day
        }


@settings(max_examples=40)
@given(loans=LOANS, cut=st.integers(1, DAYS - 1))
def test_day_by_day_or_at_once_all_are_told_once(sba: UseCase, loans: list[tuple[date, int | None]], cut: int) -> None:
    made, middle, end = world(sba, loans), START + timedelta(days=cut), START + timedelta(days=DAYS)
    parts = pl.concat([made.told(START, middle), made.told(middle + timedelta(days=1), end)])
    assert parts.equals(made.told(START, end))
    assert all(n == 1 for n in Counter(parts.select("row_id", "label").rows()).values())


def test_a_late_charge_off_corrects_and_leaves_the_label(sba: UseCase) -> None:
    made = world(sba, [(START, 1096), (START, 1097), (START, 200), (START, None)])
    assert matures(START) - START == timedelta(days=1096)
    assert labels(made.rows).tolist() == [1.0, 0.0, 1.0, 0.0]
    told = made.told(START, date(2010, 1, 1)).with_columns(pl.col("known_at").dt.date())
    assert told.rows() == [
        ("2", 1, START + timedelta(days=200)),
        ("0", 1, matures(START)),
        ("1", 0, matures(START)),
        ("3", 0, matures(START)),
        ("1", 1, matures(START) + timedelta(days=1)),
    ]


def test_loans_come_in_order_each_on_its_day(sba: UseCase) -> None:
    made = world(sba, [(START + timedelta(days=d), None) for d in (5, 3, 3, 9)])
    assert made.rows["row_id"].to_list() == ["1", "2", "0", "3"]
    assert made.between(START + timedelta(days=3), START + timedelta(days=5))["row_id"].to_list() == ["1", "2", "0"]


@given(first=st.dates(date(1999, 1, 1), date(2012, 12, 31)), months=st.integers(0, 40))
def test_months_end_where_the_next_begin(first: date, months: int) -> None:
    ends = month_ends(first, first + timedelta(days=31 * months))
    assert ends[0].month == first.month
    for day, following in zip(ends, [*ends[1:], None], strict=True):
        assert (day + timedelta(days=1)).day == 1
        assert following is None or following.replace(day=1) == day + timedelta(days=1)
    assert ends[-1] >= first + timedelta(days=31 * months)
