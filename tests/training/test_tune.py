import polars as pl
import pytest

from components.core.errors import FairleadError
from components.training.algorithms import ALGORITHMS
from components.training.tune import Trial, Trials, best, search


def trial(loss, algorithm="xgboost", seed=1, number=0):
    return Trial(algorithm=algorithm, parameters={"n": number}, log_loss=loss, seed=seed, number=number)


@pytest.fixture(scope="module")
def found(small_dataset, sba):
    return search(small_dataset, sba, "xgboost", trials=3, seed=1)


def test_a_shard_tried_again_gives_the_same_trials(found, small_dataset, sba):
    assert search(small_dataset, sba, "xgboost", trials=3, seed=1) == found


def test_shards_start_from_the_defaults_and_go_different_ways(found, small_dataset, sba):
    other = search(small_dataset, sba, "xgboost", trials=3, seed=2)
    assert found[0].parameters == other[0].parameters == ALGORITHMS["xgboost"].defaults
    assert found[1].parameters != other[1].parameters
    assert [(t.seed, t.number) for t in other] == [(2, 0), (2, 1), (2, 2)]


@pytest.mark.parametrize("split", ["calibration", "test", "backtest"])
def test_only_the_train_split_is_looked_at(split, small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset)
    turned = pl.when(pl.col("split") == split).then(1 - pl.col("label")).otherwise(pl.col("label"))
    frame.with_columns(label=turned).write_parquet(tmp_path / "turned.parquet")
    assert search(tmp_path / "turned.parquet", sba, "logistic", 2, 1) == search(small_dataset, sba, "logistic", 2, 1)


def test_the_search_is_silent(small_dataset, sba, capfd):
    search(small_dataset, sba, "logistic", 2, 1)
    assert capfd.readouterr() == ("", "")


def test_a_train_split_that_cannot_be_cut_is_refused(small_dataset, sba, tmp_path):
    frame = pl.read_parquet(small_dataset).filter(pl.col("split") == "train")
    pl.concat([frame.filter(pl.col("label") == 0).head(50), frame.filter(pl.col("label") == 1).tail(5)]).sort(
        "event_time"
    ).write_parquet(tmp_path / "few.parquet")
    with pytest.raises(FairleadError, match="too small to tune on"):
        search(tmp_path / "few.parquet", sba, "logistic", 1, 1)


def test_trials_survive_json(found):
    assert Trials.validate_json(Trials.dump_json(found)) == found


def test_best_is_the_smallest_loss_whatever_the_order(found):
    losses = [t.log_loss for t in found]
    assert best(found) == best(found[::-1]) == found[losses.index(min(losses))]


def test_a_tie_goes_by_name_then_seed_then_number():
    tied = [trial(0.1, number=1), trial(0.1, seed=0, number=5), trial(0.1, "logistic", 9, 9), trial(0.1)]
    assert best(tied) == best(tied[::-1]) == tied[2]
    assert best(tied[:2]) == tied[1]
    assert best([tied[0], tied[3]]) == tied[3]


def test_no_trials_is_an_error():
    with pytest.raises(FairleadError, match="no trials"):
        best([])


def test_a_data_set_without_weights_is_searched_as_one_whose_rows_count_once(small_dataset, sba, tmp_path):
    pl.read_parquet(small_dataset).drop("weight").write_parquet(tmp_path / "dataset.parquet")
    assert search(tmp_path / "dataset.parquet", sba, "logistic", 2, 1) == search(small_dataset, sba, "logistic", 2, 1)


def test_the_loss_is_a_mean_by_weight(small_dataset, sba, tmp_path):
    """Were it a sum, or a mean by rows, it would grow with the unit of the weights."""
    frame = pl.read_parquet(small_dataset)
    frame.with_columns(weight=pl.lit(2.0)).write_parquet(tmp_path / "double.parquet")
    frame.with_columns(weight=1 + 2 * pl.col("label")).write_parquet(tmp_path / "heavy.parquet")
    plain, double, heavy = (
        search(path, sba, "logistic", 1, 1)[0].log_loss
        for path in (small_dataset, tmp_path / "double.parquet", tmp_path / "heavy.parquet")
    )
    assert double == pytest.approx(plain, rel=0.01)
    assert heavy > 1.3 * plain


def test_rows_of_one_day_are_cut_by_their_places_in_the_shuffle(card, card_dataset):
    (trial,) = search(card_dataset, card, "logistic", 1, 1)
    assert 0.3 < trial.log_loss < 0.53  # guessing the share of defaults has 0.53
