"""How much each feature moved the scores of some rows: Shapley values that add up to what is served."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.core.errors import IntegrityError
from components.judgement.explanations.leaf_tables import many_rows_margin
from components.judgement.explanations.margins import PATH_DEPENDENT, Margin, Matrix, open_margin, trees_file
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE

CHUNK = 10_000
"""Rows explained at a time: bounds the memory beside the result."""


@dataclass(frozen=True)
class Contributions:
    """The explanation of n rows, in log-odds of the calibrated probability.

    In each row ``base_value`` and the contributions add up to the log-odds of ``probability``: turned back into a
    probability, within ``TOLERANCE`` (the model computes in single precision). A score closer than
    ``calibration.CLIP`` to 0 or 1 is clipped before it is calibrated; such a row's sum lies beyond.

    Args:
        method: how the contributions were computed: ``tree_shap_path_dependent``, ``tree_shap_interventional`` or
            ``linear_interventional``.
        features: names of the matrix's columns.
        base_value: the log-odds before any feature is known.
        contributions: shape (n, features).
        values: the matrix that the model saw, shape (n, features), NaN for missing.
        probability: as served, shape (n,).
    """

    method: str
    features: tuple[str, ...]
    base_value: float
    contributions: FloatArray
    values: Matrix
    probability: FloatArray

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def log_odds(self) -> FloatArray:
        """What base value and contributions add up to, shape (n,)."""
        total: FloatArray = self.base_value + self.contributions.sum(axis=1)
        return total

    @property
    def added_up(self) -> FloatArray:
        """The same as a probability, shape (n,)."""
        # By tanh, which does not overflow where exp would.
        total: FloatArray = 0.5 * (1 + np.tanh(0.5 * self.log_odds))
        return total

    def largest(self, row: int, k: int) -> list[int]:
        """Return the places of the k contributions of a row that are farthest from 0, the farthest first."""
        order = np.argsort(-np.abs(self.contributions[row]), kind="stable")
        return [int(i) for i in order[:k]]


@dataclass(frozen=True)
class Explainable:
    """A bundle whose scores can be told apart by feature.

    Args:
        bundle: the bundle.
        method: how, see ``Contributions``.
        margin: what each feature adds to the model's own log-odds.
    """

    bundle: Bundle
    method: str
    margin: Margin

    @classmethod
    def open(cls, bundle: Bundle, threads: int = 1, *, many: bool = False) -> "Explainable":
        """Open a bundle with its own method, after checking that what the features add up to is what is served.

        Args:
            bundle: an opened bundle.
            threads: over which trees spread the rows.
            many: made for thousands of rows; slower for a few.

        Raises:
            NotExplained: no contributions are known for this model's kind.
            IntegrityError: on the bundle's background rows they do not add up to the model's scores.
        """
        method, margin = open_margin(bundle, threads)
        if many and method == PATH_DEPENDENT:
            margin = many_rows_margin(trees_file(bundle), threads)
        opened = cls(bundle, method, margin)
        opened.require_sum()
        return opened

    def require_sum(self) -> None:
        """Raise IntegrityError unless contributions of the bundle's background rows add up to their scores."""
        background = self.bundle.background()
        explained = self.assemble(background, self.margin(self.bundle.transform.apply(background)))
        worst = float(np.abs(explained.added_up - explained.probability).max())
        if not worst <= TOLERANCE:
            raise IntegrityError(
                f"bundle {self.bundle.path}: what its features add up to differs from its scores by {worst:.3g} on "
                f"the background rows, allowed {TOLERANCE:g}; nothing is explained with it, train a new one"
            )

    def assemble(self, rows: Columns, added: FloatArray, matrix: Matrix | None = None) -> Contributions:
        """Put the explanation of n rows together.

        Args:
            rows: n rows.
            added: what ``margin`` gave for them, shape (n, features + 1).
            matrix: their features, where they are computed already.
        """
        # Calibration is a line on the log-odds: it stretches every contribution alike and shifts where they start.
        calibration = self.bundle.calibration
        scaled = calibration.slope * added.astype(np.float64)
        return Contributions(
            method=self.method,
            features=self.bundle.contract.features,
            base_value=float(scaled[0, -1] + calibration.intercept),
            contributions=scaled[:, :-1],
            values=self.bundle.transform.apply(rows) if matrix is None else matrix,
            probability=self.bundle.probability(rows),
        )

    def explain(self, rows: Columns) -> Contributions:
        """Explain n rows, one at least."""
        matrix = self.bundle.transform.apply(rows)
        return self.assemble(rows, np.concatenate([self.margin(part) for part in parts(matrix, CHUNK)]), matrix)


def contributions(bundle: Bundle, columns: Columns, threads: int = 1) -> Contributions:
    """Explain n rows with the model's own method: path-dependent for trees, interventional for a line.

    Args:
        bundle: an opened bundle.
        columns: n rows, one at least.
        threads: over which trees spread the rows; the values are the same with any number.

    Raises:
        NotExplained: no contributions are known for this model's kind.
        IntegrityError: on the bundle's background rows they do not add up to the model's scores.
    """
    return Explainable.open(bundle, threads).explain(columns)


def parts(matrix: Matrix, rows: int) -> Iterator[Matrix]:
    """Cut a matrix into parts of so many rows.

    >>> [len(part) for part in parts(np.zeros((5, 2), dtype=np.float32), 2)]
    [2, 2, 1]
    """
    for start in range(0, len(matrix), rows):
        yield matrix[start : start + rows]
