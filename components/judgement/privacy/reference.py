"""Reference models: of the same kind as the one under attack, taught without the rows that are to be guessed."""

import numpy as np

from components.core.contracts import FloatArray
from components.judgement.subject import Part, Subject
from components.training import calibration
from components.training.algorithms import ALGORITHMS
from components.training.calibration import Calibration
from components.training.candidate import Model
from components.training.matrices import Matrices, Matrix
from components.training.splits import place

MINIMUM_OF_OUTCOME = 20
"""Rows of either outcome that each reference model needs to learn from."""

LATER = 0.2
"""Share of a reference model's rows that say when to stop and what its probabilities are."""

MOST_ROWS = 20_000
"""Rows that one of them learns from at most."""


class Reference:
    """A model of the same algorithm with its default parameters; it saw none of the rows that are attacked.

    Args:
        model: fitted.
        scale: its calibration.
    """

    def __init__(self, model: Model, scale: Calibration) -> None:
        self._model, self._scale = model, scale

    def probability(self, matrix: Matrix) -> FloatArray:
        """Score a matrix of shape (n, features); returns shape (n,)."""
        return self._scale.apply(self._model.predict_proba(matrix)[:, 1])


def two_references(subject: Subject, left: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> list[Reference] | None:
    """Teach two reference models on the two halves of the training rows that nobody attacks.

    Args:
        subject: whose training rows, features and algorithm they share.
        left: places of training rows that are not attacked.

    Returns:
        Two models; None where a half has fewer than 20 rows of an outcome.
    """
    part, seed = subject.train, subject.use_case.training.seed
    order = np.random.default_rng([seed, len(left)]).permutation(left)[: 2 * MOST_ROWS]
    order = order[np.argsort(part.labels[order], kind="stable")]  # either half gets its share of the rarer outcome
    halves = [np.sort(order[::2]), np.sort(order[1::2])]
    if any(min(part.labels[h].sum(), (1 - part.labels[h]).sum()) < MINIMUM_OF_OUTCOME for h in halves):
        return None
    return [_teach(subject, part, half, seed + i) for i, half in enumerate(halves)]


def _teach(subject: Subject, part: Part, rows: "np.ndarray[tuple[int], np.dtype[np.intp]]", seed: int) -> Reference:
    kind = ALGORITHMS.get(subject.bundle.contract.algorithm, ALGORITHMS["xgboost"])
    transform = subject.bundle.transform
    matrix = transform.apply({name: values[rows] for name, values in part.columns.items()})
    labels, weights = part.labels[rows], part.weights[rows]
    later = _later(subject, part, rows, labels)
    data = Matrices(
        transform=transform,
        x=matrix[~later],
        y=labels[~later],
        weights=weights[~later],
        later_x=matrix[later],
        later_y=labels[later],
        later_weights=weights[later],
        directions=tuple(int(name in subject.use_case.training.increasing) for name in transform.names),
    )
    model = kind.fit(kind.defaults, data, seed)
    scale = calibration.fit(model.predict_proba(data.later_x)[:, 1], data.later_y, data.later_weights)
    return Reference(model, scale)


def _later(
    subject: Subject, part: Part, rows: "np.ndarray[tuple[int], np.dtype[np.intp]]", labels: FloatArray
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Set a fifth of the rows of each outcome aside, by the hash of their ids."""
    where = place(part.frame["row_id"][rows], subject.use_case.training.seed + 1).to_numpy()
    later = np.zeros(len(rows), dtype=bool)
    for outcome in (0.0, 1.0):
        of_it = np.flatnonzero(labels == outcome)
        later[of_it[np.argsort(where[of_it], kind="stable")][: max(1, int(LATER * len(of_it)))]] = True
    return later
