from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.features.history import EVENT_TIMESTAMP, HOLDS_DAYS, as_instant, history, midnight
from components.features.rows import history_columns

days = st.dates(date(2019, 11, 25), date(2020, 12, 31))
order = st.tuples(days, st.none() | days, st.sampled_from([None, "a", "b"]), st.none() | st.integers(1, 2))
tables = st.lists(order, min_size=1, max_size=40)


def known(table, changes, entity, event="day"):
    """Take each row's state from the history: the latest change at or before its day's midnight."""
    asked = table.with_row_index().with_columns(at=as_instant(pl.col(event))).sort("at")
    joined = asked.join_asof(
        changes.sort(EVENT_TIMESTAMP),
        left_on="at",
        right_on=EVENT_TIMESTAMP,
        by=entity.column,
        check_sortedness=False,
        tolerance=f"{HOLDS_DAYS}d",
    )
    return joined.sort("index").select(history_columns(entity.name))


@settings(max_examples=150, deadline=None)
@given(rows=tables)
def test_equals_a_count_by_hand(rows, small, orders, count_by_hand):
    table = orders(rows)
    for key, entity in enumerate(small.features.entities, start=2):
        found = known(table, history(table, small, entity), entity).rows()
        assert found == [count_by_hand(rows, i, key, entity.window_months) for i in range(len(rows))]


@settings(max_examples=75, deadline=None)
@given(rows=tables, today=days)
def test_nothing_from_today_on_is_known_today(rows, today, small, orders):
    censored = [(d, bad if bad and bad < today else None, *keys) for d, bad, *keys in rows if d < today]
    asked = orders([(today, None, shop, item) for shop in (None, "a", "b") for item in (None, 1, 2)])
    for entity in small.features.entities:
        with_future = known(asked, history(orders(rows), small, entity), entity)
        without = known(asked, history(orders(censored), small, entity), entity)
        assert with_future.equals(without)


@settings(max_examples=75, deadline=None)
@given(rows=tables)
def test_no_two_states_at_one_time_and_none_holds_longer_than_promised(rows, small, orders):
    for entity in small.features.entities:
        changes = history(orders(rows), small, entity)
        count = history_columns(entity.name)[0]
        assert not changes.select(entity.column, EVENT_TIMESTAMP).is_duplicated().any()
        assert changes[entity.column].null_count() == 0
        gaps = changes.with_columns(gap=pl.col(EVENT_TIMESTAMP).shift(-1).over(entity.column) - pl.col(EVENT_TIMESTAMP))
        longest = gaps.filter(pl.col(count).is_not_null())["gap"].max()
        assert longest is None or longest <= timedelta(days=HOLDS_DAYS)
        assert changes.group_by(entity.column).last()[count].null_count() == changes[entity.column].n_unique()


def test_an_outcome_is_known_the_day_after_and_until_the_window_ends(small, orders):
    seller = small.features.entities[0]
    changes = history(orders([(date(2020, 1, 31), date(2020, 2, 3), "a", 1)]), small, seller)
    assert changes.rows() == [
        ("a", datetime(2020, 2, 1, tzinfo=UTC), 1.0, 0.0, None),
        ("a", datetime(2020, 2, 4, tzinfo=UTC), 1.0, 1.0, date(2020, 2, 3)),
        # February has no 31st: its last day, the 29th, is the last on which January's 31st counts.
        ("a", datetime(2020, 3, 1, tzinfo=UTC), 0.0, 1.0, date(2020, 2, 3)),
        ("a", datetime(2020, 3, 4, tzinfo=UTC), None, None, None),
    ]


def test_an_outcome_dated_before_its_row_is_not_known_before_it(small, orders):
    seller = small.features.entities[0]
    changes = history(orders([(date(2020, 1, 31), date(2019, 12, 24), "a", 1)]), small, seller)
    assert changes.row(0) == ("a", datetime(2020, 2, 1, tzinfo=UTC), 1.0, 1.0, date(2020, 1, 31))


def test_rows_without_the_entity_have_no_history(small, orders):
    changes = history(orders([(date(2020, 1, 31), None, None, None)]), small, small.features.entities[0])
    assert changes.is_empty()
    assert changes.columns == ["shop", EVENT_TIMESTAMP, *history_columns("seller")]


def test_a_row_does_not_see_itself_nor_others_of_its_day(small, orders):
    table = orders([(date(2020, 5, 1), date(2020, 5, 1), "a", 1)] * 3)
    seller = small.features.entities[0]
    assert known(table, history(table, small, seller), seller).rows() == [(None, None, None)] * 3


@pytest.mark.parametrize("entity", ["bank", "zip", "industry"])
def test_real_loans_learn_nothing_from_the_future(entity: str, sba, clean_sba: Path):
    plan = next(e for e in sba.features.entities if e.name == entity)
    table, today = pl.read_parquet(clean_sba), date(2003, 6, 30)
    unknown = pl.col("ChgOffDate") >= today
    censored = table.filter(pl.col("ApprovalDate") < today).with_columns(
        y=pl.when(unknown).then(0).otherwise(pl.col("y")),
        ChgOffDate=pl.when(~unknown).then(pl.col("ChgOffDate")),
    )
    assert (censored["y"] == 1).sum() < (table.filter(pl.col("ApprovalDate") < today)["y"] == 1).sum()
    asked = table.filter(pl.col("ApprovalDate").is_between(date(2003, 6, 1), today))
    full = known(asked, history(table, sba, plan), plan, "ApprovalDate")
    assert full.equals(known(asked, history(censored, sba, plan), plan, "ApprovalDate"))
    assert full[f"{entity}_bad"].sum() > 100


def test_midnight_is_in_utc():
    assert midnight(date(2004, 2, 29)) == datetime(2004, 2, 29, tzinfo=UTC)
