"""The gRPC door of a real server process."""

import asyncio

import grpc
import numpy as np
import pytest
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from components.serving.hooks import Hooks
from components.serving.limits import Limits
from components.serving.model import BundleModel
from components.serving.rpc import CONTENTS, Servicer
from components.serving.scoring import Scoring
from components.training.dataset import read
from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_body

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def stub(running):
    with grpc.insecure_channel(running.grpc) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def rows(small_dataset, sba):
    return {name: values[:300] for name, values in read(small_dataset, sba, "test").columns.items()}


@pytest.fixture
def message(opened, rows):
    """A good request of 300 rows; missing text is empty, missing numbers are NaN: gRPC knows no null."""
    return _message(v2_body(rows, opened.contract.inputs))


def _message(body):
    message = pb.ModelInferRequest(model_name="sba_loans", id="mine")
    for tensor in body["inputs"]:
        added = message.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        values = tensor["data"]
        if tensor["datatype"] == "BYTES":
            values = [(v or "").encode() for v in values]
        elif tensor["datatype"] == "FP64":
            values = [np.nan if v is None else v for v in values]
        getattr(added.contents, CONTENTS[tensor["datatype"]]).extend(values)
    return message


def _input(message, name):
    return next(t for t in message.inputs if t.name == name)


def _refusal(stub, message):
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(message)
    return caught.value.code(), caught.value.details()


def test_rows_score_as_offline(stub, message, candidate, rows, opened):
    answer = stub.ModelInfer(message)
    probability, decision = answer.outputs
    assert (answer.model_name, answer.model_version, answer.id) == ("sba_loans", opened.version(), "mine")
    expected = candidate.probability(rows)
    assert np.abs(np.array(probability.contents.fp64_contents) - expected).max() <= TOLERANCE
    assert list(decision.contents.int64_contents) == opened.decide(expected).tolist()


def test_raw_contents_score_alike(stub, message):
    expected = stub.ModelInfer(message).outputs[0].contents.fp64_contents
    raw = pb.ModelInferRequest(model_name="sba_loans")
    for tensor in message.inputs:
        raw.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if tensor.datatype == "BYTES":
            texts = tensor.contents.bytes_contents
            raw.raw_input_contents.append(b"".join(len(t).to_bytes(4, "little") + t for t in texts))
        else:
            values = getattr(tensor.contents, CONTENTS[tensor.datatype])
            raw.raw_input_contents.append(np.array(values, "<f8" if tensor.datatype == "FP64" else "<i8").tobytes())
    answer = stub.ModelInfer(raw)
    assert np.frombuffer(answer.raw_output_contents[0], "<f8").tolist() == list(expected)


def test_only_the_outputs_asked_for_are_given(stub, message):
    message.outputs.add(name="decision")
    assert [o.name for o in stub.ModelInfer(message).outputs] == ["decision"]


def _set(name, field, values, **head):
    def change(message):
        tensor = _input(message, name)
        tensor.ClearField("contents")
        getattr(tensor.contents, field).extend(values)
        for key, value in head.items():
            setattr(tensor, key, value)

    return change


WRONG = {
    "an input is missing": (lambda m: m.inputs.remove(_input(m, "GrAppv")), "'GrAppv': missing"),
    "no inputs": (lambda m: m.ClearField("inputs"), "missing"),
    "an extra input": (lambda m: m.inputs.add(name="Term", datatype="INT64", shape=[300]), "'Term': unknown"),
    "a wrong name": (lambda m: setattr(_input(m, "GrAppv"), "name", "GrApv"), "did you mean 'GrAppv'?"),
    "values of another datatype": (
        _set("NoEmp", "fp64_contents", [3.5] * 300),
        "values found in fp64_contents, allowed for INT64: int64_contents",
    ),
    "floats for a whole number": (
        _set("NoEmp", "fp64_contents", [3.5] * 300, datatype="FP64"),
        "row 0: found 3.5, allowed: a whole number",
    ),
    "NaN where it is not allowed": (_set("GrAppv", "fp64_contents", [np.nan] * 300), "row 0: found nan"),
    "fewer values than rows": (_set("NoEmp", "int64_contents", [1]), "1 values found, allowed: 300"),
    "fewer rows than none": (
        lambda m: m.inputs[0].shape.__setitem__(0, -5),
        "shape [-5] found, allowed: whole numbers from 0 on",
    ),
    "outside the domain": (_set("Zip", "int64_contents", [100000] * 300), "found 100000, allowed: a number from 0"),
    "text that is no text": (_set("LowDoc", "bytes_contents", [b"\xff"] * 300), r"found b'\xff', allowed: text"),
    "a date as words": (_set("ApprovalDate", "bytes_contents", [b"today"] * 300), "found 'today'"),
    "an unknown datatype": (lambda m: setattr(_input(m, "NoEmp"), "datatype", "FP16"), "'FP16' found, allowed: FP64"),
    "raw contents that do not match": (
        lambda m: m.raw_input_contents.append(b"12345678"),
        "1 raw_input_contents found",
    ),
    "an id of 201 letters": (lambda m: setattr(m, "id", "i" * 201), "'id': 201 characters found, allowed: up to 200"),
    "text of 1,001 letters": (
        _set("Bank", "bytes_contents", [b"b" * 1001] * 300),
        "allowed: text of up to 1000 characters",
    ),
    "an unknown output": (lambda m: m.outputs.add(name="score"), "output 'score': unknown"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_an_invalid_argument(stub, message, case):
    change, expected = WRONG[case]
    change(message)
    code, details = _refusal(stub, message)
    assert code == INVALID, details
    assert expected in details


def test_an_id_in_the_metadata_is_held_to_the_same_length(stub, message):
    message.id = ""
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(message, metadata=[("x-request-id", "i" * 201)])
    assert caught.value.code() == INVALID
    assert caught.value.details() == "metadata x-request-id: 201 characters found, allowed: up to 200"
    assert stub.ModelInfer(message, metadata=[("x-request-id", "i" * 200)]).id == "i" * 200


def test_a_call_that_takes_longer_than_its_own_deadline_is_given_up(opened, message):
    """Seen from inside: the client gives up by itself, whatever the server does."""
    asked = []

    class Slow:
        async def preprocess(self, *_):
            asked.append(asyncio.current_task())
            await asyncio.Event().wait()

    for metadata, remaining in (([("x-envoy-expected-rq-timeout-ms", "20")], None), ([], 0.02)):
        model = BundleModel("")
        model.take(Scoring(opened, "sba_loans", "1", 1000, hooks=Hooks(Slow())), "1")
        limits = Limits(10**6)
        context = Context(metadata, remaining)
        servicer = Servicer(DataPlane(ModelRepository()), None, model, limits)
        with pytest.raises(Aborted):
            asyncio.run(asyncio.wait_for(servicer.ModelInfer(message, context), 10))
        assert context.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert context.text.startswith("not answered within 20 ms")
        assert limits.in_flight == 0
    assert len(asked) == 2


class Aborted(Exception):
    pass


class Context:
    """What the servicer asks of gRPC's."""

    def __init__(self, metadata, remaining):
        self.metadata, self.remaining = metadata, remaining

    def invocation_metadata(self):
        return self.metadata

    def time_remaining(self):
        return self.remaining

    def set_trailing_metadata(self, _):
        pass

    async def abort(self, code, text):
        self.code, self.text = code, text
        raise Aborted


def test_other_models_are_not_found(stub, message):
    message.model_name = "other"
    assert _refusal(stub, message) == (grpc.StatusCode.NOT_FOUND, "unknown model 'other'; served here: sba_loans")


def test_too_many_rows_exhaust_a_resource(stub, message):
    for tensor in message.inputs:
        values = getattr(tensor.contents, CONTENTS[tensor.datatype])
        values.extend(list(values) * 6)
        tensor.shape[0] = 2100
    code, details = _refusal(stub, message)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED, details


def test_health_and_metadata(stub, opened):
    assert stub.ServerLive(pb.ServerLiveRequest()).live
    assert stub.ServerReady(pb.ServerReadyRequest()).ready
    assert stub.ModelReady(pb.ModelReadyRequest(name="sba_loans")).ready
    metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name="sba_loans"))
    assert [t.name for t in metadata.inputs] == [f.name for f in opened.contract.inputs]


def test_nobody_takes_the_model_out_of_service(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="sba_loans"))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert stub.ModelReady(pb.ModelReadyRequest(name="sba_loans")).ready
