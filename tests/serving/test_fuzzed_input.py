"""Whatever hypothesis thinks of, at every door of a real server process: never a 5xx, a trace or a leak."""

import copy
import http.client
import json
from urllib.parse import urlsplit

import grpc
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.serving.contracts import ANY
from tests.serving.test_bad_input import _instances

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"
LENGTH = "inference-header-content-length"
LEAKS = (b"Traceback", b"site-packages", b"/components/", b".py")


@pytest.fixture(scope="module")
def post(running):
    """Send bytes on one connection that is kept; a new one for each of a thousand requests would be the load."""
    address = urlsplit(running.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def send(path, body, headers=None):
        connection.request("POST", path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()

    yield send
    connection.close()


def _fair(status, body):
    """Refused with a reason, or answered with probabilities."""
    assert not any(leak in body for leak in LEAKS), body
    content = json.loads(body)
    if status == 200:
        found = content["predictions"] if "predictions" in content else content["outputs"]
        assert found
    else:
        assert 400 <= status < 500, (status, body)
        assert list(content) == ["error"]
        assert 0 < len(content["error"]) < 4000


fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
json_values = st.recursive(
    ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def _places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*path, key))


def _put(value, path, new):
    if not path:
        return new
    changed = copy.deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return changed


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_anything_anywhere_in_a_request(post, good, protocol):
    request, path = (good, INFER) if protocol == "v2" else (_instances(good), PREDICT)
    places = list(_places(request))

    @fuzz
    @given(st.lists(st.tuples(st.sampled_from(places), json_values), min_size=1, max_size=2))
    def throw(changes):
        changed = request
        for place, new in changes:
            try:
                changed = _put(changed, place, new)
            except (KeyError, IndexError, TypeError):
                continue  # the first change took the second one's place away
        _fair(*post(path, orjson.dumps(changed)))

    throw()


@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_any_bytes_as_a_body(post, good, path):
    body = orjson.dumps(good if path == INFER else _instances(good))

    @fuzz
    @given(
        st.binary(max_size=64)
        | st.tuples(st.integers(0, len(body)), st.binary(max_size=3), st.integers(0, 3)).map(
            lambda t: body[: t[0]] + t[1] + body[t[0] + t[2] :]
        ),
        st.none() | st.integers(-1, len(body) + 1).map(str),
    )
    def throw(content, length):
        headers = {} if length is None or path == PREDICT else {LENGTH: length}
        _fair(*post(path, content, headers))

    throw()


def _refusal(make):
    """Give the status and text of a refused call, or nothing when it was answered."""
    try:
        answer = make()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    assert answer.outputs
    return None


contents = st.fixed_dictionaries(
    {},
    optional={
        "fp64_contents": st.lists(st.floats(), max_size=2),
        "fp32_contents": st.lists(st.floats(width=32), max_size=2),
        "int64_contents": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2),
        "int_contents": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=2),
        "uint64_contents": st.lists(st.integers(0, 2**64 - 1), max_size=2),
        "bool_contents": st.lists(st.booleans(), max_size=2),
        "bytes_contents": st.lists(st.binary(max_size=12), max_size=2),
    },
)


def test_any_message_over_grpc(channel, opened, good):
    stub = GRPCInferenceServiceStub(channel)
    names = st.sampled_from([f.name for f in opened.contract.inputs]) | st.text(max_size=3)
    datatypes = st.sampled_from(["FP64", "FP32", "INT64", "INT32", "UINT64", "BOOL", "BYTES", "FP16", ""])
    shapes = st.lists(st.integers(-1, 2), max_size=3)

    @fuzz
    @given(
        st.lists(st.tuples(names, datatypes, shapes, contents), max_size=3),
        st.lists(st.binary(max_size=9), max_size=2),
        st.lists(st.sampled_from(["probability", "decision", "x", ""]), max_size=2),
    )
    def throw(tensors, raw, outputs):
        message = pb.ModelInferRequest(model_name="sba_loans")
        for name, datatype, shape, values in tensors:
            message.inputs.add(name=name, datatype=datatype, shape=shape, contents=pb.InferTensorContents(**values))
        for tensor in good["inputs"]:
            if tensor["name"] not in {name for name, *_ in tensors}:
                added = message.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=[1])
                field = {"FP64": "fp64_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}
                values = [v.encode() if isinstance(v, str) else v for v in tensor["data"]]
                getattr(added.contents, field[tensor["datatype"]]).extend(values)
        message.raw_input_contents.extend(raw)
        for name in outputs:
            message.outputs.add(name=name)
        refused = _refusal(lambda: stub.ModelInfer(message))
        if refused is not None:
            code, text = refused
            assert code in {"INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"}, refused
            assert not any(leak in text.encode(errors="replace") for leak in LEAKS), text

    throw()


def test_the_log_has_no_trace_of_any_of_it(running, call, good):
    assert call(INFER, good)[0] == 200
    assert "Traceback" not in running.log.read_text(errors="replace")


@pytest.mark.parametrize("body", ["good", {}, b"x"])
@pytest.mark.parametrize(
    "path", [INFER, PREDICT, "/v1/models/sba_loans:explain", "/v2/models/sba_loans/explain", "/no"]
)
def test_no_answer_repeats_the_headers_of_its_request(call, good, path, body):
    given = {"authorization": "Bearer hush", "x-api-key": "hush", "cookie": "session=hush"}
    request = (_instances(good) if path.startswith("/v1") else good) if body == "good" else body
    status, headers, answer = call(path, request, given)
    assert status in (200, 400, 404)
    assert b"hush" not in answer
    assert "hush" not in str(headers)
