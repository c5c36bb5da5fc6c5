"""Everything a client can get wrong over REST, against a real server process."""

import copy
import json
import re

import numpy as np
import pytest

from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_body

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"


def _tensor(request, name):
    return next(t for t in request["inputs"] if t["name"] == name)


def _probability(body):
    return np.array(json.loads(body)["outputs"][0]["data"])


def _change(name, /, **values):
    return lambda r: _tensor(r, name).update(values)


def _without(name):
    return lambda r: r.update(inputs=[t for t in r["inputs"] if t["name"] != name])


def _add(**tensor):
    return lambda r: r["inputs"].append(tensor)


def _top(**values):
    return lambda r: r.update(values)


WRONG_REQUESTS = {
    # name: (change to a good request, what the error must say)
    "an input is missing": (_without("GrAppv"), r"'GrAppv': missing; it is required, as FP64"),
    "all inputs are missing": (_top(inputs=[]), r"'ApprovalDate': missing.*and \d+ more"),
    "a wrong name": (
        _change("GrAppv", name="GrApv"),
        r"'GrApv': unknown \(did you mean 'GrAppv'\?\); allowed: Approval",
    ),
    "an extra input": (
        _add(name="Term", shape=[1], datatype="INT64", data=[84]),
        r"'Term': unknown.*allowed: Approval",
    ),
    "an input twice": (_add(name="Zip", shape=[1], datatype="INT64", data=[1]), r"'Zip': sent 2 times, allowed: once"),
    "floats under INT32": (_change("NoEmp", datatype="INT32", data=[3.5]), r"'NoEmp', row 0: found 3.5.*whole number"),
    "a float for a float under INT32": (_change("GrAppv", datatype="INT32", data=[100.5]), r"100.5.*whole number"),
    "numbers as text": (_change("NoEmp", data=["7"]), r"'NoEmp', row 0: found '7', allowed: a number"),
    "a number for a category": (
        _change("LowDoc", data=[1]),
        r"'LowDoc', row 0: found 1, allowed: text out of N, Y, or null",
    ),
    "true for a number": (_change("NoEmp", data=[True]), r"'NoEmp', row 0: found True, allowed: a number"),
    "null where it is not allowed": (
        _change("GrAppv", data=[None]),
        r"'GrAppv', row 0: found null, allowed: a number of",
    ),
    "a null category": (_change("NewExist", data=[None]), r"'NewExist', row 0: found null, allowed: text out of 1, 2"),
    "a blank category": (_change("State", data=["  "]), r"'State', row 0: found '  ', allowed: text"),
    "a null date": (_change("ApprovalDate", data=[None]), r"'ApprovalDate', row 0: found null, allowed: an ISO date"),
    "datatype of text for a number": (_change("GrAppv", datatype="BYTES", data=["1"]), r"'BYTES' found, allowed: FP64"),
    "datatype of a number for text": (
        _change("LowDoc", datatype="INT64"),
        r"'LowDoc': datatype 'INT64' found, allowed: BYTES",
    ),
    "datatype BOOL": (_change("NoEmp", datatype="BOOL"), r"'NoEmp': datatype 'BOOL' found"),
    "datatype FP16": (_change("GrAppv", datatype="FP16"), r"'GrAppv': datatype 'FP16' found"),
    "an unknown datatype": (_change("NoEmp", datatype="NUMBER"), r"'NoEmp': datatype 'NUMBER' found, allowed: FP64"),
    "below the domain": (_change("GrAppv", data=[0]), r"'GrAppv', row 0: found 0, allowed: a number of at least 1"),
    "above the domain": (
        _change("Zip", data=[100000]),
        r"'Zip', row 0: found 100000, allowed: a number from 0 to 99999",
    ),
    "a negative history": (_add(name="bank_count", shape=[1], datatype="FP64", data=[-1]), r"'bank_count'"),
    "outside a closed domain": (_change("UrbanRural", data=["3"]), r"'UrbanRural', row 0: found '3'.*out of 0, 1, 2"),
    "a whole number too large": (_change("Zip", data=[2**60]), r"'Zip', row 0: found 1152921504606846976.*2\*\*53"),
    "a date as words": (
        _change("ApprovalDate", data=["yesterday"]),
        r"found 'yesterday', allowed: an ISO date \(yyyy-mm-dd\)",
    ),
    "a date that is none": (_change("ApprovalDate", data=["2003-02-30"]), r"found '2003-02-30', allowed: an ISO date"),
    "a date without dashes": (_change("ApprovalDate", data=["20030228"]), r"found '20030228', allowed: an ISO date"),
    "a date with a time": (_change("ApprovalDate", data=["2003-02-28T10:00:00"]), r"allowed: an ISO date"),
    "a date of another calendar form": (_change("ApprovalDate", data=["2003-W08-5"]), r"allowed: an ISO date"),
    "a date as a number": (_change("ApprovalDate", data=[12345]), r"found 12345, allowed: an ISO date"),
    "too wide": (
        _change("NoEmp", shape=[1, 2], data=[1, 2]),
        r"'NoEmp': shape \[1, 2\] found, allowed: \[n\] or \[n, 1\]",
    ),
    "no dimension": (_change("NoEmp", shape=[]), r"'NoEmp': shape \[\] found"),
    "a shape as text": (_change("NoEmp", shape=["1"]), r"'NoEmp': shape \['1'\] found, allowed: a list of whole"),
    "a negative shape": (_change("NoEmp", shape=[-1]), r"'NoEmp': shape \[-1\] found"),
    "a fractional shape": (_change("NoEmp", shape=[1.0]), r"'NoEmp': shape \[1.0\] found"),
    "more values than the shape says": (_change("NoEmp", data=[1, 2]), r"'NoEmp': 2 values found, allowed: 1"),
    "fewer values than the shape says": (_change("NoEmp", data=[]), r"'NoEmp': 0 values found, allowed: 1"),
    "another number of rows": (_change("NoEmp", shape=[2], data=[1, 2]), r"'NoEmp': 2 rows found, allowed: 1"),
    "no rows": (lambda r: [t.update(shape=[0], data=[]) for t in r["inputs"]], r"0 rows found, allowed: 1 to 2000"),
    "nested too deep": (_change("NoEmp", data=[[[1]]]), r"'NoEmp', row 0: found \[\[1\]\], allowed: a number"),
    "data that is no list": (_change("NoEmp", data=5), r"'NoEmp': data is a number, allowed: a list"),
    "no data": (lambda r: _tensor(r, "NoEmp").pop("data"), r"'NoEmp': data is nothing, allowed: a list"),
    "no name": (lambda r: _tensor(r, "NoEmp").pop("name"), r"'inputs\[\d+\]': name is nothing, allowed: text"),
    "no datatype": (lambda r: _tensor(r, "NoEmp").pop("datatype"), r"'NoEmp': datatype is nothing"),
    "inputs that are no list": (_top(inputs={"NoEmp": 5}), r"'inputs': found an object, allowed: a list of tensors"),
    "an input that is no object": (_top(inputs=["NoEmp"]), r"'inputs\[0\]': found text, allowed: an object"),
    "no inputs": (lambda r: r.pop("inputs"), r"'inputs': found nothing"),
    "an id that is no text": (_top(id=7), r"'id': found a number, allowed: text"),
    "parameters that are no object": (_top(parameters=[1]), r"the request: parameters is a list"),
    "an unknown output": (
        _top(outputs=[{"name": "score"}]),
        r"output 'score': unknown; allowed: probability, decision",
    ),
    "an output twice": (_top(outputs=[{"name": "decision"}] * 2), r"output 'decision': asked for twice"),
    "outputs that are no list": (_top(outputs="probability"), r"'outputs': found text"),
    "raw bytes that are not there": (
        lambda r: (_tensor(r, "NoEmp").pop("data"), _change("NoEmp", parameters={"binary_data_size": 8})(r)),
        r"'NoEmp': binary_data_size 8 found, allowed: 0 to 0 bytes",
    ),
}


@pytest.mark.parametrize("case", WRONG_REQUESTS)
def test_a_wrong_request_gets_400_and_is_told_why(call, good, case):
    change, expected = WRONG_REQUESTS[case]
    request = copy.deepcopy(good)
    change(request)
    status, headers, body = call(INFER, request)
    error = json.loads(body)
    assert (status, headers["content-type"], list(error)) == (400, "application/json", ["error"])
    assert re.search(expected, error["error"]), error["error"]


WRONG_BODIES = {
    "nothing": (b"", "the body is empty"),
    "blanks": (b"  \n", "the body is empty"),
    "no JSON": (b"hello", "the body is not JSON"),
    "half of it": (b'{"inputs": [', "the body is not JSON"),
    "NaN": (b'{"inputs": [{"name": "NoEmp", "shape": [1], "datatype": "FP64", "data": [NaN]}]}', "NaN and Infinity"),
    "infinity": (b'{"inputs": [{"name": "NoEmp", "shape": [1], "datatype": "FP64", "data": [1e999]}]}', "not JSON"),
    "a list": (b"[1, 2]", "the body: found a list, allowed: a JSON object"),
    "a number": (b"5", "the body: found a number"),
    "bytes": (bytes(range(256)), "the body is not JSON"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00", "the body is not JSON"),
    "deep nesting": (b"[" * 100_000, "the body is not JSON"),
}


@pytest.mark.parametrize("path", [INFER, PREDICT])
@pytest.mark.parametrize("case", WRONG_BODIES)
def test_a_body_that_is_no_request_gets_400(call, path, case):
    body, expected = WRONG_BODIES[case]
    status, _, answer = call(path, body)
    # V1 asks for instances where V2 asks for inputs, which only a well-formed object gets as far as.
    assert status == 400
    assert expected in json.loads(answer)["error"]


def test_too_many_rows_get_413(call, good):
    request = copy.deepcopy(good)
    for tensor in request["inputs"]:
        tensor.update(shape=[2001], data=tensor["data"] * 2001)
    status, _, answer = call(INFER, request)
    assert status == 413
    assert "2001 rows found, allowed: 1 to 2000" in json.loads(answer)["error"]


@pytest.mark.parametrize("chunked", [False, True])
def test_too_many_bytes_get_413(call, chunked):
    body = b" " * 3_000_000
    status, _, answer = call(INFER, iter([body[:1_500_000], body[1_500_000:]]) if chunked else body)
    assert status == 413
    assert "allowed: a body of up to 2000000 bytes" in json.loads(answer)["error"]


WRONG_ROUTES = [
    ("GET", "/nowhere", 404),
    ("GET", "/v2/models/other", 404),
    ("GET", "/v2/models/other/ready", 404),
    ("GET", "/v1/models/other", 404),
    ("POST", "/v2/models/other/infer", 404),
    ("POST", "/v1/models/other:predict", 404),
    ("POST", "/v2/models/sba_loans/versions/7/infer", 404),
    ("GET", INFER, 405),
    ("POST", "/v1/models/other:explain", 404),
    ("POST", "/v2/models/other/explain", 404),
    # FastAPI's own, and what it would redirect to whatever host a client names.
    ("GET", "/openapi.json", 404),
    ("GET", "/docs", 404),
    ("POST", "/v2/models/sba_loans/infer/", 404),
    ("GET", "/v2/", 404),
    # What the SDK would let anyone do: take the model out of service.
    ("POST", "/v2/repository/models/sba_loans/unload", 404),
]


@pytest.mark.parametrize(("method", "path", "expected"), WRONG_ROUTES)
def test_a_wrong_route_is_the_clients_error(call, method, path, expected):
    status, _, answer = call(path, b"{}" if method == "POST" else None, method=method)
    assert status == expected
    assert json.loads(answer)["error"]


def test_an_unknown_model_is_told_which_is_served(call):
    _, _, answer = call("/v2/models/other/infer", b"{}")
    assert json.loads(answer)["error"] == "unknown model 'other'; served here: sba_loans"


def test_the_answer_names_model_version_and_request(call, good, opened):
    status, _, body = call(INFER, {**good, "id": "mine"})
    answer = json.loads(body)
    assert status == 200
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("sba_loans", opened.version(), "mine")
    assert [(o["name"], o["datatype"], o["shape"]) for o in answer["outputs"]] == [
        ("probability", "FP64", [1]),
        ("decision", "INT64", [1]),
    ]
    path = f"/v2/models/sba_loans/versions/{opened.version()}/infer"
    assert json.loads(call(path, good)[2])["outputs"] == answer["outputs"]


def test_only_the_outputs_asked_for_are_given(call, good):
    _, _, body = call(INFER, {**good, "outputs": [{"name": "decision"}]})
    assert [o["name"] for o in json.loads(body)["outputs"]] == ["decision"]


def test_a_batch_of_real_rows_scores_as_offline(call, opened, candidate, rows):
    status, _, body = call(INFER, v2_body(rows, opened.contract.inputs))
    assert status == 200
    assert np.abs(_probability(body) - candidate.probability(rows)).max() <= TOLERANCE


def test_a_history_left_out_is_one_never_seen(call, opened, rows):
    one = {name: values[:1].copy() for name, values in rows.items()}
    for name in one:
        if name.endswith(("_count", "_bad")):
            one[name][:] = "NaT" if name.endswith("_last_bad") else np.nan
    request = v2_body(one, opened.contract.inputs)
    assert not [t for t in request["inputs"] if t["name"].startswith("zip_")]
    nulls = copy.deepcopy(request)
    nulls["inputs"].append({"name": "zip_count", "shape": [1], "datatype": "FP64", "data": [None]})
    expected = opened.probability(one)
    assert _probability(call(INFER, request)[2]) == pytest.approx(expected, abs=1e-12)
    assert _probability(call(INFER, nulls)[2]) == pytest.approx(expected, abs=1e-12)


def test_metadata_says_what_to_send(call, opened):
    _, _, body = call("/v2/models/sba_loans")
    metadata = json.loads(body)
    assert {t["name"]: t["datatype"] for t in metadata["inputs"]} == {
        f.name: f.datatype for f in opened.contract.inputs
    }
    assert metadata["versions"] == [opened.version()]


def test_predictions_are_counted_in_the_metrics(call, good):
    call(INFER, good)
    _, _, body = call("/metrics")
    assert b'request_predict_seconds_count{model_name="sba_loans"}' in body
