"""Scoring: from a decoded request to an answer; the same steps whatever protocol or server stands around them."""

import uuid
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import orjson

from components.core.contracts import Contract, FloatArray
from components.core.errors import ContractViolation, IntegrityError
from components.serving import v2
from components.serving.door import check
from components.serving.exchange import Answer, Request, Result, Wanted
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE


def score(bundle: Bundle, request: Request, max_rows: int, model: str, version: str) -> Answer:
    """Check a request at the door, score its rows and give the outputs that were asked for.

    Args:
        bundle: an opened bundle.
        request: decoded.
        max_rows: the door's limit.
        model: name under which the model is served.
        version: its version, for the answer.

    Raises:
        ContractViolation: the request does not fit the contract.
    """
    wanted = wanted_outputs(request, bundle.contract)
    probability = bundle.probability(check(request, bundle.contract, max_rows))
    decision = bundle.decide(probability)
    return answer(model, version, request_id(request), wanted, bundle.contract, probability, decision)


def check_examples(bundle: Bundle) -> None:
    """Score the examples that travel with a bundle as if a client had sent them.

    Raises:
        IntegrityError: an answer is not the one that was recorded in training; the environment computes otherwise.
    """
    for example in bundle.examples():
        request = v2.decode(orjson.dumps(example["request"]))
        try:
            given = score(bundle, request, 1, bundle.contract.model, "")
        except ContractViolation as error:
            raise IntegrityError(
                f"bundle {bundle.path}: example {example['name']!r} breaks its contract: {error}"
            ) from error
        found, expected = float(given.outputs[0].values[0]), float(example["probability"])
        if not abs(found - expected) <= TOLERANCE:
            raise IntegrityError(
                f"bundle {bundle.path}: example {example['name']!r} scores {found:.9f} here, expected {expected:.9f} "
                f"within {TOLERANCE:g}; serve it in the environment that it was trained in"
            )


def wanted_outputs(request: Request, contract: Contract) -> tuple[Wanted, ...]:
    """Return the outputs to give, in order.

    Raises:
        ContractViolation: one is unknown, or asked for twice.
    """
    names = [o.name for o in contract.outputs]
    if request.outputs is None:
        return tuple(Wanted(name, request.binary) for name in names)
    for i, wanted in enumerate(request.outputs):
        if wanted.name not in names:
            raise ContractViolation(f"output {wanted.name[:60]!r}: unknown; allowed: {', '.join(names)}")
        if wanted.name in [w.name for w in request.outputs[:i]]:
            raise ContractViolation(f"output {wanted.name!r}: asked for twice, allowed: once")
    return request.outputs


def request_id(request: Request) -> str:
    """Return the client's own name for a call, or make one up."""
    return request.id or str(uuid.uuid4())


def answer(
    model: str,
    version: str,
    id_: str,
    wanted: Sequence[Wanted],
    contract: Contract,
    probability: FloatArray,
    decision: npt.NDArray[np.int64],
) -> Answer:
    """Put an answer together out of n rows' results."""
    values = {"probability": probability, "decision": decision}
    datatypes = {o.name: o.datatype for o in contract.outputs}
    outputs = tuple(Result(w.name, datatypes[w.name], values[w.name], w.binary) for w in wanted)
    return Answer(model, version, id_, outputs)
