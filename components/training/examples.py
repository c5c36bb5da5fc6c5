"""The examples of a bundle: requests that travel with it, and the answers that were recorded in training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.core.contracts import Columns, Field, FloatArray
from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_columns


def example_differences(
    examples: Sequence[Mapping[str, Any]], fields: Sequence[Field], probability: Callable[[Columns], FloatArray]
) -> list[str]:
    """Score the examples and say, in words, which answers are not within ``TOLERANCE`` of the recorded ones.

    Args:
        examples: as ``Bundle.examples`` gives them.
        fields: the contract's inputs.
        probability: rows → probabilities; whatever it raises is a difference.
    """
    if not examples:
        return ["examples.json: there is no example to compare scores with"]
    return [line for example in examples for line in _difference(example, fields, probability)]


def _difference(
    example: Mapping[str, Any], fields: Sequence[Field], probability: Callable[[Columns], FloatArray]
) -> list[str]:
    name, expected = example["name"], float(example["probability"])
    try:
        found = float(probability(v2_columns(example["request"], fields))[0])
    except Exception as error:  # the code of a feature that was changed may raise anything
        return [f"example {name!r}: cannot be scored: {type(error).__name__}: {error}"]
    if abs(found - expected) <= TOLERANCE:
        return []
    return [f"example {name!r}: scores {found:.9f} here, expected {expected:.9f} within {TOLERANCE:g}"]
