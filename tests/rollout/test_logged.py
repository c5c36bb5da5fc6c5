from datetime import timedelta

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.rollout.logged import Logged, labels_of
from components.rollout.model_rollout import Model, Sources
from components.rollout.plan import Metric
from components.serving.outcomes import record_outcomes
from components.serving.prediction_log_reader import SCHEMA
from tests.rollout.looks import START, plan

MODELS = {"stable": Model(model="models:/sba_loans/1"), "candidate": Model(model="models:/sba_loans/2")}


@pytest.fixture
def sources(tmp_path):
    """A log of three models' rows, and the outcomes of two of them."""
    folder = tmp_path / "log" / "date=2026-03-01" / "part"
    folder.mkdir(parents=True)
    rows = [(f"r{version}", version) for version in ("1", "2", "3")]
    frame = pl.DataFrame(
        {
            "at": [START + timedelta(minutes=1)] * 3,
            "request_id": [r for r, _ in rows],
            "row": [0] * 3,
            "model": ["sba_loans"] * 3,
            "version": [v for _, v in rows],
            "variant": ["stable"] * 3,
            "probability": [0.1] * 3,
        }
    )
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in frame.columns]
    frame.with_columns(missing).select(list(SCHEMA)).write_parquet(folder / "a.parquet")
    known = {"request_id": ["r2", "r9"], "label": [1, 0], "known_at": [START + timedelta(hours=1)] * 2}
    record_outcomes(tmp_path / "outcomes.db", pl.DataFrame(known))
    log, outcomes = f"parquet:///{tmp_path / 'log'}", str(tmp_path / "outcomes.db")
    return Sources(prometheus="http://p", log=log, outcomes=outcomes)


def test_a_row_is_of_the_model_that_its_version_says(sources):
    logged = Logged(plan(), START, MODELS, sources)
    predictions, outcomes, rescored = logged.read()
    assert predictions.select("request_id", "variant").rows() == [("r1", "stable"), ("r2", "candidate")]
    assert outcomes.rows() == [("r2", 0, 1)]
    assert rescored.is_empty()
    assert len(logged.read()[0]) == 2, "a row is read once"


def test_without_a_log_there_is_nothing_and_it_is_said_why():
    logged = Logged(plan(), START, MODELS, Sources(prometheus="http://p"))
    assert not logged.there
    assert all(frame.is_empty() for frame in logged.read())
    assert "spec.metrics.log names none" in logged.lacking(Metric(name="brier", margin=0.1))
    assert logged.lacking(Metric(name="error_rate", margin=0.1)) == ""


@pytest.mark.parametrize(("changes", "words"), [({}, "spec.metrics.outcomes"), ({"rescore": True}, "rescore: false")])
def test_what_else_may_lack_is_said(tmp_path, changes, words):
    logged = Logged(plan(**changes), START, MODELS, Sources(prometheus="http://p", log=f"sqlite:///{tmp_path / 'l'}"))
    assert words in logged.lacking(Metric(name="brier", margin=0.1))


def test_a_model_outside_the_registry_needs_labels():
    assert labels_of(Model(model="gs://a", labels={"variant": "blue"})) == {"variant": "blue"}
    with pytest.raises(FairleadError, match="gs://a is no models:/USE_CASE/VERSION"):
        labels_of(Model(model="gs://a"))
