"""Scoring: from a decoded request to an answer; the same steps whatever protocol or server stands around them."""

import uuid

import orjson

from components.core.contracts import Contract
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
    wanted = _wanted(request, bundle.contract)
    probability = bundle.probability(check(request, bundle.contract, max_rows))
    values = {"probability": probability, "decision": bundle.decide(probability)}
    datatypes = {o.name: o.datatype for o in bundle.contract.outputs}
    outputs = tuple(Result(w.name, datatypes[w.name], values[w.name], w.binary) for w in wanted)
    return Answer(model, version, request.id or str(uuid.uuid4()), outputs)


def check_examples(bundle: Bundle) -> None:
    """Score the examples that travel with a bundle as if a client had sent them.

    Raises:
        IntegrityError: an answer is not the one that was recorded in training; the environment computes otherwise.
    """
    for example in bundle.examples():
        request = v2.decode(orjson.dumps(example["request"]))
        try:
            answer = score(bundle, request, 1, bundle.contract.model, "")
        except ContractViolation as error:
            raise IntegrityError(
                f"bundle {bundle.path}: example {example['name']!r} breaks its contract: {error}"
            ) from error
        found, expected = float(answer.outputs[0].values[0]), float(example["probability"])
        if not abs(found - expected) <= TOLERANCE:
            raise IntegrityError(
                f"bundle {bundle.path}: example {example['name']!r} scores {found:.9f} here, expected {expected:.9f} "
                f"within {TOLERANCE:g}; serve it in the environment that it was trained in"
            )


def _wanted(request: Request, contract: Contract) -> tuple[Wanted, ...]:
    names = [o.name for o in contract.outputs]
    if request.outputs is None:
        return tuple(Wanted(name, request.binary) for name in names)
    for i, wanted in enumerate(request.outputs):
        if wanted.name not in names:
            raise ContractViolation(f"output {wanted.name[:60]!r}: unknown; allowed: {', '.join(names)}")
        if wanted.name in [w.name for w in request.outputs[:i]]:
            raise ContractViolation(f"output {wanted.name!r}: asked for twice, allowed: once")
    return request.outputs
