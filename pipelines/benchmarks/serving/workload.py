"""The work: real rows as each server's clients send them, and what every one of them has to answer."""

import http.client
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.features.rows import number_of_rows
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_body

Form = Literal["v2", "dataframe", "any"]
"""How rows are written: the V2 protocol, MLflow's ``dataframe_split``, or V2 to a server that looks at nothing."""

SINGLE, BATCH = 64, 100
"""Different requests of one row, sent in turn; rows of the large request."""


@dataclass(frozen=True)
class Call:
    """A request's body, and the probabilities that are the right answer; shape (rows,)."""

    body: bytes
    expected: FloatArray


@dataclass(frozen=True)
class Workload:
    """What is sent to one server.

    Args:
        form: how it is written.
        single: requests of one row.
        batch: the request of ``BATCH`` rows.
        tensors: named tensors in each request of one row.
    """

    form: Form
    single: tuple[Call, ...]
    batch: Call
    tensors: int


def workload(bundle: Bundle, form: Form) -> Workload:
    """Write training rows of a bundle as requests; the same rows in every form.

    Raises:
        FairleadError: the bundle has too few rows.
    """
    rows = bundle.background()
    total = number_of_rows(rows)
    if total < BATCH:
        raise FairleadError(f"{bundle.path} has {total} background rows; {BATCH} are needed")
    fields = bundle.contract.inputs
    ones = [_rows(rows, i, i + 1) for i in range(total)]
    sizes = [len(v2_body(one, fields)["inputs"]) for one in ones]
    # Rows with as many known inputs as most have: what is missing is left out, and would make some requests shorter.
    usual = Counter(sizes).most_common(1)[0][0]
    chosen = [one for one, size in zip(ones, sizes, strict=True) if size == usual][:SINGLE]
    return Workload(
        form,
        tuple(_call(bundle, one, form) for one in chosen),
        _call(bundle, _rows(rows, 0, BATCH), form),
        usual,
    )


def probabilities(form: Form, content: bytes) -> list[float]:
    """Read the probabilities of an answer.

    >>> probabilities("dataframe", b'{"predictions": [{"probability": 0.5, "decision": 1}]}')
    [0.5]

    Raises:
        FairleadError: it holds none.
    """
    try:
        answer = json.loads(content)
        if form == "dataframe":
            return [float(row["probability"]) for row in answer["predictions"]]
        (found,) = (output["data"] for output in answer["outputs"] if output["name"] == "probability")
        return [float(p) for p in found]
    except (ValueError, KeyError, TypeError) as error:
        raise FairleadError(f"the answer holds no probabilities: {content[:300]!r}") from error


def check(url: str, work: Workload) -> float:
    """Send every request once and hold the answers against what is right.

    Returns:
        The largest difference of a probability.

    Raises:
        FairleadError: a request was refused or answered wrongly; or nothing listens (an ``OSError`` then).
    """
    worst = 0.0
    for call in (*work.single, work.batch):
        content = post(url, call.body)
        if work.form == "any":
            continue
        found = np.array(probabilities(work.form, content))
        if found.shape != call.expected.shape:
            raise FairleadError(f"{len(found)} probabilities came back for {len(call.expected)} rows")
        difference = float(np.max(np.abs(found - call.expected)))
        if not difference <= TOLERANCE:
            raise FairleadError(f"a probability is off by {difference:.3g}; allowed is {TOLERANCE:g}")
        worst = max(worst, difference)
    return worst


def post(url: str, body: bytes) -> bytes:
    """Post JSON and return the answer's body.

    Raises:
        FairleadError: the status is not 200.
        OSError: nothing listens.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        connection.request("POST", address.path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status != http.client.OK:
            raise FairleadError(f"POST {address.path}: {response.status} {content[:300].decode(errors='replace')}")
        return content
    except http.client.HTTPException as error:
        raise FairleadError(f"POST {address.path}: no HTTP answer: {error!r}") from error
    finally:
        connection.close()


def _rows(rows: Columns, start: int, end: int) -> dict[str, Any]:
    return {name: values[start:end] for name, values in rows.items()}


def _call(bundle: Bundle, rows: Columns, form: Form) -> Call:
    body = v2_body(rows, bundle.contract.inputs)
    if form == "dataframe":
        names = [tensor["name"] for tensor in body["inputs"]]
        data = list(zip(*(tensor["data"] for tensor in body["inputs"]), strict=True))
        body = {"dataframe_split": {"columns": names, "data": data}}
    return Call(json.dumps(body, separators=(",", ":")).encode(), bundle.probability(rows))
