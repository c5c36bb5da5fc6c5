import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError, IntegrityError
from components.features.rows import request_fields
from components.training.dataset import read, read_scored


def test_read_gives_one_split_in_order_of_time(small_dataset, sba):
    frame = pl.read_parquet(small_dataset).filter(pl.col("split") == "calibration")
    rows = read(small_dataset, sba, "calibration")
    assert len(rows.labels) == len(rows.days) == len(frame)
    assert rows.labels.sum() == frame["label"].sum()
    assert np.all(np.diff(rows.days) >= np.timedelta64(0, "D"))
    assert set(rows.columns) == {f.name for f in request_fields(sba)}


def test_take_keeps_rows_together(small_dataset, sba):
    rows = read(small_dataset, sba, "test")
    bad = rows.take(rows.labels == 1)
    assert np.all(bad.labels == 1)
    assert len(bad.days) == len(bad.columns["GrAppv"]) == rows.labels.sum()
    assert np.array_equal(bad.columns["GrAppv"], rows.columns["GrAppv"][rows.labels == 1])


def test_a_split_without_rows_is_refused(small_dataset, sba):
    with pytest.raises(FairleadError, match="no rows in split 'holdout'"):
        read(small_dataset, sba, "holdout")


def test_read_scored_finds_each_row_its_own_score_whatever_the_order(small_dataset, predictions, tmp_path):
    shuffled = pl.read_parquet(predictions).sample(fraction=1.0, shuffle=True, seed=3)
    shuffled.write_parquet(tmp_path / "predictions.parquet")
    ours = read_scored(small_dataset, tmp_path / "predictions.parquet", "test")
    theirs = dict(shuffled.select("row_id", "probability").iter_rows())
    assert ours["probability"].to_list() == [theirs[i] for i in ours["row_id"]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda p: p.head(len(p) - 5).tail(10), "have no prediction", id="rows missing"),
        pytest.param(lambda p: pl.concat([p, p.tail(1)]), "1 have more than one", id="row twice"),
    ],
)
def test_predictions_of_another_data_set_are_refused(small_dataset, predictions, tmp_path, change, told):
    backtest = pl.read_parquet(predictions).filter(pl.col("split") == "backtest")
    change(backtest).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(IntegrityError, match=told):
        read_scored(small_dataset, tmp_path / "other.parquet", "backtest")


def test_a_data_set_written_before_there_were_weights_counts_each_row_once(small_dataset, sba, tmp_path):
    pl.read_parquet(small_dataset).drop("weight").write_parquet(tmp_path / "dataset.parquet")
    old, new = read(tmp_path / "dataset.parquet", sba, "test"), read(small_dataset, sba, "test")
    assert np.array_equal(old.weights, np.ones(len(old.labels)))
    assert np.array_equal(old.weights, new.weights)


def test_weights_stay_with_their_rows(small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset).with_columns(weight=1 + 2 * pl.col("label"))
    frame.write_parquet(tmp_path / "dataset.parquet")
    rows = read(tmp_path / "dataset.parquet", sba, "test")
    assert np.array_equal(rows.weights, 1 + 2 * rows.labels)
    assert set(rows.take(rows.labels == 1).weights) == {3.0}
