"""The smoke test: a signed bundle is served by a fresh process, and what it answers is held against training."""

import http.client
import json
import shlex
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.config import Settings
from components.core.contracts import Columns, Contract, FloatArray
from components.core.errors import FairleadError
from components.features.rows import from_frame
from components.serving.process import Running, serving, tail
from components.training.bundle import Bundle
from components.training.v2_request import v2_body

BATCH = 1_000
WARM_UP = 20
"""Calls before latency is taken."""

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where ``python -m components.serving`` listens by default; the smoke test's own server is gone when it is read."""


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoredExample(_Report):
    """One of the bundle's examples, answered by the live server."""

    name: str
    probability: float
    decision: int
    curl: str
    """The call as a shell command that needs nothing else."""


class SmokeReport(_Report):
    """What the fresh server did."""

    model: str
    version: str
    startup_seconds: float
    """From starting the process to ready: interpreter, imports, signature, checksums, fingerprints, examples."""
    rows: int
    """Rows compared."""
    parity_max_abs: float
    """Largest difference between the served and the offline probability of the same row."""
    parity_row: str
    """Id of the row with that difference."""
    calls: int
    """Single-row calls whose time was taken, one after the other on one connection."""
    latency_p50_ms: float
    latency_p95_ms: float
    examples: tuple[ScoredExample, ...]


def smoke(
    bundle: Path,
    dataset: Path,
    predictions: Path,
    settings: Settings,
    *,
    rows: int = 10_000,
    calls: int = 200,
    deadline: float = 60.0,
) -> SmokeReport:
    """Serve a signed bundle in a fresh process on loopback and score real rows over V2 REST.

    Args:
        bundle: a signed bundle.
        dataset: what ``label_rows`` wrote.
        predictions: native scores of its rows (row_id, probability).
        settings: keys and folders; handed to the process.
        rows: most rows to compare, taken evenly from all of the data set.
        calls: single-row calls to time.
        deadline: seconds until the server has to be ready.

    Raises:
        FairleadError: the server did not come up, refused the bundle or a row, or there is nothing to compare; shows
            the tail of the server's log. The process is stopped in any case.
    """
    contract = Contract.read(bundle / "contract.json")
    frame = _scored(dataset, predictions, rows)
    columns = from_frame(frame, contract.inputs)
    with tempfile.TemporaryDirectory(prefix="fairlead-smoke-") as folder:
        log = Path(folder) / "server.log"
        # Every row is to be scored, odd ones too: what is compared is the model.
        options = ("--exit-on-refusal", "--max-rows", str(BATCH), "--remedies", "none")
        with serving(str(bundle.absolute()), settings, log, deadline=deadline, options=options) as server:
            try:
                with closing(Client(server, contract.model)) as client:
                    served = _score(client, columns, contract)
                    milliseconds = _times(client, columns, contract, calls)
                    examples = tuple(_example(client, e) for e in Bundle.open(bundle).examples())
            except (OSError, http.client.HTTPException, FairleadError) as error:
                raise FairleadError(f"smoke test of {bundle}: {error}\nThe server's log ends:\n{tail(log)}") from error
    difference = np.abs(served - frame["probability"].to_numpy())
    # A comparison with NaN is false: argmax puts NaN first, so one unscored row cannot hide behind the others.
    worst = int(np.argmax(difference))
    return SmokeReport(
        model=contract.model,
        version=client.version,
        startup_seconds=round(server.startup_seconds, 3),
        rows=len(frame),
        parity_max_abs=float(difference[worst]),
        parity_row=str(frame["row_id"][worst]),
        calls=calls,
        latency_p50_ms=float(np.percentile(milliseconds, 50)),
        latency_p95_ms=float(np.percentile(milliseconds, 95)),
        examples=examples,
    )


class Client:
    """One connection to a server's V2 route.

    Args:
        server: a running server.
        model: name of its model.
    """

    def __init__(self, server: Running, model: str) -> None:
        address = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._path = f"/v2/models/{model}/infer"
        self.model = model
        self.version = ""
        """Version that the last answer came from."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def infer(self, body: bytes) -> dict[str, list[Any]]:
        """Send one V2 request and return the outputs' values by name.

        Raises:
            FairleadError: the server answered with an error; carries its text.
        """
        self._connection.request("POST", self._path, body, {"content-type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        if response.status != http.client.OK:
            raise FairleadError(f"POST {self._path}: {response.status} {content[:1000].decode(errors='replace')}")
        answer = json.loads(content)
        self.version = answer["model_version"]
        return {output["name"]: output["data"] for output in answer["outputs"]}


def curl(model: str, request: object) -> str:
    """Write a V2 request as a shell command for a server on its default address.

    >>> print(curl("m", {"inputs": []}))
    curl -sS http://127.0.0.1:8080/v2/models/m/infer -H 'content-type: application/json' -d '{"inputs": []}'
    """
    url = f"{DEFAULT_URL}/v2/models/{model}/infer"
    return shlex.join(["curl", "-sS", url, "-H", "content-type: application/json", "-d", json.dumps(request)])


def _scored(dataset: Path, predictions: Path, rows: int) -> pl.DataFrame:
    native = pl.read_parquet(predictions, columns=["row_id", "probability"])
    frame = pl.read_parquet(dataset).join(native, on="row_id", how="inner", maintain_order="left")
    if frame.is_empty():
        raise FairleadError(f"{predictions.name} has no score for any row of {dataset.name}; write both in one run")
    return frame[np.linspace(0, len(frame) - 1, min(rows, len(frame))).astype(np.int64)]


def _score(client: Client, columns: Columns, contract: Contract) -> FloatArray:
    n = len(columns[contract.inputs[0].name])
    answers = []
    for start in range(0, n, BATCH):
        body = _body({name: values[start : start + BATCH] for name, values in columns.items()}, contract)
        answers.append(np.array(client.infer(body)["probability"], dtype=np.float64))
    return np.concatenate(answers)


def _times(client: Client, columns: Columns, contract: Contract, calls: int) -> Sequence[float]:
    n = len(columns[contract.inputs[0].name])
    chosen = [i * n // (calls + WARM_UP) for i in range(calls + WARM_UP)]
    bodies = [_body({name: values[i : i + 1] for name, values in columns.items()}, contract) for i in chosen]
    milliseconds = []
    for body in bodies:
        started = time.perf_counter()
        client.infer(body)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds[WARM_UP:]


def _body(columns: Columns, contract: Contract) -> bytes:
    return json.dumps(v2_body(columns, contract.inputs)).encode()


def _example(client: Client, example: dict[str, Any]) -> ScoredExample:
    found = client.infer(json.dumps(example["request"]).encode())
    return ScoredExample(
        name=example["name"],
        probability=found["probability"][0],
        decision=found["decision"][0],
        curl=curl(client.model, example["request"]),
    )
