from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.errors import ContractViolation
from components.monitoring.measured import METRICS
from components.monitoring.performance import performance
from components.training.metrics import weighted_metrics
from components.training.shares import wilson
from tests.monitoring.cohorts import COMES, LONGEST, NOW, watched, world


def by_definition(frame, label="label"):
    p, labels = frame["probability"].to_numpy(), frame[label].cast(pl.Float64).to_numpy()
    found = weighted_metrics(p, labels, np.ones((1, len(p))), 0.5, 1, 1)
    return {name: float(found[name][0]) for name in METRICS}


def values(told):
    return {name: estimate.value for name, estimate in told.items()}


def cohort(found, first, group="all"):
    return next(p for p in found if p.cohort.first == first and p.group == group)


def watching(sba, *, labels=None, segments=("NewExist", "UrbanRural", "LowDoc"), **given):
    return sba.model_copy(
        update={
            "monitoring": sba.monitoring.model_copy(update=given),
            "labels": sba.labels.model_copy(update=labels or {}),
            "training": sba.training.model_copy(update={"segments": segments}),
        }
    )


@pytest.fixture(scope="module")
def hindsight():
    return world(18_000)


@pytest.fixture(scope="module")
def found(sba, hindsight):
    return performance(watched(hindsight), sba, NOW)


def test_a_mature_cohort_is_told_by_its_labels(found, hindsight):
    first, last = date(2006, 4, 1), date(2006, 6, 30)
    rows = hindsight.filter(pl.col("event_time").is_between(first, last))
    told = cohort(found, first)
    assert (told.cohort.last, told.cohort.rows) == (last, len(rows))
    assert (told.mature, told.labelled, told.known_bad, told.developed) == (len(rows), len(rows), rows["bad"].sum(), 1)
    assert values(told.realised) == pytest.approx(by_definition(rows, "bad"))
    assert (told.early, told.severity, told.reason, told.version) == ({}, "green", "", "1")
    assert (told.bad_rate.low, told.bad_rate.high) == pytest.approx(wilson(rows["bad"].sum(), len(rows)))


def test_groups_are_those_of_the_segments_with_50_rows_or_more(found, hindsight):
    first = date(2006, 4, 1)
    rows = hindsight.filter(pl.col("event_time").is_between(first, date(2006, 6, 30)))
    groups = [p.group for p in found if p.cohort.first == first]
    assert groups == ["all", "NewExist=1", "NewExist=2", "UrbanRural=1", "UrbanRural=2", "LowDoc=N", "LowDoc=Y",
                      "LowDoc=missing"]  # fmt: skip
    told = cohort(found, first, "LowDoc=missing")
    assert values(told.realised) == pytest.approx(by_definition(rows.filter(pl.col("LowDoc").is_null()), "bad"))
    assert told.cohort.rows == rows["LowDoc"].null_count()


def test_numbers_name_their_groups_as_evaluation_does(sba, hindsight):
    frame = watched(hindsight.with_columns(NoEmp=pl.Series([3.0, None] * (len(hindsight) // 2))))
    found = performance(frame, watching(sba, segments=("NoEmp",)), NOW, since=NOW)
    assert [p.group for p in found] == ["all", "NoEmp=3", "NoEmp=missing"]


def test_cohorts_come_from_old_to_new_and_may_begin_later(sba, found, hindsight):
    whole = [p for p in found if p.group == "all"]
    assert len(whole) == 36
    assert [p.cohort.first for p in whole] == sorted(p.cohort.first for p in whole)
    later = performance(watched(hindsight), sba, NOW, since=date(2012, 2, 10))
    assert later == tuple(p for p in found if p.cohort.last >= date(2012, 2, 10))
    assert later[0].cohort.first == date(2012, 1, 1)
    months = performance(watched(hindsight), watching(sba, cohort_months=12), date(2012, 3, 31), since=NOW.replace(1))
    assert {(p.cohort.first, p.cohort.last) for p in months if p.cohort.first.year == 2012} == {
        (date(2012, 1, 1), date(2012, 3, 31))
    }


@pytest.mark.parametrize("first", [pytest.param(date(2010, 4, 1), id="90 % known"), date(2011, 4, 1), date(2012, 1, 1)])
def test_early_is_right_on_average(sba, first):
    """The mean error over worlds is less than what one of them may be off by chance."""
    case = watching(sba, segments=())
    errors = []
    for seed in range(25):
        frame = world(8000, date(2008, 1, 1), seed=seed, rise=0.5)
        told = cohort(performance(watched(frame), case, NOW, since=first), first)
        rows = frame.filter(pl.col("event_time").is_between(told.cohort.first, told.cohort.last))
        truth = by_definition(rows, "bad")
        errors.append([told.early[m].value - truth[m] for m in ("log_loss", "brier", "auc")]
                      + [told.bad_rate.value - rows["bad"].mean()])  # fmt: skip
    mean, deviation = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1) / 5
    assert (np.abs(mean) < 3 * deviation).all()
    assert deviation.max() < 0.03


def test_early_leaves_out_what_is_too_young(sba):
    hindsight = world(20_000, date(2008, 1, 1))
    tenth = watching(sba, segments=(), labels={"minimum_developed": 0.1})
    found = performance(watched(hindsight), tenth, NOW)
    told = cohort(found, date(2012, 4, 1))
    assert 0 < told.early["log_loss"].n < told.cohort.rows
    young = cohort(found, date(2012, 10, 1))
    assert (young.early, young.realised, young.severity) == ({}, {}, "no_data")
    assert young.bad_rate.value is None
    assert young.estimated["log_loss"].value is not None
    assert young.reason == "no row is mature; 2% developed, 10% needed"
    assert young.developed < 0.02
    assert 0.5 < cohort(found, date(2011, 4, 1)).developed < COMES.cdf(640 / LONGEST)
    braver = performance(watched(hindsight), watching(sba, labels={"minimum_developed": 0.01}), NOW, since=NOW)
    assert "early: " in braver[0].reason


def test_how_outcomes_come_in_is_learned_from_older_rows_where_the_log_is_young(sba):
    now = date(2006, 6, 30)
    log = watched(world(4000, last=now), now)
    alone = cohort(performance(log, sba, now), date(2005, 1, 1))
    assert alone.early == {}
    assert "how outcomes come in cannot be told" in alone.reason
    assert "hand in older rows as history" in alone.reason
    before = world(4000, date(1999, 1, 1), date(2003, 12, 31), seed=1)
    older = watched(before, date(2003, 12, 31)).select("event_time", "outcome_time", "outcome")
    told = cohort(performance(log, sba, now, history=older), date(2005, 1, 1))
    assert told.early["log_loss"].n == told.cohort.rows
    assert told.developed == pytest.approx(COMES.cdf(500 / LONGEST), abs=0.1)
    assert performance(log, sba, now, history=older.clear()) == performance(log, sba, now)


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        pytest.param(1.0, "no labels have arrived: 0 of {n} mature rows", id="none"),
        pytest.param(0.4, "%), 80% needed", id="too few"),
        pytest.param(0.1, "", id="enough"),
    ],
)
def test_labels_that_did_not_arrive_count_as_nothing(sba, hindsight, lost, reason):
    first, last = date(2006, 4, 1), date(2006, 6, 30)
    rng = np.random.default_rng(0)
    gone = pl.col("event_time").is_between(first, last) & (pl.Series(rng.permutation(18_000) < lost * 18_000))
    columns = ("outcome", "outcome_time", "known_on", "label")
    frame = watched(hindsight).with_columns(pl.when(~gone).then(c).alias(c) for c in columns)
    told = cohort(performance(frame, sba, NOW), first)
    assert reason.format(n=told.mature) in told.reason
    if reason:
        assert (told.realised, told.severity, told.bad_rate.value) == ({}, "no_data", None)
        return
    rows = frame.filter(pl.col("event_time").is_between(first, last) & pl.col("label").is_not_null())
    assert (told.labelled, told.realised["log_loss"].n) == (len(rows), len(rows))
    assert values(told.realised) == pytest.approx(by_definition(rows))


def test_few_rows_or_few_bad_ones_tell_nothing(sba, hindsight):
    first, last = date(2006, 4, 1), date(2006, 6, 30)
    rows = watched(hindsight).filter(pl.col("event_time").is_between(first, last))
    few = performance(rows.head(49), sba, NOW)
    assert [p.reason for p in few] == ["49 rows with a label, 50 needed"]
    assert few[0].estimated == {}
    good = performance(rows.filter(pl.col("label") == 0), sba, NOW)[0]
    assert good.reason.startswith("0 bad and ")
    assert "5 needed of each" in good.reason
    assert good.estimated["log_loss"].value is not None
    assert performance(rows.clear(), sba, NOW) == ()


def test_silence_of_outcomes_that_stopped_is_not_taken_for_good_news(sba):
    """Nothing is told after 2011; a year on the early figures are those of then."""
    stopped, first = date(2011, 12, 31), date(2010, 1, 1)
    frame = world(9000, rise=0.5)
    told = cohort(performance(watched(frame, stopped=stopped), sba, NOW), first)
    then = cohort(performance(watched(frame, stopped), sba, stopped), first)
    assert told.early["log_loss"].value == pytest.approx(then.early["log_loss"].value, rel=0.02)
    truth = by_definition(frame.filter(pl.col("event_time").is_between(first, date(2010, 3, 31))), "bad")
    assert told.early["log_loss"].low < truth["log_loss"] < told.early["log_loss"].high
    last = cohort(performance(watched(frame, stopped=stopped), sba, NOW), date(2011, 10, 1))
    assert last.severity == "no_data"


def test_of_rows_whose_good_outcomes_come_late_the_bad_ones_alone_do_not_count(sba, hindsight):
    """Good outcomes are told 15 days after maturity: of those days only the bad ones have a label."""
    late = (pl.col("label") == 0) & (pl.col("matures") > date(2012, 12, 16))
    frame = watched(hindsight).with_columns(label=pl.when(~late).then("label"))
    told = cohort(performance(frame, sba, NOW), date(2009, 10, 1))
    settled = frame.filter(pl.col("matures").is_between(date(2012, 10, 1), date(2012, 12, 16)))
    assert told.labelled > len(settled)
    assert values(told.realised) == pytest.approx(by_definition(settled))


def test_a_cohort_that_several_versions_answered_is_of_all(sba, hindsight):
    newer = pl.when(pl.col("event_time") >= date(2012, 5, 1)).then(pl.lit("2")).otherwise(pl.lit("1"))
    found = performance(watched(hindsight.with_columns(version=newer)), sba, NOW, since=date(2012, 1, 1))
    versions = {p.cohort.first.month: p.version for p in found}
    assert versions == {1: "1", 4: "all", 7: "2", 10: "2"}
    assert {p.version for p in found if p.cohort.first.month == 4} == {"all"}


def test_only_the_metrics_that_are_watched_are_told(sba, hindsight):
    case = watching(sba, metrics=("brier",), loss="log_loss")
    told = cohort(performance(watched(hindsight), case, NOW), date(2006, 4, 1))
    assert set(told.realised) == set(told.estimated) == {"brier", "log_loss"}


def test_nobody_is_told_before_their_time(sba, hindsight):
    """What is found as of a day does not depend on what came later."""
    then = date(2009, 6, 30)
    later = hindsight.with_columns(
        bad=pl.col("bad") & (pl.col("when") <= then), when=pl.min_horizontal("when", pl.lit(then))
    )
    assert performance(watched(hindsight, then), sba, then) == performance(watched(later, then), sba, then)


def test_missing_columns_are_named(sba, hindsight):
    with pytest.raises(ContractViolation, match=r"lack known_on, LowDoc.*Make them with Joined"):
        performance(watched(hindsight).drop("known_on", "LowDoc"), sba, NOW)
