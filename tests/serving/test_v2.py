"""V2 bodies in their rarer forms, raw tensors above all, against a real server process."""

import copy
import json
import math
import re

import numpy as np
import pytest

from components.serving.v2 import HEADER_LENGTH
from components.training.v2_request import v2_body

INFER = "/v2/models/sba_loans/infer"


def _tensor(request, name):
    return next(t for t in request["inputs"] if t["name"] == name)


def _probability(body):
    return np.array(json.loads(body)["outputs"][0]["data"])


def _binary(request, dtypes):
    """Turn some of a request's tensors into raw ones, numbers in the given dtype and text by length."""
    request, raw = copy.deepcopy(request), []
    for tensor in request["inputs"]:
        if tensor["datatype"] not in dtypes or None in tensor["data"]:
            continue
        if tensor["datatype"] == "BYTES":
            texts = [v.encode() for v in tensor.pop("data")]
            raw.append(b"".join(len(t).to_bytes(4, "little") + t for t in texts))
        else:
            raw.append(np.array(tensor.pop("data"), dtype=dtypes[tensor["datatype"]]).tobytes())
        tensor["parameters"] = {"binary_data_size": len(raw[-1])}
    return request, raw


def _send_binary(call, request, raw):
    head = json.dumps(request).encode()
    return call(INFER, b"".join([head, *raw]), {HEADER_LENGTH: str(len(head))})


def test_raw_tensors_score_as_json(call, opened, rows):
    request = v2_body({name: values[:20] for name, values in rows.items()}, opened.contract.inputs)
    binary, raw = _binary(request, {"FP64": "<f8", "INT64": "<i8", "BYTES": None})
    assert len(raw) >= 10
    status, _, body = _send_binary(call, binary, raw)
    assert status == 200
    assert (_probability(body) == _probability(call(INFER, request)[2])).all()


def test_answers_come_raw_when_asked_for(call, good):
    expected = json.loads(call(INFER, good)[2])["outputs"]
    status, headers, body = call(INFER, {**good, "parameters": {"binary_data_output": True}})
    length = int(headers[HEADER_LENGTH])
    outputs = json.loads(body[:length])["outputs"]
    assert status == 200
    assert [o["parameters"]["binary_data_size"] for o in outputs] == [8, 8]
    assert np.frombuffer(body[length : length + 8], "<f8").tolist() == expected[0]["data"]
    assert np.frombuffer(body[length + 8 :], "<i8").tolist() == expected[1]["data"]


def _raw_number(good, value, dtype="<f8", datatype="FP64", name="GrAppv"):
    request = copy.deepcopy(good)
    raw = np.array([value], dtype=dtype).tobytes()
    _tensor(request, name).pop("data")
    _tensor(request, name).update(datatype=datatype, parameters={"binary_data_size": len(raw)})
    return request, [raw]


WRONG_RAW = {
    "NaN": (lambda g: _raw_number(g, math.nan), r"'GrAppv', row 0: found nan, allowed: a number of at least 1"),
    "infinity": (lambda g: _raw_number(g, math.inf), r"'GrAppv', row 0: found inf, allowed: a finite number"),
    "a wrong layout": (lambda g: _raw_number(g, 1, "<f4"), r"'GrAppv': 4 raw bytes found, allowed: a multiple of 8"),
    "an unknown datatype": (lambda g: _raw_number(g, 1, datatype="FP16"), r"datatype 'FP16' found, allowed: FP64"),
    "bytes too many": (lambda g: (g, [b"12345678"]), r"8 raw bytes that belong to no input"),
    "text cut short": (
        lambda g: _raw_number(g, 100, "<u4", "BYTES", "LowDoc"),
        r"'LowDoc': raw bytes end in the middle of element 0",
    ),
}


@pytest.mark.parametrize("case", WRONG_RAW)
def test_wrong_raw_tensors_are_told_why(call, good, case):
    build, expected = WRONG_RAW[case]
    status, _, body = _send_binary(call, *build(good))
    assert status == 400
    assert re.search(expected, json.loads(body)["error"]), body


@pytest.mark.parametrize("header", ["x", "-1", "999999999", "1.5", "²"])
def test_a_wrong_length_header_is_told_why(call, good, header):
    status, _, body = call(INFER, good, {HEADER_LENGTH: header.encode("latin-1")})
    assert status == 400
    assert HEADER_LENGTH in json.loads(body)["error"]


def test_a_column_of_shape_n_1_is_taken_flat_or_nested(call, opened, rows):
    few = {name: values[:5] for name, values in rows.items()}
    flat = v2_body(few, opened.contract.inputs)
    nested = {"inputs": [{**t, "shape": [5, 1], "data": [[v] for v in t["data"]]} for t in flat["inputs"]]}
    tall = {"inputs": [{**t, "shape": [5, 1]} for t in flat["inputs"]]}
    expected = _probability(call(INFER, flat)[2])
    assert (_probability(call(INFER, nested)[2]) == expected).all()
    assert (_probability(call(INFER, tall)[2]) == expected).all()
