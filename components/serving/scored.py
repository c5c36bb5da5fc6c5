"""What scoring leaves behind: the value that goes from the server to the prediction log and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.serving.remedy import Note


@dataclass(frozen=True)
class Scores:
    """What the model, and the detector beside it, say of n rows.

    Args:
        probability: shape (n,).
        decision: shape (n,), 1 or 0.
        oddness: the detector's score, shape (n,); None without one.
        odd: whether it is above the detector's threshold, shape (n,).
    """

    probability: FloatArray
    decision: npt.NDArray[np.int64]
    oddness: FloatArray | None
    odd: npt.NDArray[np.bool_] | None

    @property
    def rows(self) -> int:
        """n."""
        return len(self.probability)

    def with_rows(self, rows: Sequence[int], others: "Scores") -> "Scores":
        """Return the same with other scores in some rows."""
        put = partial(_put, rows)
        oddness = None if self.oddness is None or others.oddness is None else put(self.oddness, others.oddness)
        odd = None if self.odd is None or others.odd is None else put(self.odd, others.odd)
        return Scores(put(self.probability, others.probability), put(self.decision, others.decision), oddness, odd)


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """n rows that were scored together, of one request or of several.

    The server hands over arrays as they are and goes on; whoever records them turns them into rows on a thread of its
    own.

    Args:
        at: when, in seconds since 1970 (UTC).
        request_ids: for each row the id of its request, n values.
        row_numbers: for each row its place within its request, n values from 0.
        columns: the inputs as they were scored, n rows; histories that were looked up are filled in.
        probability: shape (n,).
        decision: shape (n,), 1 or 0.
        latency_ms: for each row the milliseconds from its request's arrival to its score, n values.
        outlier_score: shape (n,), higher is odder; None when the bundle has no detector.
        outlier: shape (n,), bool: the score is above the detector's threshold.
        lookups: for each row what became of its online lookup, ``bank=found zip=missing``; None when none was made.
        remedies: for each row what was done as it was odd, None where it was not; None where nothing was.
    """

    at: float
    request_ids: Sequence[str]
    row_numbers: Sequence[int]
    columns: Columns
    probability: FloatArray
    decision: npt.NDArray[np.int64]
    latency_ms: Sequence[float]
    outlier_score: FloatArray | None = None
    outlier: npt.NDArray[np.bool_] | None = None
    lookups: Sequence[str] | None = None
    remedies: Sequence[Note | None] | None = None


def _put(rows: Sequence[int], values: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    changed = values.copy()
    changed[list(rows)] = others
    return changed
