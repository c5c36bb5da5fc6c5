"""What is shown to Prometheus: every figure with its labels, nothing where nothing is known, never too much."""

from datetime import UTC, date, datetime

import pytest

from components.monitoring import exported
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from components.monitoring.exported import MOST, NAMES, STATES, Looked, of_book, of_looks
from tests.monitoring.alerts.looks import (
    AT_ONCE,
    NOTHING,
    call,
    cohort,
    day,
    estimate,
    findings,
    report,
    result,
    treated,
)

ENDED = datetime(2026, 3, 1, 9, tzinfo=UTC)


def samples(metrics):
    """Name → what tells its series apart → value."""
    found = {}
    for metric in metrics:
        assert metric.name in NAMES
        for s in metric.samples:
            labels = {k: v for k, v in s.labels.items() if k not in ("use_case", "model")}
            found.setdefault(s.name, {})["|".join(labels.values())] = s.value
    return found


def shown(**changes):
    around = {k: changes.pop(k) for k in list(changes) if k in Looked.__dataclass_fields__}
    return samples(of_looks([Looked(**{"findings": findings(**changes), "ended": ENDED, "seconds": 7.5, **around})]))


def test_a_look_is_shown_with_its_time_its_model_and_what_it_measured():
    found = shown(drift=report(result(severity="red"), result("State", kind="category", effect=None)))
    assert found["fairlead_look_end_timestamp_seconds"] == {"": ENDED.timestamp()}
    assert found["fairlead_look_duration_seconds"] == {"": 7.5}
    assert found["fairlead_look_window_rows"] == {"": 900}
    assert found["fairlead_champion_info"] == {"1": 1}
    assert found["fairlead_drift_effect"] == {"Bank|numeric|psi": 0.3}, "no series without an effect"
    assert found["fairlead_drift_effect_ratio"] == {"Bank|numeric|psi": pytest.approx(1.2)}
    assert found["fairlead_expected_loss"] == {"1|value": 0.3, "1|low": 0.27, "1|high": pytest.approx(0.33)}
    assert found["fairlead_outlier_ratio"]["value"] == 0.01


def test_performance_is_that_of_the_newest_cohort_that_can_tell():
    old, new = cohort(), cohort(realised={}, early={"log_loss": estimate(0.6)}, cohort=cohort().cohort, mature=0)
    group = cohort(group="State=CA")
    mine = cohort(version="1", realised={"log_loss": estimate(0.7)}, estimated={})
    found = shown(performance=(old, new, group, mine))
    values = {k: v for k, v in found["fairlead_performance"].items() if k.endswith("value")}
    assert values == {
        "served|all|log_loss|realised|value": 0.4,
        "served|all|log_loss|early|value": 0.6,
        "served|all|log_loss|estimated|value": 0.3,
        "1|all|log_loss|realised|value": 0.7,
        "served|State=CA|log_loss|realised|value": 0.4,
        "served|State=CA|log_loss|estimated|value": 0.3,
    }
    assert not any("CA" in k for k in found["fairlead_performance"] if not k.endswith("value"))
    assert found["fairlead_label_coverage_ratio"] == {"": pytest.approx(880 / 900)}, "of the newest that is mature"
    ends = found["fairlead_performance_cohort_end_timestamp_seconds"]
    assert ends["served|all|log_loss|realised"] == datetime(2002, 10, 3, tzinfo=UTC).timestamp()


def test_fairness_is_that_of_the_newest_cohort_that_can_tell_with_bounds_for_whole_attributes():
    old, new = treated(day(-90), demographic_parity_difference=0.3), treated(demographic_parity_ratio=0.8)
    found = shown(figures={"fairness": [c.model_dump(mode="json") for c in (old, new)]})
    values = {k: v for k, v in found["fairlead_fairness"].items() if k.endswith("value")}
    assert values == {
        "demographic_parity_difference|sex|all|value": 0.3,
        "demographic_parity_ratio|sex|all|value": 0.8,
        "selection_rate|sex|sex=f|value": 0.5,
        "selection_rate|sex|sex=m|value": 0.6,
    }
    assert found["fairlead_fairness"]["demographic_parity_ratio|sex|all|low"] == pytest.approx(0.72)
    assert "selection_rate|sex|sex=f|low" not in found["fairlead_fairness"]
    ends = found["fairlead_fairness_cohort_end_timestamp_seconds"]
    assert ends["demographic_parity_difference|sex|all"] == datetime(2004, 12, 31, tzinfo=UTC).timestamp()
    assert ends["selection_rate|sex|sex=f"] == datetime(2005, 3, 31, tzinfo=UTC).timestamp()


def test_groups_are_left_out_before_whole_attributes(monkeypatch):
    monkeypatch.setattr(exported, "MOST", 3)
    found = shown(figures={"fairness": [treated(demographic_parity_ratio=0.8).model_dump(mode="json")]})
    assert set(found["fairlead_fairness"]) == {
        f"demographic_parity_ratio|sex|all|{b}" for b in ("value", "low", "high")
    }
    assert found["fairlead_left_out_series"]["fairlead_fairness"] == 2


def test_what_is_not_known_has_no_series():
    found = shown(drift=None, performance=(), outlier_rate=NOTHING, expected_loss=NOTHING)
    assert {n for n in found if not n.startswith("fairlead_look_")} == {"fairlead_champion_info"}


def test_what_lies_around_a_look_is_shown():
    found = shown(
        known_until={"bank": ENDED},
        checked=200,
        quarantined=3,
        runs={"promoted": 2, "failed": 1},
        last_training=date(2005, 1, 1),
        figures={"labels": {"delay_days": 12}},
    )
    assert found["fairlead_features_known_until_timestamp_seconds"] == {"bank": ENDED.timestamp()}
    assert found["fairlead_checked_rows"] == {"": 200}
    assert found["fairlead_quarantined_ratio"] == {"": 0.015}
    assert found["fairlead_retraining_runs"] == {**dict.fromkeys(STATES, 0), "promoted": 2, "failed": 1}
    assert found["fairlead_retraining_last_day_timestamp_seconds"] == {"": datetime(2005, 1, 1, tzinfo=UTC).timestamp()}
    assert found["fairlead_label_delay_seconds"] == {"": 12 * 86400}


def test_the_states_of_training_runs_are_those_of_their_stage():
    from typing import get_args

    from components.retraining.values import Run

    assert set(STATES) == set(get_args(Run.model_fields["state"].annotation))


def test_a_table_that_no_row_came_in_has_no_share():
    assert "fairlead_quarantined_ratio" not in shown(checked=0)


def test_series_are_bounded_and_the_worst_stay(monkeypatch):
    monkeypatch.setattr(exported, "MOST", 10)
    results = [result(f"f{i}", effect=i / 100) for i in range(25)]
    found = shown(drift=report(*results))
    assert set(found["fairlead_drift_effect"]) == {f"f{i}|numeric|psi" for i in range(15, 25)}
    assert found["fairlead_left_out_series"] == {"fairlead_drift_effect": 15, "fairlead_drift_effect_ratio": 15}
    assert MOST >= 60 * 3, "room for three tests of sixty features"


def test_the_book_shows_levels_silences_changes_and_what_waits(tmp_path):
    told = MemoryNotifier()
    book = AlertBook(tmp_path / "alerts.db", {"memory": told})
    told.down = "out"
    book.silence("drift/*", day(5), "anna", "new form")
    book.observe(findings(call("drift/Bank", "amber"), call("loss/log_loss", "red")), AT_ONCE)
    found = samples(of_book(book.store, ["memory", "slack"]))
    assert found["fairlead_alert_level"] == {"drift|Bank": 1, "loss|log_loss": 2}
    assert found["fairlead_alert_silenced"] == {"drift|Bank": 1, "loss|log_loss": 0}
    assert found["fairlead_alert_events_total"] == {"raised": 2}
    assert found["fairlead_alert_waiting"] == {"memory": 1, "slack": 0}


def test_an_alert_that_cleared_is_shown_no_more(tmp_path):
    book = AlertBook(tmp_path / "alerts.db")
    book.observe(findings(call()), AT_ONCE)
    book.observe(findings(now=day(1)), AT_ONCE)
    found = samples(of_book(book.store, []))
    assert "fairlead_alert_level" not in found
    assert found["fairlead_alert_events_total"] == {"raised": 1, "cleared": 1}
