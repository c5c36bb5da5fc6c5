import math
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import ContractViolation, FairleadError
from components.features import online
from components.features.history import EVENT_TIMESTAMP, HOLDS_DAYS, midnight
from components.features.rows import from_frame, history_columns, request_fields
from components.features.store import build_features, history_path, materialize, open_store

ROWS = 2_000


@pytest.fixture(scope="module")
def rows_at_end(built, sba) -> dict[str, np.ndarray]:
    """Real rows of all years as if they came on the day of materialisation, with histories joined offline by polars."""
    end = date(2004, 1, 2)
    table = pl.read_parquet(built.features).sample(ROWS, seed=3).with_columns(ApprovalDate=pl.lit(end))
    for entity in sba.features.entities:
        names = history_columns(entity.name)
        good_for = (pl.lit(midnight(end)) - pl.col(EVENT_TIMESTAMP)).is_between(
            pl.duration(days=0), pl.duration(days=HOLDS_DAYS)
        )
        states = pl.read_parquet(history_path(built.store, entity.name)).filter(good_for)
        latest = states.sort(EVENT_TIMESTAMP).group_by(entity.column).last().select(entity.column, *names)
        table = table.drop(names).join(latest, on=entity.column, how="left", maintain_order="left")
    return dict(from_frame(table, request_fields(sba)))


def test_the_store_online_gives_the_histories_of_the_store_offline(built, sba, rows_at_end):
    found = online.histories(built.store, sba, {e.column: rows_at_end[e.column] for e in sba.features.entities})
    assert sorted(found) == sorted(name for e in sba.features.entities for name in history_columns(e.name))
    for name, values in found.items():
        np.testing.assert_array_equal(values, rows_at_end[name])
    assert np.nansum(found["bank_bad"]) > ROWS


def test_the_matrix_from_the_store_equals_the_transform(built, sba, rows_at_end):
    inputs = {name: rows_at_end[name] for name in sba.features.inputs}
    found = online.matrix(built.store, sba, inputs)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, built.transform.apply(rows_at_end))
    assert np.isfinite(found).any(axis=0).all()


def test_the_matrix_equals_that_of_the_features_of_the_same_day(built, sba):
    day = pl.read_parquet(built.features).filter(pl.col("event_time") == date(2004, 1, 2))
    rows = from_frame(day, request_fields(sba))
    assert day.height > 20
    np.testing.assert_array_equal(online.matrix(built.store, sba, rows), built.transform.apply(rows))


def test_the_on_demand_view_computes_training_tables_too(built, sba):
    part = pl.read_parquet(built.features).filter(pl.col("bank_count").is_not_null()).sample(300, seed=5).sort("row_id")
    asked = part.select("row_id", *sba.features.inputs).with_columns(
        pl.col("ApprovalDate").cast(pl.String), event_timestamp=pl.col("ApprovalDate").cast(pl.Datetime("us", "UTC"))
    )
    store = open_store(built.store)
    service = store.get_feature_service("sba_loans_matrix")
    with pytest.warns(DeprecationWarning, match="fetch_arrow_table"):
        answer = store.get_historical_features(entity_df=asked.to_pandas(), features=service).to_df()
    found = answer.sort_values("row_id")[list(built.transform.names)].to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(found, built.transform.apply(from_frame(part, request_fields(sba))))


def test_entities_never_seen_or_not_stated_are_missing(built, sba):
    keys = {
        "Bank": np.array(["WELLS FARGO BANK NATL ASSOC", "NO SUCH BANK", None], dtype=object),
        "Zip": np.array([math.nan, 12345.0, 90001.0]),
        "NAICS": np.array([722110.0, math.nan, 1.0]),
    }
    found = online.histories(built.store, sba, keys)
    assert np.isnan(found["bank_count"]).tolist() == [False, True, True]
    assert np.isnat(found["bank_last_bad"]).tolist() == [False, True, True]
    assert np.isnan(found["zip_count"]).tolist() == [True, True, False]
    assert np.isnan(found["industry_bad"]).tolist() == [False, True, True]


def test_no_rows_give_no_rows(built, sba, rows_at_end):
    none = {name: values[:0] for name, values in rows_at_end.items()}
    assert all(len(values) == 0 for values in online.histories(built.store, sba, none).values())
    assert online.matrix(built.store, sba, none).shape == (0, len(built.transform.names))


def test_a_missing_column_is_named(built, sba, rows_at_end):
    without = {name: values for name, values in rows_at_end.items() if name != "GrAppv"}
    with pytest.raises(ContractViolation, match="missing column GrAppv"):
        online.matrix(built.store, sba, without)


def test_a_store_without_a_transform_says_so(built, sba, rows_at_end, tmp_path):
    shutil.copytree(built.store, tmp_path / "store")
    (tmp_path / "store" / "transform.json").unlink()
    with pytest.raises(FairleadError, match=r"give it one with store\.apply_on_demand"):
        online.matrix(tmp_path / "store", sba, rows_at_end)


def test_going_back_in_time_leaves_nothing_of_the_future(small, orders, tmp_path: Path):
    orders([(date(2020, 3, 1), None, "a", 1), (date(2020, 3, 10), date(2020, 3, 12), "b", 1)]).write_parquet(
        tmp_path / "clean.parquet"
    )
    build_features(tmp_path / "clean.parquet", small, tmp_path / "store", tmp_path / "features.parquet")
    keys = {"shop": np.array(["a", "b", "a"], dtype=object), "item": np.array([1.0, 1.0, 2.0])}
    seen = {}
    for end in (date(2020, 3, 13), date(2020, 3, 12), date(2020, 3, 1), date(2020, 3, 2), date(2021, 1, 1)):
        materialize(tmp_path / "store", small, end)
        found = online.histories(tmp_path / "store", small, keys)
        seen[end] = (found["seller_count"].tolist()[:2], found["thing_bad"].tolist()[:2])
        assert np.isnan(found["thing_count"][2])
    nan = math.nan
    expected = {
        date(2020, 3, 1): ([nan, nan], [nan, nan]),
        date(2020, 3, 2): ([1, nan], [0, 0]),
        date(2020, 3, 12): ([1, 1], [0, 0]),
        date(2020, 3, 13): ([1, 1], [1, 1]),
        date(2021, 1, 1): ([nan, nan], [nan, nan]),
    }
    for end, values in expected.items():
        np.testing.assert_array_equal(seen[end], values, err_msg=str(end))


def test_many_keys_are_read_in_parts(built, sba, rows_at_end, monkeypatch):
    keys = {e.column: rows_at_end[e.column] for e in sba.features.entities}
    whole = online.histories(built.store, sba, keys)
    monkeypatch.setattr(online, "KEYS_AT_ONCE", 700)
    parts = online.histories(built.store, sba, keys)
    for name in whole:
        np.testing.assert_array_equal(whole[name], parts[name])


def test_an_open_store_is_kept_open_until_it_is_materialised_again(small, orders, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(online, "LOOKED_AT_EVERY", 0.0)
    orders([(date(2020, 3, 1), None, "a", 1)]).write_parquet(tmp_path / "clean.parquet")
    build_features(tmp_path / "clean.parquet", small, tmp_path / "store", tmp_path / "features.parquet")
    (tmp_path / "store" / "online.db").unlink()
    with pytest.raises(FairleadError, match="has no online half; make it with: fairlead features materialize"):
        online.Opened(tmp_path / "store")
    materialize(tmp_path / "store", small, date(2020, 3, 2))
    opened = online.Opened(tmp_path / "store")
    keys, kinds = {"shop": np.array(["a", None], dtype=object)}, {"shop": "category"}
    first = opened._current()
    assert opened.read(["small_seller:seller_count"], keys, kinds)["seller_count"] == [1.0, None]
    assert (opened.known_until("small_seller"), opened._current()) == (midnight(date(2020, 3, 2)), first)
    for end, count in ((date(2021, 1, 1), None), (date(2020, 3, 3), 1.0)):
        materialize(tmp_path / "store", small, end)
        assert opened.read(["small_seller:seller_count"], keys, kinds)["seller_count"] == [count, None]
        assert opened.known_until("small_seller") == midnight(end)
    with pytest.raises(FairleadError, match="unknown feature view 'small_buyer'; allowed: small_seller, small_thing"):
        opened.view("small_buyer")
