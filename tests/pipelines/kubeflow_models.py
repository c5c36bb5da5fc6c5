"""What the API of Kubeflow Pipelines allows in a request's body, by the models of its generated client."""

import re
from datetime import datetime
from typing import Any

import kfp_server_api

_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def faults(body: Any, kind: str, where: str = "") -> list[str]:
    """List where a body is not of a kind: fields that it has not, and values of another type.

    Args:
        body: as it was sent.
        kind: a model of ``kfp_server_api``, or a type as its models write them.
        where: path of the body in what is sent.
    """
    if body is None or kind == "object":
        return []
    if kind == "datetime":
        return [] if datetime.fromisoformat(body) else [f"{where} is no time"]
    if kind in _PLAIN:
        return [] if isinstance(body, _PLAIN[kind]) else [f"{where} is no {kind}: {body!r}"]
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        return [f for i, item in enumerate(body) for f in faults(item, inner[1], f"{where}[{i}]")]
    if inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        return [f for key, item in body.items() for f in faults(item, inner[1], f"{where}.{key}")]
    model = getattr(kfp_server_api, kind)
    if hasattr(model, "allowable_values"):
        return [] if body in model.allowable_values else [f"{where} is no {kind}: {body!r}"]
    by_wire = {wire: name for name, wire in model.attribute_map.items()}
    found = [f"{where}.{key} is unknown to {kind}" for key in body if key not in by_wire]
    for key in body.keys() & by_wire.keys():
        found += faults(body[key], model.openapi_types[by_wire[key]], f"{where}.{key}")
    return found
