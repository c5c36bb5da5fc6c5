"""A user's own steps, by themselves and in a server process on every route."""

import asyncio
import dataclasses
import json
import os
from pathlib import Path

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from components.core.errors import ContractViolation, FairleadError
from components.serving.exchange import Answer, Request
from components.serving.hooks import HookFailed, Hooks, open_hooks

MODULE = '''
"""Steps that a user brings."""

import dataclasses

import numpy as np

from components.core.errors import ContractViolation
from components.serving.exchange import Tensor


class Steps:
    async def preprocess(self, request, headers):
        if headers.get("x-refuse"):
            raise ContractViolation("the hook does not like it")
        if headers.get("x-break"):
            raise ZeroDivisionError("a secret of ours")
        renamed = [dataclasses.replace(t, name="GrAppv") if t.name == "amount" else t for t in request.tensors]
        return dataclasses.replace(request, tensors=tuple(renamed))

    def postprocess(self, answer, headers):
        kept = [r for r in answer.outputs if r.name == "decision"]
        return dataclasses.replace(answer, outputs=tuple(kept))
'''


class Both:
    def preprocess(self, request, headers):
        return dataclasses.replace(request, id=headers["x"])

    async def postprocess(self, answer, headers):
        return dataclasses.replace(answer, id=answer.id + headers["x"])


class Neither:
    pass


class Wrong:
    def preprocess(self, *_):
        return None


def test_both_steps_are_run_plain_or_async():
    hooks = Hooks(Both())
    request = asyncio.run(hooks.before(Request(()), {"x": "1"}))
    answer = asyncio.run(hooks.after(Answer("m", "1", "2", ()), {"x": "1"}))
    assert (request.id, answer.id) == ("1", "21")


def test_a_step_that_gives_back_something_else_is_an_error():
    with pytest.raises(HookFailed, match=r"Wrong\.preprocess returned NoneType, expected Request"):
        asyncio.run(Hooks(Wrong()).before(Request(()), {}))
    answer = Answer("m", "1", "2", ())
    assert asyncio.run(Hooks(Wrong()).after(answer, {})) is answer


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "allowed is package.module:Class"),
        ("no.such.module:Steps", "cannot be loaded: No module named 'no'"),
        ("components.serving.hooks:Nobody", "has no attribute 'Nobody'"),
        ("components.serving.hooks:HookFailed", "found neither preprocess nor postprocess"),
    ],
)
def test_hooks_that_cannot_be_had_are_told(name, text):
    with pytest.raises(FairleadError, match=text):
        open_hooks(name)
    with pytest.raises(FairleadError, match="neither"):
        Hooks(Neither())
    assert issubclass(ContractViolation, FairleadError)


@pytest.fixture(scope="module")
def hooked(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    (folder / "my_steps.py").write_text(MODULE)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        with serve("--hooks", "my_steps:Steps", grpc=True) as server:
            yield server


def _renamed(good):
    changed = json.loads(json.dumps(good))
    next(t for t in changed["inputs"] if t["name"] == "GrAppv")["name"] = "amount"
    return changed


def test_the_lane_runs_them(hooked, good):
    status, _, body = hooked.send("/v2/models/sba_loans/infer", _renamed(good))
    assert (status, [o["name"] for o in json.loads(body)["outputs"]]) == (200, ["decision"])


def test_v1_runs_them(hooked, good):
    instance = {t["name"]: t["data"][0] for t in _renamed(good)["inputs"]}
    # V1 takes datatypes from the contract, which does not know the name that the hook is to mend.
    instance["GrAppv"] = instance.pop("amount")
    status, _, body = hooked.send("/v1/models/sba_loans:predict", {"instances": [instance]})
    assert (status, list(json.loads(body)["predictions"][0])) == (200, ["decision"])


def test_grpc_runs_them(hooked):
    message = pb.ModelInferRequest(model_name="sba_loans")
    with grpc.insecure_channel(hooked.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
        GRPCInferenceServiceStub(channel).ModelInfer(message, metadata=[("x-refuse", "1")])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the hook does not like it"


@pytest.mark.parametrize(
    ("header", "status", "text"),
    [("x-refuse", 400, "the hook does not like it"), ("x-break", 500, "the server failed on this request")],
)
@pytest.mark.parametrize("path", ["/v2/models/sba_loans/infer", "/v1/models/sba_loans:predict"])
def test_an_error_of_theirs_has_its_status_and_no_trace(hooked, good, path, header, status, text):
    body = good if "v2" in path else {"instances": [{t["name"]: t["data"][0] for t in good["inputs"]}]}
    found, _, answer = hooked.send(path, body, {header: "1"})
    assert found == status
    assert text in json.loads(answer)["error"]
    assert b"secret" not in answer
    assert header == "x-refuse" or "a secret of ours" in Path(hooked.log).read_text()


def test_hooks_that_are_not_there_keep_the_server_unready(serve):
    with serve("--hooks", "no_such_module:Steps", ready=False) as server:
        answer = server.until_refused()
    assert "hooks 'no_such_module:Steps' cannot be loaded" in answer
