"""The transform: the one object that turns rows into the model's matrix, in training and everywhere else."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.core.errors import ContractViolation, unknown
from components.features.rows import number_of_rows

State = Any
"""What a feature learnt from the training rows: JSON values only."""


@dataclass(frozen=True)
class Feature:
    """One column of the model's matrix, as a pure function over rows and what was learnt once.

    Args:
        name: name of the column.
        inputs: the request columns it reads.
        compute: (rows, state) → array of shape (n,); NaN says missing.
        learn: (training rows, labels of shape (n,)) → state; None for a feature that learns nothing.
    """

    name: str
    inputs: tuple[str, ...]
    compute: Callable[[Columns, State], FloatArray]
    learn: Callable[[Columns, FloatArray], State] | None = None


Catalogue = Mapping[str, Feature]


@dataclass(frozen=True)
class Transform:
    """Features in order, with the state that they learnt from the training rows.

    >>> double = Feature("double", ("x",), lambda rows, _: rows["x"] * 2)
    >>> fit([double], {"x": np.array([1.0, 2.0])}, np.array([0.0, 1.0])).apply({"x": np.array([3.0])})
    array([[6.]], dtype=float32)
    """

    features: tuple[Feature, ...]
    state: Mapping[str, State]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix's columns, in order."""
        return tuple(f.name for f in self.features)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Request columns that the features read, each once, in order of first use."""
        return tuple(dict.fromkeys(name for f in self.features for name in f.inputs))

    @cached_property
    def _steps(self) -> tuple[tuple[Feature, State], ...]:
        return tuple((f, self.state.get(f.name)) for f in self.features)

    def apply(self, rows: Columns) -> npt.NDArray[np.float32]:
        """Compute the matrix of shape (n, features), C-contiguous.

        Raises:
            ContractViolation: a column that a feature reads is missing.
        """
        missing = [name for name in self.inputs if name not in rows]
        if missing:
            raise ContractViolation(f"missing column {', '.join(missing)}; found: {', '.join(rows)}")
        # Row by row in memory, as the model wants it, and yet written one feature at a time.
        matrix = np.empty((number_of_rows(rows), len(self.features)), dtype=np.float32)
        for column, (feature, state) in zip(matrix.T, self._steps, strict=True):
            column[:] = feature.compute(rows, state)
        return matrix

    def to_json(self) -> str:
        """Write names and state as JSON; equal transforms give equal text."""
        return json.dumps({"features": list(self.names), "state": dict(self.state)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, catalogue: Catalogue) -> "Transform":
        """Rebuild a transform from its JSON and the functions of a catalogue."""
        content = json.loads(text)
        return cls(features=select(content["features"], catalogue), state=content["state"])

    def fingerprint(self) -> str:
        """Return the sha256 of names and learnt state; the functions' own text is in the code fingerprint."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def fit(features: Sequence[Feature], rows: Columns, labels: FloatArray) -> Transform:
    """Let every feature learn its state from the training rows.

    Args:
        features: in the model's order.
        rows: n training rows; nothing later than the training date may be in them.
        labels: shape (n,), 1 bad, 0 good.
    """
    return Transform(tuple(features), {f.name: f.learn(rows, labels) for f in features if f.learn is not None})


def select(names: Sequence[str], catalogue: Catalogue) -> tuple[Feature, ...]:
    """Pick features by name.

    Raises:
        FairleadError: the catalogue has no such feature; lists those it has.
    """
    for name in names:
        if name not in catalogue:
            raise unknown("feature", name, catalogue)
    return tuple(catalogue[name] for name in names)
