"""The guard: says how odd each row is beside those of training. It flags; whatever is flagged is scored all the same.

How to call it: ``guard = Guard.open(bundle.path)`` once, after the bundle was opened (its checksums cover the guard's
file), then ``score, odd = guard.score(matrix)`` on the very matrix that the model is given. One row takes about 16 µs,
a hundred about 80 µs, on the thread that calls; it keeps nothing between calls, so any number of threads may.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.core.contracts import Contract, FloatArray
from components.core.errors import IntegrityError
from components.training.outliers import FILE, Detector, Outliers, probe_differences


class Guard:
    """The outlier detector of a bundle.

    Args:
        fitted: what training wrote.
    """

    def __init__(self, fitted: Outliers) -> None:
        self.fitted = fitted
        self._detector = Detector(fitted)

    @classmethod
    def open(cls, bundle: Path) -> "Guard | None":
        """Read a bundle's detector; None for a bundle that was written without one.

        It is held to its own answers, not to a fingerprint of its code: its probes must score as they did at the fit.

        Raises:
            IntegrityError: it cannot be read, was fitted on other features, or answers otherwise than at the fit.
        """
        path = bundle / FILE
        if not path.exists():
            return None
        fitted = Outliers.read(path)
        features = Contract.read(bundle / "contract.json").features
        if fitted.features != features:
            raise IntegrityError(f"{path} is of features {list(fitted.features)}, the contract has {list(features)}")
        guard = cls(fitted)
        wrong = probe_differences(fitted, guard._detector)
        if wrong:
            raise IntegrityError(f"bundle {bundle}: " + "; ".join(wrong) + "; train a new one with this code")
        return guard

    @property
    def threshold(self) -> float:
        """Rows that score above it are flagged."""
        return self.fitted.threshold

    def score(self, matrix: npt.NDArray[np.float32]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Score rows.

        Args:
            matrix: shape (n, features), NaN for missing; the model's own.

        Returns:
            Scores, shape (n,), float64, higher for odder rows; and whether each is above the threshold.
        """
        scores = self._detector.score(matrix)
        return scores, scores > self.fitted.threshold
