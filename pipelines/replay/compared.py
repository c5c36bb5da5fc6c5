"""How each way fared on the same loans: mean log loss, and paired differences that allow for months of one fate."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.training.calibration import CLIP
from pipelines.replay.values import Compared, Way

ROUNDS = 2000
SEED = 7


def losses(probability: FloatArray, labels: FloatArray) -> FloatArray:
    """Log loss of each row, shape (n,); probabilities are clipped as in ``components.training.metrics``."""
    p = np.clip(probability, CLIP, 1 - CLIP)
    found: FloatArray = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    return found


def compared(found: Mapping[Way, FloatArray], months: Sequence[date]) -> tuple[Compared, ...]:
    """Compare the loop with every other way.

    Months are drawn with replacement, whole: loans of one month share their fate more than loans years apart, and
    drawing loan by loan would make the interval far too narrow (the block bootstrap, H. Künsch, Annals of Statistics
    17, 1989). That a month resembles its neighbours is not allowed for.

    Args:
        found: losses by way, each of shape (n,), ``fairlead`` among them.
        months: of each loan the first day of its month, n values.

    Returns:
        All ways, the loop first, whose difference to itself is 0.
    """
    _, place = np.unique(np.array(months, dtype="datetime64[M]"), return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    draws = np.random.default_rng(SEED).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=ROUNDS)
    ours = found["fairlead"]
    order = sorted(found, key=lambda way: way != "fairlead")
    return tuple(
        Compared(
            way=way,
            loss=_mean(found[way], place, draws, counts),
            better_by=_mean(found[way] - ours, place, draws, counts),
        )
        for way in order
    )


def by_month(values: FloatArray, months: Sequence[date]) -> Estimate:
    """Mean of values of shape (n,), with the interval of drawing whole months."""
    _, place = np.unique(np.array(months, dtype="datetime64[M]"), return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    draws = np.random.default_rng(SEED).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=ROUNDS)
    return _mean(values, place, draws, counts)


def plain(values: FloatArray) -> Estimate:
    """Mean of independent values of shape (n,) with its normal interval; no value for fewer than two."""
    n = len(values)
    if n < 2:
        return Estimate(value=None, n=n)
    mean, half = float(values.mean()), 1.959964 * float(values.std(ddof=1)) / n**0.5
    return Estimate(value=mean, low=mean - half, high=mean + half, n=n)


def _mean(values: FloatArray, place: "npt.NDArray[np.intp]", draws: FloatArray, counts: FloatArray) -> Estimate:
    sums = np.bincount(place, weights=values)
    rounds = draws @ sums / (draws @ counts)
    low, high = (float(q) for q in np.quantile(rounds, [0.025, 0.975]))
    return Estimate(value=float(values.mean()), low=low, high=high, n=len(values))


def served(predictions: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """Return the loop's answers by loan: of each request's row the earliest that answered a client.

    Args:
        predictions: rows of the prediction log.
        sent: which loan went under which request and row.

    Returns:
        ``row_id``, ``fairlead`` (the probability) and ``version``.
    """
    first = predictions.sort("at").unique(["request_id", "row"], keep="first", maintain_order=True)
    return sent.join(first, on=["request_id", "row"], how="inner").select(
        "row_id", fairlead=pl.col("probability"), version=pl.col("version")
    )
