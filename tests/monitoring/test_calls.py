from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Estimate
from components.core.watching import Monitoring, Threshold
from components.monitoring.calls import Measured, beyond, calls
from components.monitoring.values import Drift, DriftReport, Performance, Window

MONITORING = Monitoring()
JUDGED = Estimate(value=0.10, low=0.09, high=0.11, n=2000)
NOTHING = Estimate(value=None, n=0)
REFERENCE = Window(first=date(2003, 1, 1), last=date(2003, 12, 31), rows=1000)
CURRENT = Window(first=date(2004, 1, 1), last=date(2004, 3, 31), rows=900)


def loss(value, room=0.01, n=1000):
    return {"log_loss": Estimate(value=value, low=value - room, high=value + room, n=n)}


def cohort(quarter=1, group="all", **changes):
    given_ = {
        "cohort": Window(first=date(2004, quarter * 3 - 2, 1), last=date(2004, quarter * 3, 28), rows=1000),
        "group": group,
        "version": "all",
        "mature": 1000,
        "labelled": 1000,
        "known_bad": 30,
        "developed": 1.0,
        "bad_rate": NOTHING,
    }
    return Performance(**{**given_, **changes})


def drifted(subject="GrAppv", severity="amber", kind="numeric", **changes):
    given_ = {
        "subject": subject,
        "kind": kind,
        "test": "ks",
        "effect": {"green": 0.01, "amber": 0.15, "red": 0.4, "no_data": None}[severity],
        "amber": 0.1,
        "red": 0.3,
        "reference_rows": 1000,
        "current_rows": 900,
        "severity": severity,
    }
    return Drift(**{**given_, **changes})


def made(*performance, drift=(), outliers=NOTHING, delay=None, expected=JUDGED, monitoring=MONITORING):
    report = DriftReport(reference=REFERENCE, current=CURRENT, false_discovery_rate=0.05, results=drift)
    return calls(Measured(report if drift else None, performance, expected, outliers, delay), monitoring)


def keys(found):
    return [(c.key, c.severity) for c in found]


def test_calm_figures_call_for_nothing():
    calm = cohort(realised=loss(0.10), estimated=loss(0.10))
    odd = Estimate(value=0.005, low=0.002, high=0.01, n=900)
    assert made(calm, drift=(drifted(severity="green"), drifted(severity="no_data")), outliers=odd, delay=0.0) == ()


def test_nothing_measured_calls_for_nothing():
    assert made() == ()


def test_the_most_severe_test_speaks_for_a_subject_and_names_the_others():
    (call,) = made(
        drift=(drifted(), drifted(severity="red", test="psi", effect=0.9), drifted(severity="green", test="kl"))
    )
    assert (call.key, call.severity, call.value, call.threshold) == ("drift/GrAppv", "red", 0.9, 0.3)
    assert "psi 0.9" in call.summary
    assert call.summary.endswith("also by ks")


def test_missing_values_and_schema_have_alerts_of_their_own():
    found = made(
        drift=(drifted(), drifted(kind="missing", test="missing_rate", severity="red"), drifted("Zip", "red", "schema"))
    )
    assert keys(found) == [("missing/GrAppv", "red"), ("schema/Zip", "red"), ("drift/GrAppv", "amber")]


def test_the_newest_loss_counts_by_whichever_way_it_is_known():
    old, new = cohort(1, realised=loss(0.10)), cohort(2, mature=0, labelled=0, early=loss(0.20))
    (call,) = made(old, new)
    assert (call.key, call.severity) == ("loss/log_loss", "red")
    assert call.value == pytest.approx(1.0)
    assert "2004-04-01" in call.summary
    assert "by the labels known so far" in call.summary
    assert made(cohort(1, realised=loss(0.20)), cohort(2, realised=loss(0.10))) == ()


def test_an_estimated_loss_is_told_apart():
    assert keys(made(cohort(estimated=loss(0.14)))) == [("estimated_loss/log_loss", "amber")]


def test_a_rise_that_the_interval_does_not_show_is_no_call():
    assert made(cohort(realised=loss(0.20, room=0.12))) == ()


def test_auc_counts_by_what_it_lacks():
    by_auc = Monitoring(loss="auc")
    judged = Estimate(value=0.80, low=0.79, high=0.81, n=2000)
    fallen = {"auc": Estimate(value=0.70, low=0.69, high=0.71, n=2000)}
    (call,) = made(cohort(realised=fallen), expected=judged, monitoring=by_auc)
    assert (call.key, call.severity) == ("loss/auc", "red")
    risen = {"auc": Estimate(value=0.90, low=0.89, high=0.91, n=2000)}
    assert made(cohort(realised=risen), expected=judged, monitoring=by_auc) == ()


def test_an_estimate_that_came_out_worse_is_called_broken():
    both = cohort(estimated=loss(0.10), realised=loss(0.30))
    assert ("estimate_broken/log_loss", "red") in keys(made(both))


def test_the_newest_cohort_that_shows_it_speaks_for_a_broken_estimate():
    shown = cohort(1, estimated=loss(0.10), early=loss(0.30))
    unsure = {"log_loss": Estimate(value=0.3, low=0.0, high=0.9, n=60)}
    vague = cohort(2, estimated=loss(0.10), early=unsure)
    (call,) = [c for c in made(shown, vague) if c.name == "estimate_broken"]
    assert "2004-01-01" in call.summary
    assert not [c for c in made(vague) if c.name == "estimate_broken"]


def test_a_group_is_held_against_its_own_cohort():
    performance = [
        cohort(1, realised=loss(0.10)),
        cohort(1, "NewExist=2", realised=loss(0.30)),
        cohort(2, realised=loss(0.11)),
        cohort(2, "NewExist=2", realised=loss(0.18)),
        cohort(2, "NewExist=1", realised=loss(0.10)),
    ]
    assert keys(made(*performance)) == [("group/NewExist=2", "amber")]


def test_outliers_are_called_by_the_low_end():
    assert made(outliers=Estimate(value=0.3, low=0.04, high=0.6, n=9)) == ()
    (call,) = made(outliers=Estimate(value=0.3, low=0.26, high=0.34, n=900))
    assert (call.key, call.severity) == ("outliers/rows", "red")


@pytest.mark.parametrize(
    ("mature", "labelled", "severity"), [(1000, 800, None), (1000, 799, "amber"), (1000, 300, "red"), (10, 0, None)]
)
def test_labels_that_do_not_come_are_called(mature, labelled, severity):
    found = made(cohort(mature=mature, labelled=labelled))
    assert keys(found) == ([] if severity is None else [("label_coverage/labels", severity)])


@pytest.mark.parametrize(("days", "severity"), [(None, None), (0, None), (29, None), (30, "amber"), (90, "red")])
def test_labels_that_stopped_are_called(days, severity):
    assert [c.severity for c in made(delay=days)] == ([] if severity is None else [severity])


def test_red_comes_first():
    found = made(cohort(realised=loss(0.9)), drift=(drifted(), drifted("Zip", "red")), delay=40)
    assert [c.severity for c in found] == sorted((c.severity for c in found), reverse=True)


@given(
    st.floats(0.01, 1), st.floats(0, 0.5), st.floats(0.01, 1), st.floats(0, 0.5), st.floats(0, 1), st.floats(0.01, 0.3)
)
def test_a_narrower_interval_never_unsays_a_call(value, room, base, base_room, allowed, narrower):
    order = [None, "amber", "red"]

    def said(shrunk):
        found = Estimate(value=value, low=value - room * shrunk, high=value + room * shrunk, n=100)
        baseline = Estimate(value=base, low=base - base_room * shrunk, high=base + base_room * shrunk, n=100)
        return order.index(beyond(found, baseline, Threshold(amber=allowed, red=2 * allowed)))

    assert said(narrower) >= said(1)


@pytest.mark.parametrize(("found", "baseline"), [(NOTHING, JUDGED), (JUDGED, NOTHING)])
def test_without_a_figure_nothing_is_shown(found, baseline):
    assert beyond(found, baseline, Threshold(amber=0, red=0)) is None
