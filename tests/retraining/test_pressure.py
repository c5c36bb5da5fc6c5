from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Estimate
from components.core.watching import Monitoring, Retraining, Threshold
from components.monitoring.calls import beyond
from components.monitoring.values import Drift
from components.retraining.pressure import least_rise, of_drift, of_performance, of_schedule
from tests.retraining.found import JUDGED, NOW, cohort, drifted, findings, loss

SHARES = {"bank_rate": 0.6, "sector": 0.3, "log_amount": 0.1}


@pytest.mark.parametrize(
    ("drift", "value"),
    [
        ([drifted("bank_rate", 0.05)], 0.0),
        ([drifted("bank_rate", 0.1), drifted("sector", 0.0)], 0.5 * 0.6 / 0.9),
        ([drifted("bank_rate", 0.2), drifted("sector", 0.0)], 0.6 / 0.9),
        ([drifted("bank_rate", 0.4), drifted("sector", 0.15), drifted("log_amount", 0)], 1.2 + 0.75 * 0.3),
        # Two tests of one subject: the worse one speaks, and it is not counted twice.
        ([drifted("bank_rate", 0.2), drifted("bank_rate", 0.3, test="psi")], 1.5),
        # One broken column does not decide alone.
        ([drifted("log_amount", 99.0), drifted("bank_rate", 0), drifted("sector", 0)], 0.3),
        # The same said once more adds nothing.
        ([drifted("bank_rate", 0), drifted("probability", 9, "prediction"), drifted("*", 9, "multivariate")], 0.0),
    ],
)
def test_drift_counts_by_strain_and_importance(drift, value):
    found = of_drift(findings(drift, importance=SHARES))
    assert found.value == pytest.approx(value)
    assert found.reason.startswith(f"drift {found.value:.2f}")


def test_drift_is_told_with_its_figures():
    told = of_drift(findings([drifted("bank_rate", 0.4), drifted("*", 1.0, "multivariate")], importance=SHARES)).reason
    assert told == (
        "drift 2.00: bank_rate ks 0.4 (red from 0.2) x importance 100%; beside that all features together changed"
    )


@pytest.mark.parametrize(("estimated", "factor"), [(0.05, 0.5), (0.15, 1.5), (0.01, 0.25), (0.9, 2.0), (0.1, 1.0)])
def test_drift_counts_for_more_where_the_estimated_loss_rises_and_for_less_where_it_falls(estimated, factor):
    performance = [cohort(NOW, estimated=loss(estimated)), cohort(NOW, version="0", estimated=loss(0.5))]
    found = findings([drifted("bank_rate", 0.4)], performance, importance=SHARES)
    told = of_drift(found, Monitoring())
    assert told.value == pytest.approx(2 * factor)
    assert told.reason.startswith(f"drift {2 * factor:.2f}: bank_rate")
    assert (f"; times {factor:.2f}, the loss estimated without labels" in told.reason) == (factor != 1)
    assert of_drift(found).value == pytest.approx(2)


def test_an_estimate_that_is_not_known_changes_nothing():
    found = findings([drifted("bank_rate", 0.4)], [cohort(NOW, early=loss(0.5))], importance=SHARES)
    assert of_drift(found, Monitoring()).value == pytest.approx(2)


def test_without_importance_all_subjects_count_alike():
    assert of_drift(findings([drifted("a", 0.2), drifted("b", 0.0)])).value == pytest.approx(0.5)


def test_no_data_is_told_and_is_no_calm():
    assert "nothing is known, there were no rows" in of_drift(findings(None)).reason
    few = Drift(
        subject="a", kind="numeric", test="ks", effect=None, amber=1, red=2, reference_rows=3, current_rows=4,
        severity="no_data",
    )  # fmt: skip
    assert "too little data to test" in of_drift(findings([few])).reason
    assert "no log_loss of version 1 can be told" in of_performance(findings(), Monitoring(), ()).reason


values = st.floats(0.01, 1.0)


@given(values, values, values, values, values, values, st.floats(-0.5, 3.0))
def test_the_least_rise_is_where_the_alarm_changes_its_mind(f, f_low, f_high, b, b_low, b_high, share):
    """What an alarm calls shown above 1 + share times the baseline is exactly what has risen by more than share."""
    found = Estimate(value=f, low=f * f_low, high=f + f_high, n=100)
    baseline = Estimate(value=b, low=b * b_low, high=b + b_high, n=100)
    rise = least_rise(found, baseline)
    if abs(rise - share) > 1e-6:
        shown = beyond(found, baseline, Threshold(amber=share, red=share)) is not None
        assert shown == (rise > share)


def test_a_loss_counts_from_the_end_of_the_interval_that_speaks_for_calm():
    monitoring = Monitoring(loss_rise=Threshold(amber=0.15, red=0.35))
    risen = of_performance(findings(performance=[cohort(NOW, early=loss(0.15))]), monitoring, ())
    assert 0.35 / 0.15 < risen.value < 0.5 / 0.15
    assert "log_loss 0.1500 [0.1450, 0.1550] (n=3000)" in risen.reason
    unsure = of_performance(findings(performance=[cohort(NOW, early=loss(0.15, half=0.06))]), monitoring, ())
    assert unsure.value == 0.0


def test_what_is_known_counts_twice_as_much_as_what_is_estimated():
    known = of_performance(findings(performance=[cohort(NOW, early=loss(0.15))]), Monitoring(), ())
    guessed = of_performance(findings(performance=[cohort(NOW, estimated=loss(0.15))]), Monitoring(), ())
    assert guessed.value == pytest.approx(known.value / 2)
    assert "estimated" in guessed.reason


def test_the_newest_cohort_that_knows_its_loss_speaks():
    older, newer = date(2004, 6, 30), date(2004, 12, 31)
    performance = [
        cohort(older, realised=loss(0.5)),
        cohort(newer, realised=loss(0.1), early=loss(0.6)),
        cohort(NOW, group="sector=1", early=loss(0.9)),
        cohort(NOW, version="0", early=loss(0.9)),
    ]
    assert of_performance(findings(performance=performance), Monitoring(), ()).value == 0.0


def test_of_all_versions_together_what_came_after_the_last_training_counts():
    performance = [cohort(date(2004, 6, 30), version="all", realised=loss(0.5))]
    assert of_performance(findings(performance=performance), Monitoring(), (date(2004, 6, 30),)).value == 0.0
    assert of_performance(findings(performance=performance), Monitoring(), (date(2004, 1, 1),)).value > 1


def test_an_auc_that_falls_is_a_loss_that_rises():
    performance = cohort(NOW).model_copy(update={"early": {"auc": loss(0.6)}})
    found = findings(performance=[performance]).model_copy(update={"expected_loss": loss(0.8)})
    assert of_performance(found, Monitoring(loss="auc"), ()).value > 1


def test_the_schedule_is_due_to_the_day():
    settings = Retraining(triggers=("schedule",), schedule_months=12, pressure=2.0)
    last = (date(2004, 2, 29),)
    assert of_schedule(settings, last, date(2005, 2, 27)).value < 2.0
    assert of_schedule(settings, last, date(2005, 2, 28)).value == 2.0
    assert of_schedule(settings, (), NOW).value == 2.0


def test_a_baseline_without_value_says_nothing():
    assert least_rise(loss(0.2), Estimate(value=None, n=3)) is None
    assert least_rise(Estimate(value=0.2, n=1), Estimate(value=0.1, n=1)) == pytest.approx(1.0)
    assert JUDGED.value == 0.10
