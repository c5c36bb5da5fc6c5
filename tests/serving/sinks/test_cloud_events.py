import json
from contextlib import closing
from urllib.parse import unquote

import numpy as np
import pytest
from cloudevents.http import from_http

from components.serving import v2
from components.serving.sinks.cloud_events import CloudEventsSink
from components.serving.sinks.sink import NotWritten
from components.training.v2_request import v2_body
from tests.serving.logged import FIELDS, batch, records


def _write(sink, made):
    with closing(sink):
        sink.write(made)


def _events(receiver):
    return [from_http(headers, body) for _, headers, body in receiver.requests]


def test_what_was_done_with_odd_rows_is_an_output_too(receiver):
    made = records(2)
    _write(CloudEventsSink(receiver.url, mode="response"), [made[0]._replace(remedy='{"remedy":"x"}'), made[1]])
    (answered,) = _events(receiver)
    told = {"name": "remedy", "shape": [2], "datatype": "BYTES", "data": ['{"remedy":"x"}', ""]}
    assert answered.data["outputs"][-1] == told


def test_a_call_is_two_events_as_kserve_sends_them(receiver):
    sink = CloudEventsSink(f"{receiver.url}/log", namespace="credit")
    sink.write(records(3, "call-1"))
    sink.close()
    asked, answered = _events(receiver)
    common = {
        "specversion": "1.0",
        "id": "call-1",
        "source": "/v2/models/loans/versions/3",
        "time": "2004-10-01T00:00:00.250000Z",
        "inferenceservicename": "loans",
        "namespace": "credit",
        "component": "predictor",
        "endpoint": "default",
    }
    kinds = ["org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"]
    assert [event["type"] for event in (asked, answered)] == kinds
    for event, (_, headers, _) in zip((asked, answered), receiver.requests, strict=True):
        assert {name: event[name] for name in common} == common
        assert {name for name in headers if name.startswith("ce-")} == {f"ce-{name}" for name in [*common, "type"]}
        assert headers["content-type"] == "application/json"
    assert receiver.requests[0][0] == "/log"


def test_their_data_are_the_request_and_the_answer(receiver):
    flagged = {"outlier": np.array([True, False]), "outlier_score": np.array([0.5, 0.25])}
    _write(CloudEventsSink(receiver.url), records(2, "call", **flagged))
    asked, answered = _events(receiver)
    assert asked.data == v2_body(batch(2).columns, FIELDS, "call")
    assert [t.name for t in v2.decode(json.dumps(asked.data).encode()).tensors] == [f.name for f in FIELDS]
    assert answered.data == {
        "model_name": "loans",
        "model_version": "3",
        "id": "call",
        "outputs": [
            {"name": "probability", "shape": [2], "datatype": "FP64", "data": [0.0, 1 / 3]},
            {"name": "decision", "shape": [2], "datatype": "INT64", "data": [0, 0]},
            {"name": "outlier", "shape": [2], "datatype": "BOOL", "data": [True, False]},
            {"name": "outlier_score", "shape": [2], "datatype": "FP64", "data": [0.5, 0.25]},
        ],
    }


def test_an_input_that_is_missing_in_every_row_is_left_out(receiver):
    _write(CloudEventsSink(receiver.url, mode="request"), records(2)[1:])
    (asked,) = _events(receiver)
    assert asked.data == {"id": "call", "inputs": []}


@pytest.mark.parametrize(("mode", "kinds"), [("request", ["request"]), ("response", ["response"])])
def test_one_of_the_two_may_do(receiver, mode, kinds):
    _write(CloudEventsSink(receiver.url, mode=mode), records(1))
    assert [e["type"].rpartition(".")[2] for e in _events(receiver)] == kinds


def test_a_canary_and_another_service_keep_their_names(receiver):
    made = [r._replace(variant="canary") for r in records(1)]
    _write(CloudEventsSink(receiver.url, service="credit", mode="request"), made)
    (asked,) = _events(receiver)
    assert (asked["endpoint"], asked["inferenceservicename"]) == ("canary", "credit")


@pytest.mark.parametrize("request_id", ["Überfällig 100%", 'with "quotes"', "a\r\nce-type: forged", "€"])
def test_an_odd_id_comes_through_and_forges_no_header(receiver, request_id):
    _write(CloudEventsSink(receiver.url, mode="request"), records(1, request_id))
    ((_, headers, _),) = receiver.requests
    assert headers["ce-type"] == "org.kubeflow.serving.inference.request"
    assert headers["ce-id"].isascii()
    assert unquote(headers["ce-id"]) == request_id


def test_what_was_not_taken_is_named(receiver):
    receiver.refuse_after = 2
    made = [*records(2, "a"), *records(3, "b"), *records(1, "c")]
    with pytest.raises(NotWritten, match="answered with status 503") as caught:
        _write(CloudEventsSink(receiver.url), made)
    assert caught.value.records == made[2:]


def test_a_connection_that_the_receiver_let_go_is_made_anew(receiver):
    receiver.hang_up = True
    sink = CloudEventsSink(receiver.url)
    for i in range(3):
        sink.write(records(1, f"r{i}"))
    sink.close()
    assert [headers["ce-id"] for _, headers, _ in receiver.requests] == ["r0", "r0", "r1", "r1", "r2", "r2"]


def test_the_path_and_the_query_are_those_of_the_uri(receiver):
    _write(CloudEventsSink(f"{receiver.url}/a/b?token=x", mode="request"), records(1))
    assert receiver.requests[0][0] == "/a/b?token=x"


@pytest.mark.parametrize(("status", "final"), [(400, True), (413, True), (431, True), (408, False), (429, False)])
def test_a_request_that_the_receiver_finds_fault_with_is_passed_over_alone(receiver, status, final):
    receiver.refuses["b"] = status
    made = [*records(2, "a"), *records(3, "b"), *records(1, "c")]
    with pytest.raises(NotWritten, match=f"answered with status {status}") as caught:
        _write(CloudEventsSink(receiver.url, mode="request"), made)
    assert [headers["ce-id"] for _, headers, _ in receiver.requests] == (["a", "c"] if final else ["a"])
    assert (caught.value.refused, caught.value.records) == ((made[2:5], []) if final else ([], made[2:]))
