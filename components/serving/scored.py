"""What scoring leaves behind: the value that goes from the server to the prediction log and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray


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
