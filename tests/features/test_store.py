import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError, IntegrityError
from components.features import online, store
from components.features.history import EVENT_TIMESTAMP, HOLDS_DAYS, as_instant
from components.features.rows import from_frame, history_columns, request_fields
from components.features.store import apply_on_demand, build_features, materialize, open_store

days = st.dates(date(2020, 1, 1), date(2020, 12, 31))
order = st.tuples(days, st.none() | days, st.sampled_from([None, "a", "b"]), st.none() | st.integers(1, 2))


def build(rows, small, orders, folder: Path):
    orders(rows).write_parquet(folder / "clean.parquet")
    report = build_features(folder / "clean.parquet", small, folder / "store", folder / "features.parquet")
    return report, pl.read_parquet(folder / "features.parquet")


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(order, min_size=1, max_size=30))
def test_every_row_comes_back_with_what_a_count_by_hand_gives(rows, small, orders, count_by_hand, tmp_path_factory):
    report, features = build(rows, small, orders, tmp_path_factory.mktemp("store"))
    assert features["row_id"].to_list() == orders(rows)["id"].to_list()
    assert report.rows == len(rows)
    for key, entity in enumerate(small.features.entities, start=2):
        expected = [count_by_hand(rows, i, key, entity.window_months) for i in range(len(rows))]
        assert features.select(history_columns(entity.name)).rows() == expected
        told = report.histories[key - 2]
        assert told.rows_without_key == sum(r[key] is None for r in rows)
        assert told.rows_without_history == sum(e[0] is None for e in expected)


def test_real_loans_are_all_there_and_agree_with_an_asof_join(built, sba):
    clean, features = pl.read_parquet(built.clean), pl.read_parquet(built.features)
    assert built.report.rows == clean.height == features.height
    assert features["row_id"].equals(clean["LoanNr_ChkDgt"])
    assert tuple(features.columns) == built.report.columns
    assert features.select("event_time", "outcome", "outcome_time").equals(
        clean.select(event_time="ApprovalDate", outcome="y", outcome_time="ChgOffDate")
    )
    for entity in sba.features.entities:
        names = history_columns(entity.name)
        peer = (
            clean.select(pl.row_index(), entity.column, at=as_instant(pl.col("ApprovalDate")))
            .sort("at")
            .join_asof(
                pl.read_parquet(store.history_path(built.store, entity.name)).sort(EVENT_TIMESTAMP),
                left_on="at",
                right_on=EVENT_TIMESTAMP,
                by=entity.column,
                check_sortedness=False,
                tolerance=f"{HOLDS_DAYS}d",
            )
            .sort("index")
        )
        assert features.select(names).equals(peer.select(*names[:2], pl.col(names[2]).cast(pl.Date)))
        assert features[names[1]].sum() > 10_000


def test_a_history_has_a_latest_bad_day_just_when_it_has_a_bad_outcome(built, sba):
    features = pl.read_parquet(built.features)
    for entity in sba.features.entities:
        _, bad, last_bad = history_columns(entity.name)
        assert ((features[bad].fill_null(0) > 0) == features[last_bad].is_not_null()).all()
        assert (features[last_bad].drop_nulls() < features.drop_nulls(last_bad)["event_time"]).all()


def test_parts_give_what_one_go_gives(small, orders, tmp_path, monkeypatch):
    rows = [(date(2020, 3, 1 + i % 20), date(2020, 4, 1), "ab"[i % 2], i % 3) for i in range(20)]
    _, whole = build(rows, small, orders, tmp_path)
    monkeypatch.setattr(store, "ROWS_AT_ONCE", 3)
    _, parts = build(rows, small, orders, tmp_path)
    assert whole.equals(parts)


def test_the_working_directory_and_the_terminal_stay_clean(small, orders, tmp_path, monkeypatch, capfd):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    build([(date(2020, 3, 1), None, "a", 1)], small, orders, tmp_path)
    materialize(Path("../store"), small, date(2020, 3, 2))
    assert list(Path().iterdir()) == []
    assert capfd.readouterr().out == ""
    assert sorted(p.name for p in (tmp_path / "store").iterdir()) == [
        "feature_store.yaml",
        "history",
        "online.db",
        "registry.db",
    ]


def test_building_again_leaves_nothing_of_the_last_store(built, small, orders, tmp_path):
    shutil.copytree(built.store, tmp_path / "store")
    build([(date(2020, 3, 1), None, "a", 1)], small, orders, tmp_path)
    opened = open_store(tmp_path / "store")
    assert [v.name for v in opened.list_batch_feature_views()] == ["small_seller", "small_thing"]
    assert opened.list_on_demand_feature_views() == []


def test_an_empty_table_is_refused(small, orders, tmp_path):
    with pytest.raises(IntegrityError, match="no rows"):
        build([], small, orders, tmp_path)


ASKED = pl.DataFrame({"fairlead_row": [0, 1, 2], "key": ["a", None, "b"]})


@pytest.mark.parametrize(
    ("joined", "message"),
    [
        (ASKED.head(2), r"2 rows for 3: 1 lost \(rows \[2\]\)"),
        (pl.concat([ASKED, ASKED.tail(1)]), r"4 rows for 3: 0 lost .* 1 doubled \(rows \[2\]\)"),
        (pl.concat([ASKED.head(2), ASKED.head(1)]).sort("fairlead_row"), r"1 lost \(rows \[2\]\), 1 doubled"),
        (ASKED.with_columns(pl.col("key").fill_null("a")), "changed column 'key'"),
    ],
)
def test_a_join_that_loses_doubles_or_changes_rows_is_refused(joined, message):
    with pytest.raises(IntegrityError, match=message):
        store._require_every_row(ASKED, joined)


def test_a_join_that_keeps_every_row_is_taken():
    store._require_every_row(ASKED, ASKED.clone())


def test_a_directory_without_a_store_is_refused(tmp_path, sba, built):
    for use in (
        lambda: open_store(tmp_path),
        lambda: materialize(tmp_path, sba, date(2004, 1, 1)),
        lambda: apply_on_demand(tmp_path, sba, built.store / "transform.json"),
    ):
        with pytest.raises(FairleadError, match="is not a feature store"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_store_works_where_it_was_moved_to(built, sba, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(built.store, moved)
    materialize(moved, sba, date(2004, 1, 2))
    rows = from_frame(pl.read_parquet(built.features).head(100), request_fields(sba))
    here, there = online.histories(built.store, sba, rows), online.histories(moved, sba, rows)
    assert all(pl.Series(here[name]).equals(pl.Series(there[name]), null_equal=True) for name in here)
    sources = [s.path for s in open_store(moved).list_data_sources() if hasattr(s, "path") and s.path]
    assert len(sources) == 3
    assert all(str(moved) in path for path in sources)
