"""Explanations on the wire: what may be asked for beside the rows, and the answers in V1 and in V2 style."""

from dataclasses import dataclass
from typing import Any

import orjson

from components.core.contracts import Contract
from components.core.errors import ContractViolation
from components.core.shown import shown
from components.features.transform import Transform
from components.serving import v1, v2
from components.serving.exchange import Request
from components.serving.explanations import Explained

METHOD = "shap"
"""The one method that is answered in process."""


@dataclass(frozen=True)
class Asked:
    """A request for explanations.

    Args:
        request: the rows, not yet looked at.
        top: how many of the largest contributions to tell by themselves; 0 for none.
    """

    request: Request
    top: int


def decode_v1(body: bytes, contract: Contract) -> Asked:
    """Read ``{"instances": […], "top": 3}``.

    Raises:
        ContractViolation: it is no such request.
    """
    request = v1.decode(body, contract)
    return Asked(request, _top(v2.parse(body), contract))


def decode_v2(body: bytes, header_length: str | None, contract: Contract) -> Asked:
    """Read a V2 inference request, with ``"parameters": {"top": 3}``.

    Raises:
        ContractViolation: it is no such request.
    """
    request = v2.decode(body, header_length)
    if request.outputs is not None or request.binary:
        raise ContractViolation("explanations come whole and as JSON; leave 'outputs' and 'binary_data_output' out")
    head = v2.parse(body if header_length is None else body[: int(header_length)])
    return Asked(request, _top(head.get("parameters") or {}, contract))


def encode_v1(explained: Explained, top: int, transform: Transform, model: str, version: str) -> bytes:
    """Write one object for each row: probability, base value, contributions by feature and, when asked for, the top."""
    named = explained.features
    rows = []
    for i, probability in enumerate(explained.probability.tolist()):
        row: dict[str, Any] = {
            "probability": probability,
            "base_value": explained.base_value,
            "contributions": dict(zip(named, explained.contributions[i].tolist(), strict=True)),
        }
        if top:
            row["top"] = [
                {
                    "feature": named[j],
                    "meaning": meaning(transform, j),
                    "value": float(explained.values[i, j]),
                    "contribution": float(explained.contributions[i, j]),
                }
                for j in explained.largest(i, top)
            ]
        rows.append(row)
    head = {"explanations": rows, "method": explained.method, "model_name": model, "model_version": version}
    return orjson.dumps(head)  # NaN becomes null


def encode_v2(explained: Explained, top: int, model: str, version: str, request_id: str) -> bytes:
    """Write a V2 answer: ``probability`` and ``base_value`` [n], ``feature_names``, ``contributions`` [n, features].

    When the top is asked for, ``top_features``, ``top_values`` and ``top_contributions`` [n, top] come too.
    """
    n = len(explained.probability)
    outputs = [
        _output("probability", "FP64", [n], explained.probability.tolist()),
        _output("base_value", "FP64", [n], [explained.base_value] * n),
        _output("feature_names", "BYTES", [len(explained.features)], list(explained.features)),
        _output("contributions", "FP64", [*explained.contributions.shape], explained.contributions.ravel().tolist()),
    ]
    if top:
        places = [(i, j) for i in range(n) for j in explained.largest(i, top)]
        outputs += [
            _output("top_features", "BYTES", [n, top], [explained.features[j] for _, j in places]),
            _output("top_values", "FP64", [n, top], [float(explained.values[i, j]) for i, j in places]),
            _output("top_contributions", "FP64", [n, top], [float(explained.contributions[i, j]) for i, j in places]),
        ]
    return orjson.dumps(
        {
            "model_name": model,
            "model_version": version,
            "id": request_id,
            "parameters": {"method": explained.method},
            "outputs": outputs,
        }
    )


def meaning(transform: Transform, place: int) -> str:
    """Say what a feature is: the first sentence of its function's own words."""
    return (transform.features[place].compute.__doc__ or "").strip().split("\n")[0]


def _output(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _top(asked: dict[str, Any], contract: Contract) -> int:
    method = asked.get("method", METHOD)
    if method != METHOD:
        raise ContractViolation(
            f"'method': found {shown(method)}, allowed here: {METHOD}; anchors and counterfactuals come from an "
            "explainer of its own (python -m components.serving.explainer)"
        )
    top = asked.get("top", 0)
    if type(top) is not int or not 0 <= top <= len(contract.features):
        raise ContractViolation(
            f"'top': found {shown(top)}, allowed: a whole number from 0 to {len(contract.features)}"
        )
    return top
