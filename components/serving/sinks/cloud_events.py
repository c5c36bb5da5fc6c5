"""Logged predictions as KServe's inference logger sends them: CloudEvents over HTTP, for what listens to it already."""

from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import orjson

from components.core.errors import FairleadError
from components.serving.records import Record, iso
from components.serving.sinks.sink import NotWritten

REQUEST, RESPONSE = "org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"
"""Types of the two events of a call; both have the request's id."""

Mode = Literal["all", "request", "response"]

PATIENCE = 5.0
"""Seconds to wait for the receiver."""

TRY_AGAIN = (408, 429)
"""Of the answers that blame the request, those that another attempt may mend."""

ENDPOINTS = {"stable": "default"}
"""What KServe calls a variant; others keep their name."""


class _Refused(FairleadError):
    """The receiver found fault with the event itself, and will do so again."""


class CloudEventsSink:
    """Posts two events for each request: what was asked and what was answered, each a V2 body.

    One after the other, some 2,000 requests a second at a quarter of a millisecond of work each: above, log a share.

    Only rows of the sample are in them, and fields that the mask leaves out are not. The format has no place for
    outlier flags, lookups and latencies; the answer has the flags as further outputs.

    Args:
        url: where to.
        service: value of ``inferenceservicename``; empty takes the model's name.
        namespace: value of ``namespace``.
        component: value of ``component``.
        mode: which of the two are sent.
    """

    name = "cloudevents"
    rows = 100
    seconds = 0.1

    def __init__(
        self, url: str, service: str = "", namespace: str = "default", component: str = "predictor", mode: Mode = "all"
    ) -> None:
        self.url = url
        self._service = service
        self._namespace = namespace
        self._component = component
        self._mode = mode
        # Of the clients at hand the leanest: this runs beside the serving, twice for each request.
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.netloc, timeout=PATIENCE)
        self._target = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()

    def write(self, records: Sequence[Record]) -> None:
        """Post the events of each request in turn; ``rows`` may cut a large request in two.

        A request that the receiver finds fault with (a status of 400 to 499 other than ``TRY_AGAIN``) is passed over
        for good, and the others go on.

        Raises:
            NotWritten: the receiver could not be reached, or refused; what came before has arrived.
        """
        left = list(records)
        refused: list[Record] = []
        reason = ""
        for _, group in groupby(records, key=lambda r: (r.request_id, r.at, r.version, r.variant)):
            part = list(group)
            try:
                self._send(part)
            except _Refused as error:
                refused += part
                reason = reason or str(error)
            except (HTTPException, OSError, FairleadError) as error:
                raise NotWritten(f"{self.url}: {error!r}", left, refused) from error
            left = left[len(part) :]
        if refused:
            raise NotWritten(f"{self.url}: {reason}", left, refused)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send(self, records: Sequence[Record]) -> None:
        if self._mode != "response":
            self._post(REQUEST, records[0], _asked(records))
        if self._mode != "request":
            self._post(RESPONSE, records[0], _answered(records))

    def _post(self, kind: str, record: Record, content: dict[str, Any]) -> None:
        attributes = {
            "specversion": "1.0",
            "id": record.request_id,
            "source": f"/v2/models/{record.model}/versions/{record.version}",
            "type": kind,
            "time": iso(record.at),
            "inferenceservicename": self._service or record.model,
            "namespace": self._namespace,
            "component": self._component,
            "endpoint": ENDPOINTS.get(record.variant, record.variant),
        }
        # The binary mode of the HTTP binding: attributes in headers, percent-encoded beyond printable ASCII.
        headers = {f"ce-{name}": quote(value, safe=_PRINTABLE) for name, value in attributes.items()}
        headers["content-type"] = "application/json"
        status = self._status(orjson.dumps(content), headers)
        if 400 <= status < 500 and status not in TRY_AGAIN:
            raise _Refused(f"answered with status {status}")
        if not 200 <= status < 300:
            raise FairleadError(f"answered with status {status}")

    def _status(self, body: bytes, headers: dict[str, str]) -> int:
        """Post, and return the answer's status; a connection that the receiver has let go is made anew."""
        used = self._connection.sock is not None
        try:
            self._connection.request("POST", self._target, body, headers)
            response = self._connection.getresponse()
            response.read()
        except (HTTPException, OSError):
            self._connection.close()
            if used:
                return self._status(body, headers)
            raise
        return response.status


_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")


def _asked(records: Sequence[Record]) -> dict[str, Any]:
    rows = [orjson.loads(r.inputs) for r in records]
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        if any(v is not None for v in values):  # what is missing in every row is left out, as a client may
            inputs.append(_tensor(name, _datatype(values), values))
    return {"id": records[0].request_id, "inputs": inputs}


def _answered(records: Sequence[Record]) -> dict[str, Any]:
    first = records[0]
    outputs = [
        _tensor("probability", "FP64", [r.probability for r in records]),
        _tensor("decision", "INT64", [r.decision for r in records]),
    ]
    if first.outlier is not None:
        outputs.append(_tensor("outlier", "BOOL", [r.outlier for r in records]))
    if first.outlier_score is not None:
        outputs.append(_tensor("outlier_score", "FP64", [r.outlier_score for r in records]))
    if any(r.remedy is not None for r in records):
        outputs.append(_tensor("remedy", "BYTES", [r.remedy or "" for r in records]))
    return {
        "model_name": first.model,
        "model_version": first.version,
        "id": first.request_id,
        "outputs": outputs,
    }


def _tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


def _datatype(values: Sequence[Any]) -> str:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int}:
        return "INT64"
    return "FP64" if kinds <= {int, float} else "BYTES"
