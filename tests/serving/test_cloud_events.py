"""Inference requests that come as CloudEvents, to a real server process."""

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
    "an unknown version": ({**BINARY, "ce-specversion": "9"}, {}, ""),
}


@pytest.mark.parametrize("path", [INFER, PREDICT])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_event_is_refused(call, path, case):
    headers, body, expected = WRONG[case]
    status, found, answer = call(path, body, headers)
    assert (status, found["content-type"]) == (400, "application/json")
    assert expected in json.loads(answer)["error"]
