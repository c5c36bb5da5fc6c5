"""Inference requests that come as CloudEvents, to a real server process."""

import gzip
import json

import pytest

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"
BINARY = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "a/shop", "ce-type": "loan.asked"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
ATTRIBUTES = {"specversion": "1.0", "id": "7", "source": "a/shop", "type": "loan.asked", "time": "2026-01-01T00:00:00Z"}


@pytest.fixture(params=["v1", "v2"])
def plain(request, good, call):
    """Path, request and plain answer of either protocol."""
    instances = {"instances": [{t["name"]: t["data"][0] for t in good["inputs"]}]}
    path, body = (PREDICT, instances) if request.param == "v1" else (INFER, good)
    return path, body, json.loads(call(path, body)[2])


def test_an_event_in_headers_is_answered_by_one(call, plain):
    path, request, expected = plain
    status, headers, body = call(path, request, {**BINARY, "content-type": "application/json"})
    assert (status, json.loads(body)) == (200, expected)
    assert headers["content-type"] == "application/json"
    assert headers["ce-type"] == "io.kserve.inference.response"
    assert headers["ce-source"] == "io.kserve.inference.sba_loans"
    assert headers["ce-id"] not in ("", "7")


@pytest.mark.parametrize("ending", ["", "; charset=utf-8"])
def test_an_event_in_one_object_is_answered_by_one(call, plain, ending):
    path, request, expected = plain
    status, headers, body = call(
        path, {**ATTRIBUTES, "data": request}, {"content-type": STRUCTURED["content-type"] + ending}
    )
    event = json.loads(body)
    assert (status, event["data"]) == (200, expected)
    assert headers["content-type"] == STRUCTURED["content-type"]
    assert event["type"] == "io.kserve.inference.response"


def test_raw_outputs_come_as_numbers_in_an_event(call, good):
    request = {**good, "parameters": {"binary_data_output": True}, "outputs": [{"name": "decision"}]}
    _, _, body = call(INFER, {**ATTRIBUTES, "data": request}, STRUCTURED)
    assert [o["name"] for o in json.loads(body)["data"]["outputs"]] == ["decision"]
    assert json.loads(body)["data"]["outputs"][0]["data"] in ([0], [1])


def _event(**changes):
    return {**ATTRIBUTES, "data": {}, **changes}


def _deep(n):
    return b'{"inputs": ' + b"[" * n + b"]" * n + b', "instances": ' + b"[" * n + b"]" * n + b"}"


@pytest.mark.parametrize("path", [INFER, PREDICT])
@pytest.mark.parametrize("headers", [{}, BINARY, STRUCTURED], ids=["plain", "binary", "structured"])
def test_a_compressed_body_is_refused_by_its_encoding(call, good, path, headers):
    body = gzip.compress(json.dumps(good).encode())
    status, _, answer = call(path, body, {"content-encoding": "gzip", **headers})
    assert status == 415
    assert "header content-encoding: found 'gzip', allowed: identity" in json.loads(answer)["error"]


def test_a_content_type_is_the_same_in_any_letters(call, plain):
    path, request, expected = plain
    kind = {"content-type": "Application/CloudEvents+JSON"}
    status, _, body = call(path, {**ATTRIBUTES, "data": request}, kind)
    assert (status, json.loads(body)["data"]) == (200, expected)


WRONG = {
    "an attribute is missing in headers": (
        {k: v for k, v in BINARY.items() if k != "ce-id"},
        {},
        "header ce-id missing",
    ),
    "an attribute is missing": (STRUCTURED, {"specversion": "1.0"}, "attribute id, source, type, time, data missing"),
    "a batch": ({"content-type": "application/cloudevents-batch+json"}, {}, "allowed: application/cloudevents+json"),
    "no JSON": (STRUCTURED, b"hello", "the body is not JSON"),
    "no object": (STRUCTURED, b"[]", "the body is no JSON object"),
    "no JSON in it": (BINARY, b"hello", "no JSON object"),
    "data that is text": (STRUCTURED, {**ATTRIBUTES, "data": "x"}, "no JSON object"),
    "data that is no request": (STRUCTURED, {**ATTRIBUTES, "data": {}}, "found nothing"),
    "an unknown version": ({**BINARY, "ce-specversion": "9"}, {}, "specversion '9' found, allowed: 1.0"),
    "an unknown version in the object": (STRUCTURED, _event(specversion="2"), "specversion '2' found, allowed: 1.0"),
    "an id of null": (STRUCTURED, _event(id=None), "id null found, allowed: text"),
    "an id that is a number": (STRUCTURED, _event(id=5), "id 5 found, allowed: text"),
    "an empty id": ({**BINARY, "ce-id": ""}, {}, "id '' found, allowed: text"),
    "a source that is an object": (STRUCTURED, _event(source={}), "source {} found, allowed: text"),
    "a type that is a list": (STRUCTURED, _event(type=[]), "type [] found, allowed: text"),
    "a time in words": (STRUCTURED, _event(time="yesterday"), "time 'yesterday' found, allowed: as in 2026-01-31T"),
    "a time that is none": ({**BINARY, "ce-time": "2026-02-30T00:00:00Z"}, {}, "time '2026-02-30T00:00:00Z' found"),
    "an extension that is a list": (STRUCTURED, _event(more=[1]), "'more' is a list, allowed: text"),
    "no body at all": (BINARY, b"", "the body is empty"),
    "data nested deep": (BINARY, _deep(300), "found a list"),
    "data nested deep in an object": (
        STRUCTURED,
        json.dumps({**ATTRIBUTES, "data": {"inputs": []}}).encode().replace(b"[]", b"[" * 300 + b"]" * 300),
        "nested too deep",
    ),
    "an event nested deep": (STRUCTURED, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "missing"),
    "an attribute nested deep": (
        STRUCTURED,
        json.dumps(_event(more=7)).encode().replace(b"7}", b"[" * 900 + b"]" * 900 + b"}"),
        "'more' is a list",
    ),
}


@pytest.mark.parametrize("path", [INFER, PREDICT])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_event_is_refused(call, path, case):
    headers, body, expected = WRONG[case]
    status, found, answer = call(path, body, headers)
    assert (status, found["content-type"]) == (400, "application/json")
    assert expected in json.loads(answer)["error"]
