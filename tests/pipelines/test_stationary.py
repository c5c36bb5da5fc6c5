"""The still world: the calendar of the real one, whole rows of one period, and nothing that drifts."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.training.labels import label_rows, with_label
from pipelines.stationary import stationary

FIRST, LAST = date(1998, 1, 1), date(2000, 12, 31)


@pytest.fixture(scope="module")
def features(small_dataset):
    return small_dataset.with_name("features.parquet")


@pytest.fixture(scope="module")
def real(features):
    return pl.read_parquet(features).sort("event_time", "row_id")


@pytest.fixture(scope="module")
def still(features, sba):
    return stationary(features, sba, FIRST, LAST, seed=1)


def donors(frame):
    return frame.filter(pl.col("event_time").is_between(FIRST, LAST))


def by_age(frame):
    """Dates as days from the event, which is how a row is told apart from its day."""
    dates = [name for name, kind in frame.schema.items() if kind == pl.Date and name != "event_time"]
    ages = [(pl.col(name) - pl.col("event_time")).dt.total_days().alias(name) for name in dates]
    return frame.with_columns(ages).drop("row_id", "event_time")


def farthest(sample, population):
    """Largest distance between the distribution functions of a sample and of what it was drawn from."""
    values = np.unique(population)
    shares = [np.searchsorted(np.sort(a), values, side="right") / len(a) for a in (sample, population)]
    return float(np.abs(shares[0] - shares[1]).max())


def allowed(n):
    """What chance exceeds once in a hundred million samples of n (P. Massart, Annals of Probability 18, 1990)."""
    return float(np.sqrt(np.log(2e8) / (2 * n)))


def test_each_day_has_as_many_events_as_in_the_real_world(still, real):
    assert still["event_time"].to_list() == real["event_time"].to_list()
    assert still.schema == real.schema


def test_each_row_is_a_whole_one_of_the_period_moved_to_its_day(still, real):
    found, known = by_age(still), by_age(donors(real))
    assert len(found.join(known.unique(), on=found.columns, how="semi", nulls_equal=True)) == len(still)
    assert found["ApprovalDate"].to_list() == [0] * len(still)
    assert 0.5 < len(found.unique()) / len(known.unique()) <= 1


def test_ids_are_new_and_no_two_are_the_same(still, real):
    assert still["row_id"].is_unique().all()
    assert not set(still["row_id"]) & set(real["row_id"])
    assert still["row_id"].is_sorted()


def test_ids_of_text_stay_text(real, sba, tmp_path):
    real.with_columns(pl.col("row_id").cast(pl.String)).write_parquet(tmp_path / "features.parquet")
    found = stationary(tmp_path / "features.parquet", sba, FIRST, LAST, 1)
    assert found.schema["row_id"] == pl.String
    assert found["row_id"].is_unique().all()
    found.write_parquet(tmp_path / "again.parquet")
    with pytest.raises(FairleadError, match="stands still already"):
        stationary(tmp_path / "again.parquet", sba, FIRST, LAST, 1)


@pytest.mark.parametrize("name", ["GrAppv", "NoEmp", "bank_bad", "zip_count", "industry_last_bad"])
def test_no_year_differs_from_the_period_by_more_than_chance(still, real, name):
    population = by_age(donors(real))[name].fill_null(-1e6).to_numpy()
    for year in range(1997, 2010):
        sample = by_age(still.filter(pl.col("event_time").dt.year() == year))[name].fill_null(-1e6).to_numpy()
        assert farthest(sample, population) < allowed(len(sample)), year
    crisis = by_age(real.filter(pl.col("event_time").dt.year() == 2007))[name].fill_null(-1e6).to_numpy()
    assert farthest(crisis, population) > allowed(len(crisis))


def test_as_many_turn_bad_in_every_year_and_as_fast(still, real, sba):
    months = sba.labels.maturity_months
    rate = with_label(donors(real), months)["label"].mean()
    for year, part in with_label(still, months).group_by(pl.col("event_time").dt.year()):
        error = np.sqrt(rate * (1 - rate) / len(part))
        assert part["label"].mean() == pytest.approx(rate, abs=6 * error), year
    waits = [by_age(f)["outcome_time"].drop_nulls().to_numpy() for f in (still, donors(real))]
    assert farthest(*waits) < allowed(len(waits[0]))


def test_what_trains_on_the_real_world_trains_on_the_still_one(still, sba, tmp_path):
    still.write_parquet(tmp_path / "features.parquet")
    report = label_rows(tmp_path / "features.parquet", sba, date(2003, 12, 31), tmp_path / "dataset.parquet")
    assert all(split.bad > 0 for split in report.splits.values())


def test_a_seed_gives_one_world_in_whatever_order_the_table_comes(still, real, sba, features, tmp_path):
    real.sample(fraction=1.0, shuffle=True, seed=3).write_parquet(tmp_path / "features.parquet")
    assert stationary(tmp_path / "features.parquet", sba, FIRST, LAST, 1).equals(still)
    assert not stationary(features, sba, FIRST, LAST, 2).equals(still)


def test_a_period_without_events_is_refused(features, sba):
    with pytest.raises(FairleadError, match=r"no event lies between 1980-01-01 and 1980-12-31; .* between 1997-"):
        stationary(features, sba, date(1980, 1, 1), date(1980, 12, 31), 1)


def test_a_period_whose_outcomes_are_not_all_known_is_refused(features, sba):
    early = sba.model_copy(update={"data": sba.data.model_copy(update={"known_until": date(2003, 6, 30)})})
    with pytest.raises(FairleadError, match=r"are known for sure on 2003-12-\d\d only, .* up to 2003-06-30"):
        stationary(features, early, FIRST, LAST, 1)
