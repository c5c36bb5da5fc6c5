from datetime import date

import numpy as np
import polars as pl
import pytest

from components.monitoring.excess import NAME, excess
from components.monitoring.streams import detect
from components.training.development import Development, learn
from tests.monitoring.test_streams import JUDGED
from tests.monitoring.watched_rows import MATURITY, known, rows

NOW = date(2012, 1, 1)


@pytest.fixture(scope="module")
def grown() -> Development:
    learned = date(2010, 1, 1)
    return learn([(rows(20_000, seed=99, now=learned), learned)], MATURITY)


def test_a_world_that_keeps_its_promise_is_quiet(grown: Development) -> None:
    found = [excess(rows(3_000, seed=seed), grown, NOW, tolerated=0.0, alpha=0.1) for seed in range(30)]
    assert {w.state for w in found} <= {"quiet", "warning", "drift"}
    assert sum(w.state == "drift" for w in found) <= 3
    assert np.mean([w.mean for w in found]) == pytest.approx(1.0, abs=0.1)


def test_a_change_is_found_long_before_the_rows_have_matured(grown: Development) -> None:
    frame = rows(changes=0.6)
    (found,) = excess(frame, grown, NOW, tolerated=0.25).detections
    (loss,) = detect(frame, ["sequential"], streams=["loss"], baselines=JUDGED)
    # The change is of August 2007.
    assert date(2007, 9, 1) < found.day < date(2008, 6, 1) < loss.day
    assert found.value > 1.0


def test_looking_earlier_finds_the_same_or_nothing_yet(grown: Development) -> None:
    whole = rows(changes=0.6)
    (found,) = excess(whole, grown, NOW, tolerated=0.25).detections
    for now in (date(2007, 8, 1), found.day, date(2009, 2, 3)):
        then = excess(known_again(whole, now), grown, now, tolerated=0.25)
        assert then.detections == ((found,) if now >= found.day else ())


def known_again(frame: pl.DataFrame, now: date) -> pl.DataFrame:
    told = frame.with_columns(outcome_time=pl.coalesce("outcome_time", pl.col("matures")))
    return known(told.drop("matures", "mature", "label", "known_on"), now)


def test_what_is_expected_is_what_months_of_life_add_up_to() -> None:
    """By hand: two rows, three months, each month's share of those that can still turn bad."""
    month = 365.25 / 12
    ages, shares = (0.0, month, 2 * month, 3 * month), (0.0, 0.5, 0.75, 1.0)
    grown = Development(ages=ages, shares=shares, outcomes=10**9)
    frame = pl.DataFrame(
        {
            "event_time": [date(2020, 1, 1)] * 300,
            "probability": [0.2] * 300,
            "label": [1.0] * 30 + [0.0] * 270,
            "outcome_time": [date(2020, 1, 20)] * 30 + [None] * 270,
        }
    )
    whole = excess(frame, grown, date(2020, 12, 31), tolerated=0.0)
    later = 270 * (0.2 * 0.25 / (1 - 0.1) + 0.2 * 0.25 / (1 - 0.15))
    assert whole.mean == pytest.approx(30 / (300 * 0.1 + later), rel=1e-6)
    first = excess(frame, grown, date(2020, 2, 15), tolerated=0.0)
    assert first.mean == pytest.approx(1.0, rel=1e-6)
    assert first.stream == NAME


@pytest.mark.parametrize(
    ("frame", "told", "cause"),
    [
        (rows(150), True, "150 rows, needed 200"),
        (rows(400, now=date(2004, 2, 10)), True, "few were logged"),
        (rows(30_000).filter(pl.col("event_time") > date(2009, 12, 1)), True, "the rows are young"),
        (rows(400), False, "too few to say how outcomes come in"),
        (rows(400).clear(), True, "0 rows"),
    ],
)
def test_too_little_is_no_data_with_its_cause(grown: Development, frame: pl.DataFrame, told: bool, cause: str) -> None:
    now = date(2009, 12, 20) if cause == "the rows are young" else NOW
    found = excess(frame, grown.model_copy(update={"told": told}), now, tolerated=0.25)
    assert found.state == "no_data"
    assert cause in found.reason
