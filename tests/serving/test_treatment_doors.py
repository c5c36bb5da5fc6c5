"""Odd rows at every door of a real server process, and what its two logs and its metrics have of them."""

import json

import grpc
import numpy as np
import polars as pl
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from components.serving.prediction_log_reader import read as read_log
from components.serving.quarantine_log import QuarantineLog
from components.serving.rpc import CONTENTS
from tests.serving.logged import until
from tests.serving.odd import ODD, RULES, STATUS, joined, with_values

INFER, PREDICT = "/v2/models/sba_loans/infer", "/v1/models/sba_loans:predict"


@pytest.fixture(scope="module")
def served(serve, tmp_path_factory):
    """A server process with rules, and its two logs."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "rules.yaml").write_text(json.dumps({"remedies": RULES}))
    with serve(
        "--remedies", str(folder / "rules.yaml"), "--log", f"sqlite:///{folder / 'log.db'}", grpc=True
    ) as server:
        yield server, folder


def _v2(server, body):
    status, headers, content = server.send(INFER, body)
    return status, headers["x-fairlead-quarantine"], json.loads(content)


def _v2_binary(server, body):
    inputs, raw = [], []
    for t in body["inputs"]:
        if t["datatype"] == "BYTES":
            texts = [(v or "").encode() for v in t["data"]]
            raw.append(b"".join(len(x).to_bytes(4, "little") + x for x in texts))
        else:
            values = [np.nan if v is None else v for v in t["data"]]
            raw.append(np.array(values, "<f8" if t["datatype"] == "FP64" else "<i8").tobytes())
        head = {k: v for k, v in t.items() if k != "data"}
        inputs.append({**head, "parameters": {"binary_data_size": len(raw[-1])}})
    head = json.dumps({"id": body["id"], "inputs": inputs}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    status, found, content = server.send(INFER, b"".join([head, *raw]), headers)
    return status, found["x-fairlead-quarantine"], json.loads(content)


def _v1(server, body):
    instances = [
        dict(zip([t["name"] for t in body["inputs"]], row, strict=True))
        for row in zip(*(t["data"] for t in body["inputs"]), strict=True)
    ]
    status, headers, content = server.send(PREDICT, {"instances": instances}, {"x-request-id": body["id"]})
    return status, headers["x-fairlead-quarantine"], json.loads(content)


def _grpc(server, body):
    message = pb.ModelInferRequest(model_name="sba_loans", id=body["id"])
    for t in body["inputs"]:
        added = message.inputs.add(name=t["name"], datatype=t["datatype"], shape=t["shape"])
        empty = {"BYTES": b"", "FP64": np.nan}.get(t["datatype"], 0)
        values = [empty if v is None else v.encode() if isinstance(v, str) else v for v in t["data"]]
        getattr(added.contents, CONTENTS[t["datatype"]]).extend(values)
    with grpc.insecure_channel(server.grpc) as channel:
        try:
            answer = GRPCInferenceServiceStub(channel).ModelInfer(message)
        except grpc.RpcError as error:
            codes = {grpc.StatusCode.INVALID_ARGUMENT: 422, grpc.StatusCode.FAILED_PRECONDITION: 409}
            told = dict(error.trailing_metadata())
            return codes[error.code()], told["x-fairlead-quarantine"], {"error": error.details()}
    told = {k: v.string_param for k, v in answer.parameters.items()}
    return 200, None, {"parameters": told} if told else {}


@pytest.mark.parametrize("send", [_v2, _v2_binary, _v1, _grpc], ids=["v2", "v2 binary", "v1", "grpc"])
@pytest.mark.parametrize("rows", [1, 2])
def test_every_remedy_at_every_door(served, good, send, rows):
    server, folder = served
    prefix = f"{send.__name__}-{rows}"
    logged, kept = set(), set()
    for remedy, values in [*ODD.items(), (None, {})]:
        name = f"{prefix}-{remedy}"
        status, group, content = send(server, joined([*[good] * (rows - 1), with_values(good, **values)], name))
        assert (status, group is None) == (STATUS[remedy], status == 200)
        (logged if status == 200 else kept).add(name)
        if status != 200:
            assert f"{group}-{rows - 1}" in content["error"]
        if send is not _v1:  # whose answers have no place for it
            assert ("parameters" in content) == (remedy == "impute_and_flag")
    log, quarantine = folder / "log.db", QuarantineLog(folder / "quarantine.db")
    mine = pl.col("request_id").str.starts_with(prefix)
    until(lambda: len(read_log(log).filter(mine)) >= rows * len(logged))
    found = read_log(log).filter(mine)
    assert set(found.select("request_id", "row").iter_rows()) == {(n, i) for n in logged for i in range(rows)}
    assert len(found) == rows * len(logged)
    waiting = quarantine.read().filter(mine)
    assert sorted(waiting.select("request_id", "row").iter_rows()) == [
        (n, i) for n in sorted(kept) for i in range(rows)
    ]
    remedies = dict(found.filter(pl.col("remedy").is_not_null()).select("request_id", "remedy").iter_rows())
    assert {n: json.loads(r)["remedy"] for n, r in remedies.items()} == {
        f"{prefix}-{r}": r for r in ("impute_and_flag", "pass_and_flag")
    }


def test_odd_rows_are_counted_by_what_was_done_with_them(served, good):
    server, _ = served
    _v2(server, {**with_values(good, **ODD["reject"]), "id": "counted"})
    _v2(server, {**with_values(good, **ODD["pass_and_flag"]), "id": "counted"})
    text = server.send("/metrics")[2].decode()
    lines = [line for line in text.splitlines() if line.startswith("fairlead_odd_rows_total{")]
    for remedy in ("reject", "pass_and_flag"):
        assert any(f'remedy="{remedy}"' in line and 'when="out_of_range"' in line for line in lines), text
