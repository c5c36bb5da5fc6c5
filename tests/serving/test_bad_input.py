"""Bad input at every door of a real server process: tables of it, and whatever hypothesis thinks of on top.

The rule: each is refused with a client's error that says why, or rightly answered; never a 5xx, a trace or a leak.
"""

import copy
import json
import struct

import grpc
import numpy as np
import orjson
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.serving.test_rest import WRONG_BODIES, WRONG_REQUESTS, WRONG_ROUTES
from tests.serving.test_rpc import WRONG as WRONG_MESSAGES

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"
LENGTH = "inference-header-content-length"
LEAKS = (b"Traceback", b"site-packages", b"/components/", b".py")


def _instances(good):
    return {"instances": [{t["name"]: t["data"][0] for t in good["inputs"]}]}


def _v1(**changes):
    return lambda r: r["instances"][0].update(changes)


WRONG_INSTANCES = {
    "no instances": (lambda r: r.clear(), "'instances': found nothing"),
    "instances that are empty": (lambda r: r.update(instances=[]), "found an empty list"),
    "instances that are no list": (lambda r: r.update(instances={"GrAppv": 1}), "'instances': found an object"),
    "an instance that is a list": (lambda r: r["instances"].append([1, 2]), "'instances[1]': found a list"),
    "an instance that is null": (lambda r: r["instances"].append(None), "'instances[1]': found nothing"),
    "an empty instance beside a full one": (lambda r: r["instances"].append({}), "left out in row 1"),
    "a column is missing": (lambda r: r["instances"][0].pop("GrAppv"), "'GrAppv': missing"),
    "an extra column": (_v1(Term=84), "'Term': unknown"),
    "a wrong name": (_v1(GrApv=1), "did you mean 'GrAppv'"),
    "null where it is not allowed": (_v1(GrAppv=None), "row 0: found null"),
    "text for a number": (_v1(GrAppv="5000"), "found '5000', allowed: a number"),
    "true for a number": (_v1(NoEmp=True), "found True"),
    "a fraction for a whole number": (_v1(NoEmp=3.5), "found 3.5, allowed: a whole number"),
    "a list for a value": (_v1(GrAppv=[5000]), "found [5000], allowed: a number"),
    "an object for a value": (_v1(GrAppv={}), "found {}, allowed: a number"),
    "outside the domain": (_v1(Zip=100000), "found 100000"),
    "2**53 + 1": (_v1(Zip=2**53 + 1), "up to 2**53 either way"),
    "a date that is none": (_v1(ApprovalDate="2003-02-30"), "allowed: an ISO date"),
    "a date too early": (_v1(ApprovalDate="1900-01-01"), "an ISO date from 1953-07-30 on"),
    "outside a closed domain": (_v1(LowDoc="y"), "out of N, Y"),
}


@pytest.mark.parametrize("case", WRONG_INSTANCES)
def test_wrong_instances_are_refused(call, good, case):
    change, expected = WRONG_INSTANCES[case]
    request = _instances(copy.deepcopy(good))
    change(request)
    status, _, body = call(PREDICT, request)
    assert (status, expected in json.loads(body)["error"]) == (400, True), body


AMOUNT = struct.pack("<d", 5000.0)


def _binary(good, name="GrAppv", raw=AMOUNT, **changes):
    """A good request with one tensor as raw bytes: the JSON part and the tail."""
    request = copy.deepcopy(good)
    tensor = next(t for t in request["inputs"] if t["name"] == name)
    del tensor["data"]
    tensor.update({"datatype": "FP64", "parameters": {"binary_data_size": len(raw)}, **changes})
    return request, raw


WRONG_BYTES = {
    "too few bytes": (lambda g: _binary(g, raw=b"1234"), "4 raw bytes found, allowed: a multiple of 8"),
    "bytes left over": (lambda g: (_binary(g)[0], _binary(g)[1] + b"12"), "2 raw bytes that belong to no input"),
    "more claimed than sent": (lambda g: (_binary(g)[0], b""), "binary_data_size 8 found, allowed: 0 to 0"),
    "a negative size": (lambda g: _binary(g, parameters={"binary_data_size": -8}), "binary_data_size -8 found"),
    "a size as text": (lambda g: _binary(g, parameters={"binary_data_size": "8"}), "binary_data_size '8' found"),
    "a size of true": (lambda g: _binary(g, parameters={"binary_data_size": True}), "binary_data_size True found"),
    "data and bytes": (lambda g: _binary(g, data=[1]), "both data and binary_data_size found"),
    "NaN where it is not allowed": (lambda g: _binary(g, raw=struct.pack("<d", np.nan)), "row 0: found nan"),
    "infinity": (lambda g: _binary(g, raw=struct.pack("<d", np.inf)), "found inf, allowed: a finite number"),
    "two values for one row": (lambda g: _binary(g, raw=struct.pack("<dd", 1, 2)), "2 values found, allowed: 1"),
    "an unknown datatype": (lambda g: _binary(g, datatype="FP16"), "datatype 'FP16' found"),
    "text that ends in the middle": (
        lambda g: _binary(g, "Bank", struct.pack("<I", 9) + b"First", datatype="BYTES"),
        "raw bytes end in the middle of element 0",
    ),
    "text that is none": (
        lambda g: _binary(g, "Bank", struct.pack("<I", 1) + b"\xff", datatype="BYTES"),
        r"found b'\xff', allowed: text",
    ),
    "2**53 + 1": (
        lambda g: _binary(g, "Zip", struct.pack("<q", 2**53 + 1), datatype="INT64"),
        "found 9007199254740993, allowed: a whole number up to 2**53",
    ),
    "2**64 - 1": (
        lambda g: _binary(g, "Zip", struct.pack("<Q", 2**64 - 1), datatype="UINT64"),
        "found 18446744073709551615, allowed: a whole number up to 2**53",
    ),
}


@pytest.mark.parametrize("case", WRONG_BYTES)
def test_wrong_raw_tensors_are_refused(call, good, case):
    make, expected = WRONG_BYTES[case]
    request, raw = make(good)
    head = orjson.dumps(request)
    status, _, body = call(INFER, head + raw, {LENGTH: str(len(head))})
    assert (status, expected in json.loads(body)["error"]) == (400, True), body


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30, "9" * 5000, "0", "5", "\u00b2"])
def test_a_wrong_length_of_the_json_part_is_refused(call, good, length):
    status, _, body = call(INFER, good, {LENGTH: length.encode("latin-1")})
    assert status == 400
    assert json.loads(body)["error"]


DEEP = "[" * 980 + "]" * 980


def _filled(request, **changes):
    """The request as JSON, with nests in the places that are named."""
    head = json.dumps({**request, **dict.fromkeys(changes, "@")}) if changes else json.dumps(request)
    return head.replace('"@"', DEEP).encode()


def _tensor(good, **changes):
    request = copy.deepcopy(good)
    tensor = next(t for t in request["inputs"] if t["name"] == "GrAppv")
    if "parameters" in changes:
        del tensor["data"]
    tensor.update(changes)
    return _filled(request)


EXPLAIN = "/v2/models/sba_loans/explain"
EXTREMES = {
    "data nested deep": (INFER, lambda g: _tensor(g, data="@"), "'GrAppv', row 0: found [[[[[...]]]]], allowed"),
    "a shape nested deep": (INFER, lambda g: _tensor(g, shape="@"), "shape [[[[[...]]]]] found"),
    "a size nested deep": (
        INFER,
        lambda g: _tensor(g, parameters={"binary_data_size": "@"}),
        "binary_data_size [[[[[...]]]]] found",
    ),
    "a shape of many dimensions": (INFER, lambda g: _tensor(g, shape=[1] * 10**5), "shape [1, 1"),
    "a value nested deep": (
        PREDICT,
        lambda g: _filled({"instances": [{**_row(g), "GrAppv": "@"}]}),
        "found [[[[[...]]",
    ),
    "top nested deep, V1": (
        "/v1/models/sba_loans:explain",
        lambda g: _filled(_instances(g), top=1),
        "'top': found [[[[[...]]]]]",
    ),
    "a method nested deep, V1": (
        "/v1/models/sba_loans:explain",
        lambda g: _filled(_instances(g), method=1),
        "'method': found [[[[[...]]]]]",
    ),
    "top nested deep": (EXPLAIN, lambda g: _filled({**g, "parameters": {"top": "@"}}), "'top': found [[[[[...]]]]]"),
    "a method nested deep": (EXPLAIN, lambda g: _filled({**g, "parameters": {"method": "@"}}), "'method': found [[[[["),
    "a name of a million letters": (INFER, lambda g: _tensor(g, name="x" * 10**6), "input 'xxxx"),
    "a name of a million letters in a wrong tensor": (
        INFER,
        lambda g: _filled({**g, "inputs": [{"name": "x" * 10**6, "datatype": "FP64"}]}),
        "...: shape null found",
    ),
    "a datatype of a million letters": (INFER, lambda g: _tensor(g, datatype="x" * 10**6), "datatype 'xxxx"),
    "an id of 201 letters": (
        INFER,
        lambda g: _filled({**g, "id": "i" * 201}),
        "'id': 201 characters found, allowed: up",
    ),
    "an open category of 1,001 letters": (
        INFER,
        lambda g: _filled({"inputs": [t | {"data": ["b" * 1001]} if t["name"] == "Bank" else t for t in g["inputs"]]}),
        "allowed: text of up to 1000 characters",
    ),
    "an open category of 1,001 letters, V1": (
        PREDICT,
        lambda g: _filled({"instances": [{**_row(g), "Bank": "b" * 1001}]}),
        "allowed: text of up to 1000 characters",
    ),
    "ten thousand names that are no inputs": (
        PREDICT,
        lambda _: _filled({"instances": [{f"column_{i}": i for i in range(10**4)}]}),
        "more",
    ),
}


def _row(good):
    return _instances(good)["instances"][0]


@pytest.mark.parametrize("case", EXTREMES)
def test_what_is_extreme_is_refused_in_few_words(call, good, case):
    path, make, expected = EXTREMES[case]
    status, _, body = call(path, make(good))
    assert (status, expected in json.loads(body)["error"]) == (400, True), body[:500]
    assert len(body) < 4000


def test_no_value_that_was_refused_stands_in_the_log(call, channel, good, running):
    wrong = [t | {"data": [987654]} if t["name"] == "Zip" else t for t in good["inputs"]]
    instances = {"instances": [{**_row(good), "Zip": 987654}]}
    for path, body in ((INFER, {"inputs": wrong}), (PREDICT, instances), (PREDICT[:-7] + "explain", instances)):
        status, _, answer = call(path, body)
        assert (status, b"987654" in answer) == (400, True)
    message = pb.ModelInferRequest(model_name="sba_loans")
    message.inputs.add(
        name="Zip", datatype="INT64", shape=[1], contents=pb.InferTensorContents(int64_contents=[987654])
    )
    with pytest.raises(grpc.RpcError):
        GRPCInferenceServiceStub(channel).ModelInfer(message)
    log = running.log.read_text(errors="replace")
    assert "987654" not in log
    assert f"POST {PREDICT}: 400 contract broken: 'Zip' domain" in log
    assert "gRPC ModelInfer: contract broken: 'ApprovalDate' missing" in log


@pytest.mark.parametrize("path", [INFER, PREDICT, "/v2/models/sba_loans/versions/{version}/infer"])
@pytest.mark.parametrize("outputs", [{}, {"outputs": [{"name": "decision"}]}], ids=["short way", "usual way"])
def test_an_id_in_the_header_is_held_to_the_same_length(call, good, opened, path, outputs):
    request = _instances(good) if path == PREDICT else {"inputs": good["inputs"], **outputs}
    path = path.format(version=opened.version())
    status, _, body = call(path, request, {"x-request-id": "i" * 201})
    assert status == 400
    assert json.loads(body)["error"] == "header x-request-id: 201 characters found, allowed: up to 200"
    status, _, body = call(path, request, {"x-request-id": "i" * 200})
    assert status == 200
    assert path == PREDICT or json.loads(body)["id"] == "i" * 200


def test_text_as_long_as_is_allowed_is_taken(call, good):
    longest = [t | {"data": ["b" * 1000]} if t["name"] == "Bank" else t for t in good["inputs"]]
    assert call(INFER, {"inputs": longest, "id": "i" * 200})[0] == 200


def test_the_tables_are_as_long_as_was_promised():
    tables = {
        "V2 JSON": len(WRONG_REQUESTS),
        "bodies, V1 and V2": 2 * len(WRONG_BODIES),
        "V1": len(WRONG_INSTANCES),
        "V2 binary": len(WRONG_BYTES) + 7,
        "gRPC": len(WRONG_MESSAGES),
        "routes": len(WRONG_ROUTES),
    }
    assert sum(tables.values()) >= 130, tables
