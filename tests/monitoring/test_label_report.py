from datetime import date, timedelta

import polars as pl
import pytest

from components.monitoring.label_report import delay_days, known_until, label_report, settled_until
from tests.monitoring.cohorts import NOW, watched, world

SCHEMA = {"mature": pl.Boolean, "label": pl.Float64, "known_on": pl.Date, "matures": pl.Date}


def ago(days):
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        pytest.param([], None, id="no rows"),
        pytest.param([(False, None, None, NOW + timedelta(1))], None, id="none is due"),
        pytest.param([(False, 1.0, ago(400), NOW + timedelta(1))], None, id="none is due, and one is known"),
        pytest.param([(True, 0.0, ago(400), ago(400))], 0, id="none waits"),
        pytest.param([(True, 0.0, ago(60), ago(60)), (True, None, None, ago(50))], 50, id="late since it was due"),
        pytest.param([(True, 0.0, ago(9), ago(60)), (True, None, None, ago(50))], 9, id="others came meanwhile"),
        pytest.param([(True, None, None, ago(70)), (True, None, None, ago(50))], 70, id="none ever came"),
        pytest.param([(True, None, None, NOW)], 0, id="due today"),
        pytest.param([(False, 1.0, ago(3), NOW + timedelta(9)), (True, None, None, ago(50))], 3, id="a young one came"),
    ],
)
def test_delay_is_since_outcomes_fail_to_come(rows, days):
    frame = pl.DataFrame(rows, SCHEMA, orient="row")
    assert delay_days(frame, NOW) == days
    assert known_until(frame, NOW) == (ago(days) if days and days >= 30 else NOW)


def test_cohorts_say_what_is_known_of_them(sba):
    hindsight = world(3000, last=date(2011, 12, 31))
    found = label_report(watched(hindsight), sba, NOW)
    assert (found.rows, found.delay_days, found.waiting_since, found.newest) == (3000, 0, None, NOW)
    assert [c.cohort.first for c in found.cohorts] == sorted(c.cohort.first for c in found.cohorts)
    assert sum(c.cohort.rows for c in found.cohorts) == found.rows
    assert sum(c.mature for c in found.cohorts) == found.mature == found.labelled
    old, new = found.cohorts[0], found.cohorts[-1]
    assert (old.maturity, old.coverage, old.matures.year) == (1, 1, 2007)
    assert (new.maturity, new.coverage) == (0, None)
    rows = hindsight.filter(pl.col("event_time") <= old.cohort.last)
    assert old.known_bad == rows["bad"].sum()


def test_outcomes_that_stopped_are_seen(sba):
    stopped = date(2012, 9, 1)
    frame = watched(world(3000), stopped=stopped)
    found = label_report(frame, sba, NOW)
    assert found.waiting_since > stopped
    assert found.newest <= stopped
    assert 110 < found.delay_days <= (NOW - stopped).days
    assert known_until(frame, NOW) == NOW - timedelta(days=found.delay_days)
    assert found.labelled < found.mature
    assert {c.coverage for c in found.cohorts if c.matures <= stopped} == {1.0}
    assert [c.coverage < 0.3 for c in found.cohorts if c.cohort.first == date(2009, 10, 1)] == [True]  # bad ones


@pytest.mark.parametrize(
    ("rows", "until"),
    [
        pytest.param([], NOW, id="no rows"),
        pytest.param([(True, 0.0, ago(9), ago(9)), (True, 1.0, ago(500), ago(3))], NOW, id="none waits"),
        pytest.param([(True, 0.0, ago(9), ago(9)), (True, None, None, ago(3))], ago(9), id="the newest wait"),
        pytest.param([(True, None, None, ago(9)), (True, 0.0, ago(3), ago(3))], NOW, id="an old one waits"),
        pytest.param(
            [(True, 1.0, ago(9), ago(9)), (True, None, None, ago(3))], date.min, id="none is known to be good"
        ),
        pytest.param([(False, None, None, NOW + timedelta(1))], NOW, id="none is mature"),
    ],
)
def test_rows_are_settled_up_to_the_newest_that_is_known_to_be_good(rows, until):
    assert settled_until(pl.DataFrame(rows, SCHEMA, orient="row"), NOW) == until


def test_an_empty_log_has_an_empty_report(sba):
    found = label_report(watched(world(3000)).clear(), sba, NOW)
    assert (found.rows, found.cohorts, found.delay_days, found.newest) == (0, (), None, None)
