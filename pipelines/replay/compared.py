"""How each way fared on the same loans: mean log loss, and paired differences that allow for months of one fate."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.monitoring.joined import FIRST, KEY, SHADOW
from pipelines.replay.values import Compared, Way

ROUNDS = 2000
SEED = 7

CLIP = 1e-15

RUN = 12
"""Months that are drawn together where neighbours are taken to resemble each other."""


def losses(probability: FloatArray, labels: FloatArray) -> FloatArray:
    """Log loss of each row, shape (n,); probabilities are clipped as in ``components.training.metrics``.

    >>> losses(np.array([0.5, 0.1]), np.array([1.0, 0.0])).round(4).tolist()
    [0.6931, 0.1054]
    """
    p = np.clip(probability, CLIP, 1 - CLIP)
    found: FloatArray = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    return found


def compared(found: Mapping[Way, FloatArray], months: Sequence[date]) -> tuple[Compared, ...]:
    """Compare the loop with every other way.

    Months are drawn with replacement, whole: loans of one month share their fate more than loans years apart, and
    drawing loan by loan would make the interval far too narrow (the block bootstrap, H. Künsch, Annals of Statistics
    17, 1989). Single months take it that a month's fate is its own; a crisis lasts for years, so beside them runs of
    ``RUN`` months are drawn, the last month followed by the first (D. Politis and J. Romano, "A circular
    block-resampling procedure", 1992). Nine years hold few such runs, so that interval too is a rough one.

    Args:
        found: losses by way, each of shape (n,), ``fairlead`` among them.
        months: of each loan the first day of its month, n values.

    Returns:
        All ways, the loop first, whose difference to itself is 0.

    Raises:
        FairleadError: there are no loans, or a loss is no number.
    """
    _require_numbers(found)
    by_month, by_run = _Blocks(months, 1), _Blocks(months, RUN)
    ours = found["fairlead"]
    order = sorted(found, key=lambda way: way != "fairlead")
    return tuple(
        Compared(
            way=way,
            loss=by_month.mean(found[way]),
            better_by=by_month.mean(found[way] - ours),
            better_by_runs=by_run.mean(found[way] - ours),
        )
        for way in order
    )


def _require_numbers(found: Mapping[Way, FloatArray]) -> None:
    for way, values in found.items():
        if not len(values) or not np.isfinite(values).all():
            wrong = int((~np.isfinite(values)).sum())
            raise FairleadError(
                f"way {way}: {wrong} of {len(values)} losses are no numbers, and every loan needs one: scores or labels"
                " are missing"
            )


class _Blocks:
    """Draws runs of months, and means of values over them.

    Args:
        months: of each row the first day of its month, n values.
        length: months of a run.
    """

    def __init__(self, months: Sequence[date], length: int) -> None:
        _, self._place = np.unique(np.array(months, dtype="datetime64[M]"), return_inverse=True)
        self._counts = np.bincount(self._place).astype(np.float64)
        n = len(self._counts)
        starts = np.random.default_rng(SEED).integers(n, size=(ROUNDS, -(-n // length)))
        drawn = ((starts[:, :, None] + np.arange(length)) % n).reshape(ROUNDS, -1)[:, :n]
        flat = (drawn + n * np.arange(ROUNDS)[:, None]).ravel()
        self._draws = np.bincount(flat, minlength=ROUNDS * n).reshape(ROUNDS, n).astype(np.float64)

    def mean(self, values: FloatArray) -> Estimate:
        """Mean of values of shape (n,), with the interval of what is drawn."""
        sums = np.bincount(self._place, weights=values)
        rounds = self._draws @ sums / (self._draws @ self._counts)
        low, high = (float(q) for q in np.quantile(rounds, [0.025, 0.975]))
        return Estimate(value=float(values.mean()), low=low, high=high, n=len(values))


def plain(values: FloatArray) -> Estimate:
    """Mean of independent values of shape (n,) with its normal interval; no value for fewer than two."""
    n = len(values)
    if n < 2:
        return Estimate(value=None, n=n)
    mean, half = float(values.mean()), 1.959964 * float(values.std(ddof=1)) / n**0.5
    return Estimate(value=mean, low=mean - half, high=mean + half, n=n)


def served(predictions: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """Return the loop's answers by loan, by the rule of ``components.monitoring.joined`` where there are several.

    Args:
        predictions: rows of the prediction log.
        sent: which loan went under which request and row.

    Returns:
        ``row_id``, ``fairlead`` (the probability) and ``version``.
    """
    answers = predictions.filter(pl.col("variant") != SHADOW).sort(pl.col("variant") != FIRST, "at")
    first = answers.unique(KEY, keep="first", maintain_order=True)
    return sent.join(first, on=KEY, how="inner", maintain_order="left").select(
        "row_id", fairlead=pl.col("probability"), version=pl.col("version")
    )
