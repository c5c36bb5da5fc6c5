"""The predictor as the explainer sees it: a server whose answers are what is explained."""

import http.client
import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import orjson

from components.core.contracts import Columns, FloatArray
from components.core.errors import ContractViolation, FairleadError
from components.features.rows import number_of_rows
from components.serving.exchange import EXPLAINS, Late, Unavailable
from components.serving.limits import TIMEOUT
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE
from components.training.v2_request import json_values

BATCH = 500
"""Rows in one call."""

PATIENCE = 10.0
"""Seconds to wait for one answer, where less is not left."""

FORWARDED = ("traceparent", "tracestate", "x-request-id")
"""Headers of a request that its calls to the predictor carry on; no other header leaves this process."""


class Predictor:
    """Where the predictor is.

    Args:
        host: ``HOST`` or ``HOST:PORT``, as KServe's ``--predictor_host``; port 80 where none is named.
        model: name that it serves its model under.

    Raises:
        FairleadError: that is no host.
    """

    def __init__(self, host: str, model: str) -> None:
        try:
            parts = urlsplit(f"//{host}")
            self._host, self._port = parts.hostname or "", parts.port or 80
        except ValueError as error:
            raise FairleadError(f"predictor host {host!r}: {error}; write HOST or HOST:PORT") from error
        if not self._host or parts.path:
            raise FairleadError(f"predictor host {host!r} is none; write HOST or HOST:PORT")
        self.model = model

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is opened by its first request."""
        return http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)

    def require_ready(self) -> None:
        """Ask whether its model is ready.

        Raises:
            Unavailable: it is not, or there is no answer.
        """
        connection = self.connect()
        connection.timeout = 2.0  # a probe waits for this
        try:
            connection.request("GET", f"/v2/models/{self.model}/ready")
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self.silent(error) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise Unavailable(f"the predictor at {self} is not ready: {answer.status} {_error(text)}")

    def silent(self, error: Exception) -> Unavailable:
        """Make the error for a predictor that cannot be reached."""
        return Unavailable(f"the predictor at {self} does not answer: {type(error).__name__}; try again when it is up")


class Served:
    """The predictor's model for the length of one request: what ``Decides`` asks for, over V2.

    Use as a context manager; the connection is closed at the end.

    Args:
        predictor: where it is.
        bundle: what it is supposed to serve.
        row: all inputs, one row; rows to be scored may leave out inputs, which are then those of this one.
        until: ``time.monotonic()`` by which all has to be done.
        headers: of the request; those in ``FORWARDED`` are carried on.
    """

    def __init__(
        self, predictor: Predictor, bundle: Bundle, row: Columns, until: float, headers: Mapping[str, str]
    ) -> None:
        self._predictor, self._bundle, self._row, self._until = predictor, bundle, row, until
        self._headers = {name: headers[name] for name in FORWARDED if name in headers}
        self._connection = predictor.connect()
        self._id = f"explain-{uuid.uuid4()}"
        self.version = ""
        """Version that answered last."""

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def require_same(self, given: Collection[str]) -> None:
        """Check that the predictor scores the row like the bundle; else what is explained is not what is served.

        Args:
            given: the inputs that the client sent; all others are gaps here.

        Raises:
            Unavailable: it serves another model, or cannot be reached.
            ContractViolation: it fills in something else for what was left out.
        """
        served, known = float(self.probability(self._row)[0]), float(self._bundle.probability(self._row)[0])
        if not abs(served - known) <= TOLERANCE:
            raise Unavailable(
                f"the predictor at {self._predictor} (version {self.version}) does not serve the model of the "
                f"explainer's bundle: it scores {served:.9f} where the bundle scores {known:.9f}; start the explainer "
                "with the bundle that is served"
            )
        left_out = [f.name for f in self._bundle.contract.inputs if f.name not in given]
        if left_out and not abs(float(self._batch(self._row, 0, 1, left_out)[0]) - known) <= TOLERANCE:
            raise ContractViolation(
                f"inputs {', '.join(left_out)}: missing, and looked up by the predictor; send them along, null where "
                "there is nothing, to have the row explained"
            )

    def probability(self, rows: Columns) -> FloatArray:
        """Have n rows scored, in batches; returns shape (n,).

        Raises:
            Late: no time is left.
            Unavailable: the predictor does not answer, or not as it should.
            ContractViolation: it refuses a row.
        """
        n = number_of_rows(rows)
        parts = [self._batch(rows, start, min(start + BATCH, n)) for start in range(0, n, BATCH)]
        return np.concatenate(parts)

    def decide(self, probability: FloatArray) -> npt.NDArray[np.int64]:
        """Turn probabilities into decisions, as the contract has it; each answer was checked to decide so."""
        return self._bundle.decide(probability)

    def _batch(self, rows: Columns, start: int, end: int, left_out: Collection[str] = ()) -> FloatArray:
        status, content = self._post(orjson.dumps(self._body(rows, start, end, left_out)))
        if status == http.client.REQUEST_ENTITY_TOO_LARGE and end - start > 1:
            middle = (start + end) // 2
            return np.concatenate([self._batch(rows, start, middle), self._batch(rows, middle, end)])
        if status == http.client.BAD_REQUEST:
            raise ContractViolation(_error(content))
        if status != http.client.OK:
            raise Unavailable(f"the predictor at {self._predictor} answered {status}: {_error(content)}")
        try:
            answer = orjson.loads(content)
            outputs = {output["name"]: output["data"] for output in answer["outputs"]}
            probability = np.array(outputs["probability"], dtype=np.float64)
            agreed = np.array_equal(self.decide(probability), outputs["decision"]) and len(probability) == end - start
            self.version = str(answer["model_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"the predictor at {self._predictor} gave an answer that is none of V2") from error
        if not agreed:
            raise Unavailable(
                f"the predictor at {self._predictor} does not decide by the threshold of the explainer's bundle, "
                f"{self._bundle.contract.threshold:g}; start the explainer with the bundle that is served"
            )
        return probability

    def _body(self, rows: Columns, start: int, end: int, left_out: Collection[str]) -> dict[str, Any]:
        # Gaps are sent as such: an input that is left out might be looked up, and would then be another row's.
        n = end - start
        inputs = []
        for f in self._bundle.contract.inputs:
            if f.name in left_out:
                continue
            values = rows[f.name][start:end] if f.name in rows else np.repeat(self._row[f.name], n)
            inputs.append({"name": f.name, "shape": [n], "datatype": f.datatype, "data": json_values(values, f)})
        return {"id": self._id, "inputs": inputs}

    def _post(self, body: bytes) -> tuple[int, bytes]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Late("not explained in time; allow more of it, or ask for fewer rows in a request")
        self._connection.timeout = min(left, PATIENCE)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(self._connection.timeout)
        headers = {**self._headers, "content-type": "application/json", EXPLAINS: "1"}
        headers[TIMEOUT] = str(max(1, int(left * 1000)))
        try:
            self._connection.request("POST", f"/v2/models/{self._predictor.model}/infer", body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except TimeoutError as error:
            if time.monotonic() >= self._until:
                raise Late("not explained in time; the predictor took the rest of it") from error
            raise self._predictor.silent(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._predictor.silent(error) from error


def _error(content: bytes) -> str:
    try:
        return str(orjson.loads(content)["error"])[:500]
    except (ValueError, KeyError, TypeError):
        return "(without a word)"
