from datetime import date

import numpy as np
import pytest

from components.core.contracts import Estimate
from components.monitoring.estimated import EstimateError, estimated, tracked
from components.monitoring.measured import METRICS
from components.monitoring.performance import performance
from components.monitoring.values import Performance, Window
from components.training.metrics import weighted_metrics
from tests.monitoring.cohorts import NOW, watched, world


def cohort(year, mine, truth=None, *, early=None, group="all", rows=1000, labelled=1000):
    def told(ends):
        if ends is None:
            return {}
        low, value, high = ends
        return {"log_loss": Estimate(value=value, low=low, high=high, n=1000)}

    return Performance(
        cohort=Window(first=date(year, 1, 1), last=date(year, 12, 31), rows=rows),
        group=group,
        version="1",
        mature=labelled,
        labelled=labelled,
        known_bad=10,
        developed=1.0,
        realised=told(truth),
        early=told(early),
        estimated=told(mine),
        bad_rate=Estimate(value=None, n=1000),
    )


def test_it_is_what_the_metric_is_on_average_when_labels_are_drawn():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 8, 400)
    told = estimated(p, METRICS)
    assert set(told) == {"log_loss", "brier", "auc"}
    drawn = []
    for _ in range(2000):
        found = weighted_metrics(p, (rng.random(400) < p).astype(float), np.ones((1, 400)), 0.5, 1, 1)
        drawn.append([float(found[name][0]) for name in told])
    error = np.std(drawn, axis=0) / np.sqrt(2000)
    assert np.array([told[name].value for name in told]) == pytest.approx(np.mean(drawn, axis=0), abs=4 * error.max())


def test_fewer_than_50_rows_tell_nothing():
    assert estimated(np.full(49, 0.1), METRICS) == {}
    assert set(estimated(np.full(50, 0.1), METRICS)) == {"log_loss", "brier", "auc"}


def test_error_is_the_estimate_beside_what_came_true():
    found = tracked(
        [
            cohort(2004, (0.1, 0.2, 0.3), (0.2, 0.25, 0.4)),
            cohort(2005, (0.2, 0.3, 0.4), (0.2, 0.25, 0.4)),
            cohort(2006, (0.4, 0.5, 0.6), early=(0.4, 0.6, 0.8)),
            cohort(2006, (0.4, 0.5, 0.6), (5, 6, 7), group="NewExist=1"),
            cohort(2007, (0.4, 0.5, 0.6)),
        ],
        "log_loss",
    )
    assert (found.n, found.inside, found.broken, found.flagged, found.reason) == (3, 3, (), False, "")
    assert found.mean_error == pytest.approx((-0.05 + 0.05 - 0.1) / 3)
    assert found.mean_absolute_error == pytest.approx(0.2 / 3)
    assert found.correlation == pytest.approx(np.corrcoef([0.2, 0.3, 0.5], [0.25, 0.25, 0.6])[0, 1])


@pytest.mark.parametrize(
    ("truth", "given", "off"),
    [
        pytest.param((0.2, 0.29, 0.4), {}, False, id="inside"),
        pytest.param((0.2, 0.31, 0.4), {}, False, id="outside, by chance once in twenty"),
        pytest.param((0.3, 0.35, 0.4), {}, True, id="far outside"),
        pytest.param((0.1, 0.35, 0.6), {}, True, id="far outside: on these very rows it has no noise of its own"),
        pytest.param((0.1, 0.35, 0.6), {"labelled": 600}, False, id="of part of the rows it has"),
    ],
)
def test_an_estimate_breaks_where_chance_does_not_explain_the_distance(truth, given, off):
    found = tracked([cohort(2007, (0.15, 0.2, 0.3), truth, **given)], "log_loss")
    assert found.flagged is off
    assert found.broken == (("2007-01-01",) if off else ())
    assert ("no longer calibrated" in found.reason) is off


def test_many_a_little_outside_are_flagged_together():
    outside = [cohort(2000 + i, (0.15, 0.2, 0.3), (0.2, 0.31, 0.4)) for i in range(3)]
    found = tracked(outside, "log_loss")
    assert (found.inside, found.broken, found.flagged) == (0, (), True)
    assert found.correlation is None  # neither moved


def test_without_a_pair_there_is_no_error():
    found = tracked([cohort(2007, (0.1, 0.2, 0.3))], "log_loss")
    assert found == EstimateError(metric="log_loss", n=0, reason=found.reason)
    assert "no labels tell it yet" in found.reason
    assert "have none" in tracked([], "calibration_error").reason


@pytest.mark.parametrize("middle", [pytest.param(0.0, id="the same rows"), pytest.param(1.0, id="riskier rows come")])
def test_calibrated_scores_are_seldom_flagged_whoever_comes(sba, middle):
    flagged, inside, of, correlations = 0, 0, 0, []
    for seed in range(12):
        frame = world(6000, last=date(2009, 12, 31), seed=seed, middle=-2.5 + middle * np.linspace(0, 1, 6000))
        found = tracked(performance(watched(frame), _whole(sba), NOW), "log_loss")
        flagged, inside, of = flagged + found.flagged, inside + found.inside, of + found.n
        correlations.append(found.correlation)
    assert flagged <= 2
    assert 0.92 <= inside / of <= 0.985
    if middle:
        assert np.mean(correlations) > 0.75


def test_scores_that_are_no_longer_calibrated_are_flagged(sba):
    rise = np.where(np.arange(6000) > 4000, 1.2, 0.0)
    frame = world(6000, last=date(2009, 12, 31), rise=rise)
    found = tracked(performance(watched(frame), _whole(sba), NOW), "log_loss")
    assert found.flagged
    assert {"2008-07-01", "2009-01-01", "2009-10-01"} <= set(found.broken)
    assert not {first for first in found.broken if first < "2008-01-01"}
    assert found.mean_error < -0.03


def _whole(sba):
    return sba.model_copy(update={"training": sba.training.model_copy(update={"segments": ()})})
