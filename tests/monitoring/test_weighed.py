"""Labels that are fair to compare rows by, from a world whose truth is known."""

from datetime import date

import polars as pl
import pytest

from components.monitoring.weighed import weighed
from components.training.development import learn
from tests.monitoring.watched_rows import MATURITY, known, rows

NOW = date(2009, 7, 1)


def made(frame: pl.DataFrame, minimum: float = 0.1) -> pl.DataFrame:
    history = rows(20_000, seed=9)
    return weighed(frame, NOW, MATURITY, minimum, learn([(history, date(2010, 6, 30))], MATURITY))


def rate(frame: pl.DataFrame) -> float:
    told = frame.drop_nulls("label")
    return float((told["label"] * told["weight"]).sum() / told["weight"].sum())


def test_rows_whose_time_runs_count_as_what_will_become_of_them() -> None:
    whole = rows(60_000).filter(pl.col("event_time").is_between(date(2008, 11, 1), date(2009, 3, 1)))
    now = known(whole, NOW)
    truth = float(whole["label"].mean())  # type: ignore[arg-type]
    assert rate(made(now)) == pytest.approx(truth, abs=0.015)
    # As they stand they are all bad, and with the others taken as good too few are.
    assert now["label"].mean() == 1.0
    assert float(now["label"].fill_null(0.0).mean()) < truth - 0.02  # type: ignore[arg-type]


def test_mature_rows_keep_their_labels_and_those_without_one_have_none() -> None:
    now = known(rows(3_000), NOW).with_columns(
        label=pl.when(pl.int_range(pl.len()) % 7 > 0).then("label"),
    )
    found = made(now)
    mature = pl.col("mature")
    assert found.filter(mature)["label"].equals(now.filter(mature)["label"])
    assert set(found.filter(mature & pl.col("label").is_not_null())["weight"]) == {1.0}
    assert found.filter(pl.col("label").is_null())["weight"].null_count() == found["label"].null_count() > 0
    assert found.drop("label", "weight").equals(now.drop("label"))


def test_the_youngest_rows_have_no_label() -> None:
    found = made(known(rows(3_000), NOW), minimum=0.5)
    young = found.filter(pl.col("event_time") > date(2009, 5, 1))
    assert len(young) > 0
    assert young["label"].null_count() == len(young)


def test_no_rows_are_no_rows() -> None:
    assert made(rows().clear()).is_empty()
