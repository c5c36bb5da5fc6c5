"""Explanations against a real server process, and the door's clock."""

import asyncio
import copy
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from components.serving import v2
from components.serving.exchange import Late, TooLarge
from components.serving.explain_door import MAX_ROWS, ExplainDoor
from components.serving.hooks import Hooks
from components.serving.scoring import Scoring
from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_body

V1 = "/v1/models/sba_loans:explain"
V2 = "/v2/models/sba_loans/explain"
INFER = "/v2/models/sba_loans/infer"


def _instance(request):
    return {t["name"]: t["data"][0] for t in request["inputs"]}


def _rows(rows, n):
    return {name: values[:n] for name, values in rows.items()}


def test_explanations_add_up_to_what_is_served(call, opened, rows):
    body = v2_body(_rows(rows, MAX_ROWS), opened.contract.inputs, "mine")
    status, _, answer = call(V2, body)
    assert status == 200
    explained = json.loads(answer)
    outputs = {o["name"]: np.array(o["data"]).reshape(o["shape"]) for o in explained["outputs"]}
    served = np.array(json.loads(call(INFER, body)[2])["outputs"][0]["data"])
    assert (explained["id"], explained["model_version"]) == ("mine", opened.version())
    assert outputs["feature_names"].tolist() == list(opened.contract.features)
    assert outputs["contributions"].shape == (MAX_ROWS, len(opened.contract.features))
    log_odds = outputs["base_value"] + outputs["contributions"].sum(axis=1)
    assert np.abs(1 / (1 + np.exp(-log_odds)) - served).max() <= TOLERANCE
    assert np.abs(outputs["probability"] - served).max() <= TOLERANCE


def test_both_protocols_and_the_route_with_a_version_say_the_same(call, opened, good):
    first = json.loads(call(V1, {"instances": [_instance(good)] * 2, "top": 3})[2])
    second = json.loads(call(f"/v2/models/sba_loans/versions/{opened.version()}/explain", good)[2])
    outputs = {o["name"]: o["data"] for o in second["outputs"]}
    row = first["explanations"][1]
    assert first["method"] == second["parameters"]["method"] == "tree_shap_path_dependent"
    assert row["contributions"] == dict(zip(outputs["feature_names"], outputs["contributions"], strict=True))
    assert [row["base_value"], row["probability"]] == [*outputs["base_value"], *outputs["probability"]]
    assert math.isclose(opened.examples()[1]["probability"], row["probability"], abs_tol=TOLERANCE)
    assert len(row["top"]) == 3
    assert all(t["meaning"].endswith(".") for t in row["top"])


@pytest.mark.parametrize("path", [V1, V2])
def test_no_header_of_the_request_comes_back(call, good, path):
    sent_by_caller = "Bearer of-the-caller-alone"
    body = {"instances": [_instance(good)]} if path == V1 else good
    sent = {"Authorization": sent_by_caller, "X-Custom": "mine-alone", "Cookie": "session=1234567"}
    for data in (body, {"instances": "x", "inputs": "x"}):
        status, headers, answer = call(path, data, sent)
        assert status == (200 if data is body else 400)
        told = answer.decode() + str(headers)
        assert not [value for value in sent.values() if value in told]


def test_the_contract_holds_at_this_door_too(call, good):
    wrong = copy.deepcopy(good)
    next(t for t in wrong["inputs"] if t["name"] == "GrAppv")["data"] = [0]
    bodies = {V2: wrong, V1: {"instances": [_instance(wrong)]}}
    for path, body in bodies.items():
        status, _, answer = call(path, body)
        assert status == 400
        assert "'GrAppv', row 0: found 0, allowed: a number of at least 1" in json.loads(answer)["error"]
        assert json.loads(call(path, b"hello")[2])["error"].startswith("the body is not JSON")
    assert call(V2, {**good, "parameters": {"top": 99}})[0] == 400


def test_too_many_rows_get_413_and_the_limit(call, opened, rows):
    body = v2_body(_rows(rows, MAX_ROWS + 1), opened.contract.inputs)
    status, _, answer = call(V2, body)
    assert status == 413
    assert f"{MAX_ROWS + 1} rows found, allowed: 1 to {MAX_ROWS}" in json.loads(answer)["error"]


def test_a_request_that_waits_for_others_too_long_is_told(opened, good):
    door = ExplainDoor(Scoring(opened, "sba_loans", "1", 1000), "sba_loans", "1")

    async def ask():
        slow = [door.v2(json.dumps(good).encode(), {}, 30) for _ in range(20)]
        waiting = asyncio.gather(*slow)
        await asyncio.sleep(0)
        with pytest.raises(Late, match="not answered within 0 ms"):
            await door.v2(json.dumps(good).encode(), {}, 0.0001)
        return await waiting

    assert len(asyncio.run(ask())) == 20


def test_the_limit_is_the_doors_own(opened, rows):
    door = ExplainDoor(Scoring(opened, "sba_loans", "1", 1000), "sba_loans", "1", max_rows=2)
    body = json.dumps(v2_body(_rows(rows, 3), opened.contract.inputs)).encode()
    with pytest.raises(TooLarge, match="3 rows found, allowed: 1 to 2"):
        asyncio.run(door.v2(body, {}, None))


class Upstream:
    """Changes every amount, as a hook may."""

    def preprocess(self, request, headers):
        amount = float(headers["x-amount"])
        changed = [replace(t, data=[amount]) if t.name == "GrAppv" else t for t in request.tensors]
        return replace(request, tensors=tuple(changed))


class Known:
    """Knows the history of every bank, as a feature store may."""

    def needed(self, given):
        return () if "bank_count" in given else ("bank",)

    async def fill(self, columns, entities):
        assert entities == ("bank",)
        return {**columns, "bank_count": np.array([900.0]), "bank_bad": np.array([90.0])}, ["bank=found"]


def test_what_is_explained_is_what_is_scored(opened, good):
    """After the user's own steps, and with the histories that were looked up."""
    scoring = Scoring(opened, "m", "1", 10, hooks=Hooks(Upstream()), lookup=Known())
    without = {**good, "inputs": [t for t in good["inputs"] if not t["name"].startswith("bank_")]}
    body, headers = json.dumps(without).encode(), {"x-amount": "123456"}

    async def ask():
        explained = await ExplainDoor(scoring, "m", "1").v2(body, headers, None)
        return json.loads(explained), await scoring.answer(v2.decode(body), headers, time.perf_counter())

    explained, scored = asyncio.run(ask())
    outputs = {o["name"]: o["data"] for o in explained["outputs"]}
    assert outputs["probability"] == pytest.approx(scored.outputs[0].values, abs=TOLERANCE)
    plain = opened.examples()[1]["probability"]
    assert abs(outputs["probability"][0] - plain) > TOLERANCE
