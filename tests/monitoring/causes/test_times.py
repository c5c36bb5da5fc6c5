from datetime import date

import numpy as np
import polars as pl
import pytest

from components.monitoring.causes.onset import Onset
from components.monitoring.causes.times import Change, times

FIRST = np.datetime64("2003-01-01")


def window(first, days, level, label=None, rows=10, seed=1):
    rng = np.random.default_rng(seed)
    at = FIRST + first + np.repeat(np.arange(days), rows)
    p = np.clip(rng.normal(level, 0.02, len(at)), 0.001, 0.999)
    columns = {"event_time": at.astype("datetime64[D]"), "probability": p}
    if label is not None:
        columns["label"] = (rng.random(len(at)) < label).astype(float)
    return pl.DataFrame(columns), columns["event_time"]


def told(before, now, columns=()):
    return times(before[0], now[0], (before[1], now[1]), columns)


def test_a_step_of_the_score_is_dated():
    (cause,) = told(window(0, 100, 0.1), window(100, 50, 0.3))
    assert (cause.kind, cause.subject, cause.verdict) == ("time", "2003-04-11", "unclear")
    assert cause.share == pytest.approx(1, abs=0.05)
    assert "mean probability 0.0989 before, 0.299 after" in cause.reason


def test_a_loss_that_rises_is_dated_too():
    (cause,) = told(window(0, 100, 0.1, label=0.1), window(100, 50, 0.1, label=0.6))
    assert cause.subject == "2003-04-11"
    assert "loss beyond the expected" in cause.reason


def test_a_world_that_stands_still_has_no_days():
    assert told(window(0, 100, 0.1, label=0.1), window(100, 50, 0.1, label=0.1, seed=2)) == []


def test_a_change_that_the_reference_has_behind_it_explains_nothing():
    old = pl.concat([window(0, 50, 0.1)[0], window(50, 50, 0.3, seed=2)[0]])
    days = old["event_time"].to_numpy().astype("datetime64[D]")
    now = window(100, 50, 0.3, seed=3)
    (cause,) = told((old, days), now)
    assert cause.subject == "2003-02-20"  # half of the reference was before it
    assert told((old[500:], days[500:]), now) == []


def change(name, day, share, verdict, shape="step"):
    return Change(name, Onset(day, day, shape, 0.1, 0.5, 0.002), share, verdict)


def test_columns_that_change_together_are_one_day_and_the_heavier_verdict_counts():
    columns = [
        change("a", date(2003, 2, 1), 0.5, "data_fault"),
        change("b", date(2003, 2, 3), 0.2, "unclear"),
        change("c", date(2003, 3, 20), 0.3, "world_change", "slope"),
    ]
    first, second = told(window(0, 100, 0.1), window(100, 50, 0.1, seed=2), columns)
    assert (first.subject, first.share, first.verdict) == ("2003-02-01", 0.7, "data_fault")
    assert first.reason == "in one step: a, b changed"
    assert (second.subject, second.verdict) == ("2003-03-20", "world_change")


def test_frames_without_scores_have_the_days_of_their_columns_alone():
    bare = pl.DataFrame({"event_time": [date(2003, 1, 1)]})
    days = bare["event_time"].to_numpy().astype("datetime64[D]")
    assert told((bare, days), (bare, days)) == []
