"""Anchors and counterfactuals on the wire: what is asked for, and the answers in V1 and in V2 style."""

from typing import Any

import orjson

from components.core.contracts import Contract
from components.core.errors import ContractViolation
from components.core.shown import shown
from components.serving import v1, v2
from components.serving.exchange import Request
from components.serving.explainer.explaining import METHODS, Told

DEFAULT = next(iter(METHODS))


def decode_v1(body: bytes, asked: str | None, contract: Contract) -> tuple[Request, str]:
    """Read ``{"instances": […], "method": "anchors"}``; returns the rows, not yet looked at, and the method.

    Args:
        body: the request's.
        asked: the method that the URL asks for, None where it asks for none.
        contract: what the model takes.

    Raises:
        ContractViolation: it is no such request.
    """
    request = v1.decode(body, contract)
    return request, _method(asked, v2.parse(body).get("method"))


def decode_v2(body: bytes, header_length: str | None, asked: str | None) -> tuple[Request, str]:
    """Read a V2 inference request, with ``"parameters": {"method": "anchors"}``; as ``decode_v1``."""
    request = v2.decode(body, header_length)
    if request.outputs is not None or request.binary:
        raise ContractViolation("explanations come whole and as JSON; leave 'outputs' and 'binary_data_output' out")
    head = v2.parse(body if header_length is None else body[: int(header_length)])
    return request, _method(asked, (head.get("parameters") or {}).get("method"))


def encode_v1(told: Told, method: str, model: str) -> bytes:
    """Write one object for each row."""
    rows = [{**row.model_dump(mode="json"), "text": row.text} for row in told.rows]
    return orjson.dumps({"explanations": rows, "method": method, "model_name": model, "model_version": told.version})


def encode_v2(told: Told, method: str, model: str, request_id: str) -> bytes:
    """Write ``probability``, ``decision``, ``text`` and ``explanation``, each [n]; the last is JSON in each element."""
    outputs = [
        _output("probability", "FP64", [row.probability for row in told.rows]),
        _output("decision", "INT64", [row.decision for row in told.rows]),
        _output("text", "BYTES", [row.text for row in told.rows]),
        _output("explanation", "BYTES", [row.model_dump_json() for row in told.rows]),
    ]
    return orjson.dumps(
        {
            "model_name": model,
            "model_version": told.version,
            "id": request_id,
            "parameters": {"method": method},
            "outputs": outputs,
        }
    )


def _output(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def _method(of_url: str | None, of_body: Any) -> str:
    asked = {m for m in (of_url, of_body) if m is not None} if isinstance(of_body, str | None) else {shown(of_body)}
    if len(asked) > 1:
        raise ContractViolation("'method': the URL and the body ask for different ones, allowed: one")
    method = next(iter(asked), DEFAULT)
    if method not in METHODS:
        raise ContractViolation(
            f"'method': found {method[:60]!r}, allowed here: {', '.join(METHODS)}; contributions of features (shap) "
            "come from the predictor"
        )
    return method
