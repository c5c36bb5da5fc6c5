"""A look at real loans of the crisis, as a small model of the years before answered them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.joined import Joined
from components.monitoring.look import ALL, Clock, look
from components.monitoring.streams import Detection
from components.monitoring.values import Findings
from components.monitoring.watched import Watched, watch
from components.training.bundle import Bundle
from components.training.labels import with_label
from tests.monitoring.served import FIRST, NOW, between, serve, tell, watched_by


@pytest.fixture(scope="module")
def rows(log: Path, watched: Watched) -> pl.DataFrame:
    return joined(log, watched).at(NOW)


@pytest.fixture(scope="module")
def found(watched: Watched, rows: pl.DataFrame) -> Findings:
    return look(watched, rows, NOW)


def joined(log: Path, watched: Watched) -> Joined:
    return Joined(log, log, watched.use_case, watched.bundle.contract.inputs)


def test_the_crisis_is_seen(found: Findings, rows: pl.DataFrame) -> None:
    window = found.window
    assert (window.first, window.last) == (date(2009, 1, 1), NOW)
    assert window.rows == len(rows.filter(pl.col("event_time") >= window.first)) > 200
    assert found.severity == "red"
    assert found.drift is not None
    assert "bank_rate" in found.drift.drifted()
    assert {"loss", "drift"} <= {call.name for call in found.calls}
    levels = [call.severity for call in found.calls]
    assert levels == sorted(levels, key=lambda level: level == "amber")
    assert found.causes


def test_what_clients_got_and_what_the_reigning_model_is_worth_are_told_apart(found: Findings) -> None:
    """Even where one version has answered everything: that it did is not known from the rows of one cohort."""
    cohorts = {v: [p.cohort.first for p in found.performance if (p.version, p.group) == (v, "all")] for v in (ALL, "1")}
    assert cohorts[ALL] == cohorts["1"]
    assert cohorts[ALL][0] == date(2007, 10, 1)
    assert {p.version for p in found.performance} == {ALL, "1"}


def test_estimates_are_held_to_what_came_true_by_metric(found: Findings) -> None:
    errors = found.figures["estimate_error"]
    assert list(errors) == ["log_loss", "brier", "auc"]
    for metric, error in errors.items():
        assert error["metric"] == metric
        assert error["n"] > 0
    # The probabilities stayed where they were while the world did not.
    assert errors["log_loss"]["mean_error"] < 0
    assert errors["log_loss"]["flagged"]


def test_detections_of_the_streams_are_told_with_those_that_found_nothing(found: Findings) -> None:
    detections = [Detection.model_validate(d) for d in found.figures["detections"]]
    assert detections
    assert [d.day for d in detections] == sorted(d.day for d in detections)
    streams = {(s["detector"], s["stream"], s["group"]): s["state"] for s in found.figures["streams"]}
    assert streams["sequential", "excess", "all"] == "drift"
    assert {"drift", "no_data"} <= set(streams.values())


def test_findings_survive_json(found: Findings) -> None:
    again = Findings.model_validate_json(found.model_dump_json())
    assert again.model_dump_json() == found.model_dump_json()
    assert json.loads(json.dumps(dict(found.figures))) == found.figures


def test_the_same_rows_give_the_same_findings_in_any_order(
    watched: Watched, rows: pl.DataFrame, found: Findings
) -> None:
    clock = Clock()
    again = look(watched, rows.sample(fraction=1.0, shuffle=True, seed=3), NOW, clock)
    assert again.model_dump_json() == found.model_dump_json()
    assert set(clock.seconds) == {"score", "drift", "performance", "concept", "labels", "causes", "figures"}


def test_nothing_that_came_later_is_seen(
    watched: Watched, log: Path, loans: pl.DataFrame, judged_bundle: Path, tmp_path: Path
) -> None:
    """A look back from the end is the look that was made at the time, with the log and the outcomes of then."""
    now, then = date(2009, 6, 30), tmp_path / "then.db"
    early = between(loans, FIRST, now)
    serve(Bundle.open(judged_bundle), early, then)
    early = with_label(early, watched.use_case.labels.maturity_months)
    known = pl.when(pl.col("label") == 1).then(pl.col("outcome_time").cast(pl.Date)).otherwise("matures")
    tell(early.filter(known <= now), then)
    hindsight, made = (look(watched, joined(place, watched).at(now), now) for place in (log, then))
    assert hindsight.model_dump_json() == made.model_dump_json()


@pytest.mark.parametrize(
    ("change", "now", "says"),
    [
        ({}, date(2009, 6, 30), r"events up to 2009-12-\d+ were handed to a look as of 2009-06-30"),
        ({"known_on": pl.lit(date(2010, 1, 1))}, NOW, "outcomes up to 2010-01-01 were handed to a look as of 2009-12"),
    ],
)
def test_rows_that_know_more_than_the_day_are_refused(
    watched: Watched, rows: pl.DataFrame, change: dict[str, Any], now: date, says: str
) -> None:
    with pytest.raises(FairleadError, match=says):
        look(watched, rows.with_columns(**change), now)


def test_a_model_that_knows_more_than_the_day_is_refused(watched: Watched, rows: pl.DataFrame) -> None:
    before = date(2008, 6, 30)
    with pytest.raises(FairleadError, match=r"trained as of 2008-12-31 and cannot be looked at as of 2008-06-30"):
        look(watched, rows.filter(pl.col("event_time") <= before).with_columns(known_on=pl.lit(None, pl.Date)), before)


@pytest.mark.parametrize("column", ["request_id", "outlier", "known_on", "GrAppv"])
def test_a_column_that_is_missing_is_named(watched: Watched, rows: pl.DataFrame, column: str) -> None:
    with pytest.raises(ContractViolation, match=f"watched rows lack {column}; found: .*of this very model"):
        look(watched, rows.drop(column), NOW)


def test_an_empty_log_is_no_calm(watched: Watched, rows: pl.DataFrame) -> None:
    nothing = look(watched, rows.clear(), NOW)
    assert (nothing.severity, nothing.drift, nothing.performance, nothing.calls) == ("no_data", None, (), ())
    assert nothing.outlier_rate.value is None
    assert "none at all" in nothing.figures["no_data"]["window"]
    assert all(error["n"] == 0 and error["reason"] for error in nothing.figures["estimate_error"].values())
    assert all(stream["state"] == "no_data" and stream["reason"] for stream in nothing.figures["streams"])


def test_a_log_that_ended_long_ago_has_no_window(watched: Watched, rows: pl.DataFrame) -> None:
    old = look(watched, rows, date(2011, 6, 30))
    assert old.window.rows == 0
    assert old.drift is None
    assert "the newest is of 2009-12-2" in old.figures["no_data"]["window"]
    assert old.performance, "what the cohorts of before have become is told all the same"


def test_a_reference_that_is_too_short_says_so(watched: Watched, rows: pl.DataFrame, loans: pl.DataFrame) -> None:
    case = watched_by(watched.use_case, drift={"reference": "rolling", "minimum_rows": 2_000})
    found = look(watch(case, watched.bundle, "1", loans), rows, NOW)
    assert found.drift is not None
    assert found.drift.severity == "no_data"
    assert "the rolling reference, 2008-01-02 to 2008-12-31" in found.figures["no_data"]["reference"]
    assert any("the rolling reference" in result.reason for result in found.drift.results)


def test_the_year_before_can_be_the_reference(watched: Watched, rows: pl.DataFrame, loans: pl.DataFrame) -> None:
    case = watched_by(watched.use_case, drift={"reference": "seasonal"})
    found = look(watch(case, watched.bundle, "1", loans), rows, NOW)
    assert found.drift is not None
    assert (found.drift.reference.first, found.drift.reference.last) == (date(2008, 1, 1), date(2008, 12, 31))
    assert found.drift.severity in ("green", "amber", "red")


def test_what_was_measured_elsewhere_is_told(watched: Watched, rows: pl.DataFrame, loans: pl.DataFrame) -> None:
    case: UseCase = watched_by(watched.use_case, drift={"multivariate": ["mmd"]})
    mine = watch(case, watched.bundle, "1", loans)
    told = [look(mine, rows, NOW, apart=apart) for apart in (None, Discrepancy(0.4, 0.001, 200, 200))]
    results = [r for found in told if found.drift for r in found.drift.of("*")]
    assert [(r.test, r.effect, r.severity) for r in results] == [("mmd", None, "no_data"), ("mmd", 0.4, "red")]
