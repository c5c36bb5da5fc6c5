"""All that was seen since a rollout began: the value that is measured at each look."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class Seen:
    """All that was seen since the rollout began.

    Args:
        requests: columns of ``proxied.REQUESTS``: what the proxy drew, those that are settled in the order of their
            places.
        predictions: at, request_id, row, variant, probability, decision, outlier, latency_ms, in the order of the log.
        outcomes: request_id, row, label, in the order in which they became known.
        rescored: request_id, row, and the probabilities ``stable`` and ``candidate`` of requests with an outcome.
        now: time of the look.
    """

    requests: pl.DataFrame
    predictions: pl.DataFrame
    outcomes: pl.DataFrame
    rescored: pl.DataFrame
    now: datetime
