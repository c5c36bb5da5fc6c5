import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.watching import Window
from components.training.algorithms import algorithm
from components.training.dataset import read
from components.training.train import predict, threshold, train
from components.training.tune import Trial


def trial(name):
    return Trial(algorithm=name, parameters=dict(algorithm(name).defaults), log_loss=0.0, seed=7, number=0)


@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_same_inputs_give_the_same_candidate(which, small_dataset, sba, request):
    first = request.getfixturevalue(which)
    again = train(small_dataset, sba, trial(first.algorithm))
    columns = read(small_dataset, sba, "test").columns
    assert np.array_equal(first.probability(columns), again.probability(columns))
    assert first.calibration == again.calibration
    assert first.transform.fingerprint() == again.transform.fingerprint()


@pytest.mark.parametrize("split", ["test", "backtest"])
def test_later_splits_do_not_reach_the_model(split, candidate, small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset)
    turned = pl.when(pl.col("split") == split).then(1 - pl.col("label")).otherwise(pl.col("label"))
    frame.with_columns(label=turned).write_parquet(tmp_path / "turned.parquet")
    other = train(tmp_path / "turned.parquet", sba, trial("xgboost"))
    columns = read(small_dataset, sba, "test").columns
    assert np.array_equal(candidate.probability(columns), other.probability(columns))


@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_a_candidate_ranks_unseen_loans_better_than_chance(which, small_dataset, sba, request):
    rows = read(small_dataset, sba, "test")
    p = request.getfixturevalue(which).probability(rows.columns)
    bad, good = p[rows.labels == 1], p[rows.labels == 0]
    assert (bad[:, None] > good).mean() > 0.6


def test_calibration_rows_get_their_own_rate(candidate, small_dataset, sba):
    rows = read(small_dataset, sba, "calibration")
    assert candidate.probability(rows.columns).mean() == pytest.approx(rows.labels.mean(), abs=0.005)


def test_the_threshold_weighs_the_stated_costs(sba, candidate):
    dear = sba.training.model_copy(update={"cost_false_negative": 99.0, "cost_false_positive": 1.0})
    assert threshold(dear) == 0.01
    assert candidate.threshold == threshold(sba.training)
    p, cost = candidate.threshold, sba.training
    assert p * cost.cost_false_negative == pytest.approx((1 - p) * cost.cost_false_positive)


def test_predict_scores_every_row_with_its_own_values(candidate, predictions, small_dataset, sba):
    frame, scored = pl.read_parquet(small_dataset), pl.read_parquet(predictions)
    assert scored.columns == ["row_id", "split", "label", "probability"]
    assert scored.drop("probability").equals(frame.select("row_id", "split", "label"))
    test = scored.filter(pl.col("split") == "test")["probability"].to_numpy()
    assert test == pytest.approx(candidate.probability(read(small_dataset, sba, "test").columns), abs=1e-9)


def test_predict_writes_equal_bytes_again(candidate, predictions, small_dataset, sba, tmp_path):
    predict(candidate, small_dataset, sba, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == predictions.read_bytes()


def test_one_class_to_calibrate_on_is_refused(small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset)
    frame.filter((pl.col("split") != "calibration") | (pl.col("label") == 0)).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(FairleadError, match="one class only"):
        train(tmp_path / "d.parquet", sba, trial("logistic"))


@pytest.mark.parametrize("name", ["xgboost", "logistic"])
def test_a_data_set_without_weights_trains_the_same_model(name, small_dataset, sba, tmp_path, request):
    pl.read_parquet(small_dataset).drop("weight").write_parquet(tmp_path / "dataset.parquet")
    old = train(tmp_path / "dataset.parquet", sba, trial(name))
    new = request.getfixturevalue({"xgboost": "candidate", "logistic": "baseline"}[name])
    columns = read(small_dataset, sba, "test").columns
    assert np.array_equal(old.probability(columns), new.probability(columns))


def test_calibration_gives_the_rate_by_weight(small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset)
    heavy = pl.when(pl.col("split") == "calibration").then(1 + 3 * pl.col("label")).otherwise(1.0)
    frame.with_columns(weight=heavy).write_parquet(tmp_path / "dataset.parquet")
    rows = read(tmp_path / "dataset.parquet", sba, "calibration")
    p = train(tmp_path / "dataset.parquet", sba, trial("xgboost")).probability(rows.columns)
    assert np.average(p, weights=rows.weights) == pytest.approx(np.average(rows.labels, weights=rows.weights), abs=0.01)


def test_a_decaying_window_reaches_the_model(candidate, small_dataset, sba):
    training = sba.training.model_copy(update={"window": Window(policy="decaying", months=12)})
    recent = train(small_dataset, sba.model_copy(update={"training": training}), trial("xgboost"))
    columns = read(small_dataset, sba, "test").columns
    assert not np.array_equal(recent.probability(columns), candidate.probability(columns))
