import polars as pl
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from components.core.errors import ContractViolation, IntegrityError
from components.training.evaluate import AllMetrics, evaluate


@pytest.fixture(scope="module")
def quick(sba):
    return sba.model_copy(update={"training": sba.training.model_copy(update={"bootstrap_rounds": 40})})


@pytest.fixture(scope="module")
def measured(small_dataset, predictions, quick):
    return {(m.dataset, m.slice): m.metrics for m in evaluate(small_dataset, predictions, quick, 0.05)}


def test_both_data_sets_are_measured_overall_by_year_and_by_segment(measured, small_dataset):
    frame = pl.read_parquet(small_dataset)
    for split in ("test", "backtest"):
        part = frame.filter(pl.col("split") == split)
        slices = {"all": len(part)}
        slices |= {f"year={y}": n for y, n in part["event_time"].dt.year().value_counts().iter_rows()}
        for column in ("NewExist", "UrbanRural", "LowDoc"):
            slices |= {
                f"{column}={'missing' if v is None else v}": n for v, n in part[column].value_counts().iter_rows()
            }
        assert {s: m["auc"].n for (d, s), m in measured.items() if d == split} == slices


def test_a_slice_is_measured_on_its_own_rows(measured, small_dataset, predictions):
    scored = pl.read_parquet(small_dataset).join(
        pl.read_parquet(predictions).select("row_id", "probability"), on="row_id"
    )
    part = scored.filter((pl.col("split") == "test") & (pl.col("NewExist") == "2"))
    expected = roc_auc_score(part["label"], part["probability"])
    assert measured["test", "NewExist=2"]["auc"].value == pytest.approx(expected)


def test_small_slices_have_no_value(measured):
    small = [m for m in measured.values() if m["auc"].n < 50]
    assert small
    assert all(e.value is None and e.low is None for m in small for e in m.values())


def test_missing_values_are_a_slice_of_their_own(small_dataset, predictions, quick, tmp_path):
    frame = pl.read_parquet(small_dataset).with_columns(
        LowDoc=pl.when(pl.col("row_id") % 2 == 0).then(None).otherwise(pl.col("LowDoc"))
    )
    frame.write_parquet(tmp_path / "dataset.parquet")
    found = {
        m.slice: m for m in evaluate(tmp_path / "dataset.parquet", predictions, quick, 0.05) if m.dataset == "test"
    }
    even = frame.filter((pl.col("split") == "test") & pl.col("LowDoc").is_null())
    assert found["LowDoc=missing"].metrics["auc"].n == len(even) > 50


def test_a_table_without_a_future_has_a_backtest_without_values(small_dataset, predictions, quick, tmp_path):
    pl.read_parquet(small_dataset).filter(pl.col("split") != "backtest").write_parquet(tmp_path / "dataset.parquet")
    found = [m for m in evaluate(tmp_path / "dataset.parquet", predictions, quick, 0.05) if m.dataset == "backtest"]
    assert [m.slice for m in found] == ["all"]
    assert all(e.value is None and e.n == 0 for e in found[0].metrics.values())


def test_metrics_survive_json(small_dataset, predictions, quick):
    found = evaluate(small_dataset, predictions, quick, 0.05)
    assert AllMetrics.validate_json(AllMetrics.dump_json(found)) == found
    assert evaluate(small_dataset, predictions, quick, 0.05) == found


def test_a_segment_that_is_not_there_is_named(small_dataset, predictions, quick, tmp_path):
    pl.read_parquet(small_dataset).drop("LowDoc").write_parquet(tmp_path / "dataset.parquet")
    with pytest.raises(ContractViolation, match="names LowDoc, which the data set lacks"):
        evaluate(tmp_path / "dataset.parquet", predictions, quick, 0.05)


def test_rows_without_prediction_are_refused(small_dataset, predictions, quick, tmp_path):
    pl.read_parquet(predictions).tail(3).write_parquet(tmp_path / "few.parquet")
    with pytest.raises(IntegrityError, match="have no prediction"):
        evaluate(small_dataset, tmp_path / "few.parquet", quick, 0.05)


def test_rows_count_by_their_weight(small_dataset, predictions, quick, tmp_path):
    frame = pl.read_parquet(small_dataset).with_columns(weight=1 + 2 * pl.col("label"))
    frame.write_parquet(tmp_path / "dataset.parquet")
    found = {(m.dataset, m.slice): m.metrics for m in evaluate(tmp_path / "dataset.parquet", predictions, quick, 0.05)}
    part = frame.join(pl.read_parquet(predictions).select("row_id", "probability"), on="row_id").filter(
        (pl.col("split") == "test") & (pl.col("NewExist") == "2")
    )
    expected = brier_score_loss(part["label"], part["probability"], sample_weight=part["weight"])
    assert found["test", "NewExist=2"]["brier"].value == pytest.approx(expected)
    assert found["test", "NewExist=2"]["brier"].n == len(part)


def test_a_data_set_without_weights_is_measured_as_before(measured, small_dataset, predictions, quick, tmp_path):
    pl.read_parquet(small_dataset).drop("weight").write_parquet(tmp_path / "dataset.parquet")
    found = evaluate(tmp_path / "dataset.parquet", predictions, quick, 0.05)
    assert {(m.dataset, m.slice): m.metrics for m in found} == measured
