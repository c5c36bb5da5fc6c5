"""The V1 protocol: ``{"instances": [{column: value, …}, …]}`` ↔ requests and answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from components.core.contracts import Contract
from components.core.errors import ContractViolation
from components.serving.exchange import Answer, Request, Tensor
from components.serving.v2 import kind_of, parse
from components.training.v2_request import whole_history


def decode(body: bytes, contract: Contract) -> Request:
    """Read a V1 request.

    V1 says nothing of datatypes: each column is taken in the contract's own, so that the door judges both protocols
    alike. A column that an instance leaves out is null there, if others have it. A history is looked up for all rows or
    for none, so that they have to agree on whether they give it.

    Raises:
        ContractViolation: it is no V1 request with one object for each row, or some give a history and others do not.
    """
    instances = parse(body).get("instances")
    if not isinstance(instances, list) or not instances:
        raise ContractViolation(
            f"'instances': found {'an empty list' if instances == [] else kind_of(instances)}, allowed: a list "
            "with one object {column: value, …} for each row"
        )
    for i, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise ContractViolation(
                f"'instances[{i}]': found {kind_of(instance)}, allowed: an object with the columns by name, "
                f"such as {contract.inputs[0].name!r}"
            )
    _require_agreement(instances, contract)
    datatypes = {f.name: f.datatype for f in contract.inputs}
    names = dict.fromkeys(name for instance in instances for name in instance)
    shape = (len(instances),)
    return Request(
        tuple(Tensor(n, datatypes.get(n, "unknown"), shape, [row.get(n) for row in instances]) for n in names)
    )


def encode(answer: Answer) -> bytes:
    """Write a V1 answer: one object for each row."""
    names = [result.name for result in answer.outputs]
    rows = zip(*(result.values.tolist() for result in answer.outputs), strict=True)
    return orjson.dumps(
        {
            "predictions": [dict(zip(names, row, strict=True)) for row in rows],
            "model_name": answer.model,
            "model_version": answer.version,
        }
    )


def _require_agreement(instances: Sequence[Mapping[str, Any]], contract: Contract) -> None:
    for entity in contract.entities:
        for name in whole_history(entity):
            given = [name in instance for instance in instances]
            if not all(given) and any(given):
                raise ContractViolation(
                    f"input {name!r}: given in row {given.index(True)} and left out in row {given.index(False)}, "
                    f"allowed: the history of {entity.name} in every row (null where it was never seen) or in none",
                    [(name, "missing")],
                )
