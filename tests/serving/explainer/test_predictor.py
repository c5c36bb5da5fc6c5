"""The predictor as the explainer sees it, against a real one and against servers that answer wrongly."""

import time

import numpy as np
import pytest

from components.core.errors import ContractViolation, FairleadError
from components.serving.exchange import EXPLAINS, Late, Unavailable
from components.serving.explainer import predictor as module
from components.serving.explainer.predictor import Predictor, Served
from components.serving.process import HOST, free_port
from components.training.v2_request import v2_columns
from tests.serving.explainer.conftest import answering

MODEL = "sba_loans"


@pytest.fixture(scope="module")
def row(opened):
    return v2_columns(opened.examples()[2]["request"], opened.contract.inputs)


def _served(host, opened, row, seconds=30.0, headers=None):
    return Served(Predictor(host, MODEL), opened, row, time.monotonic() + seconds, headers or {})


def test_it_scores_like_the_bundle_in_as_many_calls_as_it_takes(predictor_host, opened, row, rows, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 400)
    with _served(predictor_host, opened, row) as served:
        scored = served.probability(rows)
        assert np.abs(scored - opened.probability(rows)).max() <= 1e-6
        assert np.array_equal(served.decide(scored), opened.decide(scored))
        assert served.version == opened.version()
        served.require_same(list(row))
    Predictor(predictor_host, MODEL).require_ready()


def test_batches_that_are_too_large_for_the_predictor_are_halved(predictor_host, opened, row, rows, monkeypatch):
    # The running server takes 2,000 rows at once.
    monkeypatch.setattr(module, "BATCH", 4000)
    twice = {name: np.concatenate([values, values]) for name, values in rows.items()}
    with _served(predictor_host, opened, row) as served:
        assert len(served.probability(twice)) == 3000


def test_inputs_left_out_are_those_of_the_explained_row(predictor_host, opened, row):
    few = {name: np.repeat(row[name], 3) for name in ("GrAppv", "SBA_Appv", "LowDoc")}
    with _served(predictor_host, opened, row) as served:
        assert served.probability(few) == pytest.approx(np.repeat(opened.probability(row), 3), abs=1e-6)


def test_gaps_are_sent_as_gaps(opened, row):
    outputs = [{"name": "probability", "data": [0.0]}, {"name": "decision", "data": [0]}]
    gaps = {**row, "zip_count": np.array([np.nan]), "zip_last_bad": np.array(["NaT"], dtype="datetime64[D]")}
    with (
        answering(200, {"model_version": "1", "outputs": outputs}) as (host, asked),
        _served(host, opened, gaps) as served,
    ):
        served.probability(gaps)
    sent = {t["name"]: t["data"] for t in asked[0][1]["inputs"]}
    assert list(sent) == [f.name for f in opened.contract.inputs]
    assert sent["zip_count"] == sent["zip_last_bad"] == [None]
    # So that the predictor takes these rows for no predictions.
    headers = {name.lower(): value for name, value in asked[0][0].items()}
    assert headers[EXPLAINS] == "1"
    assert asked[0][1]["id"].startswith("explain-")


def test_what_a_predictor_looks_up_has_to_be_sent_along(opened, row):
    """The row as it was sent scores otherwise there than with gaps in the places that were left out."""
    known = float(opened.probability(row)[0])

    def scored(body):
        p = known if len(body["inputs"]) == len(opened.contract.inputs) else 0.9
        decision = int(p >= opened.contract.threshold)
        outputs = [{"name": "probability", "data": [p]}, {"name": "decision", "data": [decision]}]
        return {"model_version": "1", "outputs": outputs}

    sent = [f.name for f in opened.contract.inputs if not f.name.startswith("zip_")]
    with answering(200, scored) as (host, _), _served(host, opened, row) as served:
        served.require_same(list(row))
        with pytest.raises(ContractViolation, match="inputs zip_count, zip_bad, zip_last_bad: missing, and looked up"):
            served.require_same(sent)


def test_what_is_left_out_is_no_matter_where_nothing_is_looked_up(predictor_host, opened, row):
    gaps = {**row, **{n: np.array([np.nan]) for n in ("zip_count", "zip_bad")}}
    gaps["zip_last_bad"] = np.array(["NaT"], dtype="datetime64[D]")
    with _served(predictor_host, opened, gaps) as served:
        served.require_same([name for name in gaps if not name.startswith("zip_")])


ANSWERS = {
    "another model": (
        200,
        {
            "model_version": "8",
            "outputs": [{"name": "probability", "data": [0.9]}, {"name": "decision", "data": [1]}],
        },
        r"\(version 8\) does not serve the model of the explainer's bundle: it scores 0.9000",
    ),
    "another threshold": (
        200,
        {
            "model_version": "8",
            "outputs": [{"name": "probability", "data": [0.9]}, {"name": "decision", "data": [0]}],
        },
        "does not decide by the threshold of the explainer's bundle",
    ),
    "too few rows": (
        200,
        {"model_version": "8", "outputs": [{"name": "probability", "data": []}, {"name": "decision", "data": []}]},
        "does not decide",
    ),
    "no V2": (200, {"predictions": []}, "gave an answer that is none of V2"),
    "no JSON": (200, b"<html>", "gave an answer that is none of V2"),
    "not ready": (503, {"error": "not ready: the model is being loaded"}, "answered 503: not ready: the model"),
    "a failure": (500, b"<html>", r"answered 500: \(without a word\)"),
    "another name": (404, {"error": "unknown model"}, "answered 404: unknown model"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_whatever_else_it_answers_makes_it_unavailable(opened, row, case):
    status, content, expected = ANSWERS[case]
    with (
        answering(status, content) as (host, _),
        _served(host, opened, row) as served,
        pytest.raises(Unavailable, match=expected),
    ):
        served.require_same(list(row))


def test_a_refused_row_is_the_clients_error(opened, row):
    with (
        answering(400, {"error": "input 'x': why"}) as (host, _),
        _served(host, opened, row) as served,
        pytest.raises(ContractViolation, match="input 'x': why"),
    ):
        served.probability(row)


def test_time_is_not_overdrawn(predictor_host, opened, row, monkeypatch):
    with _served(predictor_host, opened, row, seconds=-1) as served, pytest.raises(Late, match="not explained in time"):
        served.probability(row)
    with (
        answering(200, {}, wait=0.5) as (host, _),
        _served(host, opened, row, seconds=0.1) as served,
        pytest.raises(Late, match="the predictor took the rest of it"),
    ):
        served.probability(row)
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    with (
        answering(200, {}, wait=0.5) as (host, _),
        _served(host, opened, row) as served,
        pytest.raises(Unavailable, match="does not answer: TimeoutError"),
    ):
        served.probability(row)


def test_a_predictor_that_is_down_or_not_ready_is_told(opened, row):
    nowhere = f"{HOST}:{free_port()}"
    with pytest.raises(Unavailable, match=f"the predictor at {nowhere} does not answer: ConnectionRefusedError"):
        Predictor(nowhere, MODEL).require_ready()
    with _served(nowhere, opened, row) as served, pytest.raises(Unavailable, match="try again when it is up"):
        served.probability(row)
    with answering(503, {}) as (host, _), pytest.raises(Unavailable, match="is not ready: 503"):
        Predictor(host, MODEL).require_ready()


@pytest.mark.parametrize("host", ["", "a:b", "a:99999", "host/path", ":80"])
def test_what_is_no_host_is_told_at_once(host):
    with pytest.raises(FairleadError, match=r"predictor host .* HOST:PORT"):
        Predictor(host, MODEL)


def test_without_a_port_it_is_where_kserve_puts_predictors():
    assert str(Predictor("loans-predictor.default", MODEL)) == "loans-predictor.default:80"
