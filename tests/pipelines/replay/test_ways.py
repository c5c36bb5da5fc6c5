"""Other ways to keep a model: none scores a row that its model could know, and the oracle alone knows what comes."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.use_case import UseCase
from components.core.watching import Window
from components.features.rows import from_frame, request_fields
from components.training.bundle import Bundle
from pipelines.replay import ways as module
from pipelines.replay.ways import Search, other_ways
from tests.pipelines.replay.scrambled import another_future

FIRST, LAST = date(2007, 1, 1), date(2008, 12, 31)
TURN = date(2007, 12, 31)
"""The training date of the second year's models."""

WAYS = ["frozen", "yearly", "yearly_early", "oracle"]
QUICK = Search(algorithm="logistic", trials=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ways")


@pytest.fixture(scope="module")
def thin(small_dataset: Path) -> pl.DataFrame:
    """Every third of the small loans."""
    return pl.read_parquet(small_dataset.with_name("features.parquet")).sort("event_time", "row_id").gather_every(3)


def trained_on(sba: UseCase, window: Window) -> UseCase:
    """The use case with one window for what is trained anew."""
    return sba.model_copy(update={"retraining": sba.retraining.model_copy(update={"windows": (window,)})})


def scored(table: pl.DataFrame, sba: UseCase, bundle: Path, folder: Path, name: str) -> pl.DataFrame:
    table.write_parquet(folder / f"{name}-features.parquet")
    case = trained_on(sba, Window())
    other_ways(folder / f"{name}-features.parquet", case, bundle, FIRST, LAST, folder / f"{name}.parquet", QUICK)
    return pl.read_parquet(folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def real(thin: pl.DataFrame, sba: UseCase, signed_bundle: Path, folder: Path) -> pl.DataFrame:
    return scored(thin, sba, signed_bundle, folder, "real")


@pytest.fixture(scope="module")
def other(thin: pl.DataFrame, sba: UseCase, signed_bundle: Path, folder: Path) -> pl.DataFrame:
    """The same, where all that became known after the turn of the year is another."""
    kept = thin.filter(pl.col("event_time") <= LAST)
    future = another_future(kept, TURN)
    # What is scored stays, so that scores can be compared: the future is one of outcomes alone.
    same = kept.drop("outcome", "outcome_time").join(future.select("row_id", "outcome", "outcome_time"), on="row_id")
    return scored(same.select(kept.columns), sba, signed_bundle, folder, "other")


def test_each_row_of_the_years_has_a_score_of_each_way(real: pl.DataFrame, thin: pl.DataFrame) -> None:
    expected = thin.filter(pl.col("event_time").is_between(FIRST, LAST))
    assert real.columns == ["row_id", *WAYS]
    assert real["row_id"].to_list() == expected["row_id"].cast(pl.String).to_list()
    scores = real.select(WAYS).to_numpy()
    assert np.isfinite(scores).all()
    assert ((scores > 0) & (scores < 1)).all()
    assert len({tuple(real[way].round(6)) for way in WAYS}) == len(WAYS)


def test_the_frozen_way_is_the_first_model(
    real: pl.DataFrame, thin: pl.DataFrame, sba: UseCase, signed_bundle: Path
) -> None:
    rows = thin.filter(pl.col("event_time").is_between(FIRST, LAST))
    expected = Bundle.open(signed_bundle).probability(from_frame(rows, request_fields(sba)))
    assert real["frozen"].to_numpy() == pytest.approx(expected)


def test_what_becomes_known_after_a_training_date_changes_the_oracle_alone(
    real: pl.DataFrame, other: pl.DataFrame
) -> None:
    assert real["row_id"].equals(other["row_id"])
    for way in ("frozen", "yearly", "yearly_early"):
        assert np.array_equal(real[way], other[way]), way
    assert (np.abs(real["oracle"] - other["oracle"]) > 0.01).mean() > 0.9
    # And so it is for loans that came before the turn: it knew at its first training what would become of them.
    assert not np.array_equal(real["oracle"][:50], other["oracle"][:50])


def test_each_year_has_a_model_of_its_own(real: pl.DataFrame, thin: pl.DataFrame) -> None:
    """Each year has a model of its own: the same row asked again a year later would be scored otherwise."""
    days = thin.filter(pl.col("event_time").is_between(FIRST, LAST))["event_time"]
    for way in ("yearly", "yearly_early"):
        means = [float(real[way].filter(days.dt.year() == year).mean()) for year in (2007, 2008)]
        assert means[0] != means[1]
    assert float(real["yearly_early"].mean()) > float(real["yearly"].mean())


class Noted:
    """Stands for a model: its scores say on which day it was trained."""

    def __init__(self, day: date) -> None:
        self.day = day

    def probability(self, rows):
        return np.full(len(rows["x"]), float(np.datetime64(self.day, "D").astype(int)))


@settings(max_examples=60)
@given(
    turns=st.lists(st.integers(0, 900), min_size=1, max_size=6, unique=True).map(sorted),
    events=st.lists(st.integers(1, 1000), min_size=1, max_size=40),
)
def test_by_the_calendar_a_row_gets_the_newest_model_of_an_earlier_day(turns: list[int], events: list[int]) -> None:
    start = date(2004, 1, 1)
    days, asked = [start + timedelta(days=t) for t in turns], []

    def model(day: date) -> Noted:
        asked.append(day)
        return Noted(day)

    when = np.array([start + timedelta(days=e) for e in events], dtype="datetime64[D]")
    found = module._by_calendar({"x": np.arange(len(when))}, when, days, model)
    for event, score in zip(when, found, strict=True):
        earlier = [np.datetime64(d) for d in days if np.datetime64(d) < event]
        assert np.isnan(score) if not earlier else score == float(max(earlier).astype(int))
    # No model is made that nobody asks.
    assert len(asked) == len(set(asked)) == len({s for s in found if not np.isnan(s)})


def test_the_oracle_learns_from_as_many_months_of_events_as_a_sliding_window_has(
    thin: pl.DataFrame, sba: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its day lies a maturity later, so its window reaches back a maturity longer."""
    seen = {}

    def note(features: Path, case: UseCase, as_of: date, _: Search) -> None:
        seen.update(rows=pl.read_parquet(features), case=case, as_of=as_of)

    monkeypatch.setattr(module, "_train", note)
    case = trained_on(sba, Window(policy="sliding", months=24))
    module._all_knowing(thin, case, date(2006, 6, 30), QUICK)
    assert seen["as_of"] == date(2009, 6, 30)
    assert seen["rows"]["event_time"].max() <= date(2006, 6, 30)
    assert seen["case"].training.window == Window(policy="sliding", months=60)
    assert seen["case"].labels.maturity_months == sba.labels.maturity_months
    module._all_knowing(thin, trained_on(sba, Window()), date(2006, 6, 30), QUICK)
    assert seen["case"].training.window == Window()
