"""What the plots of a candidate show: ROC curve, calibration by bins, lift by tenths, decisions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter

from components.core.contracts import FloatArray
from components.training.dataset import read_scored, weights_of
from components.training.shares import wilson
from components.training.splits import BACKTEST, TEST

Mask = npt.NDArray[np.bool_]

PARTS = 10
"""Parts of equally many rows in the calibration and lift plots."""

ROC_POINTS = 200
"""Most points kept of a ROC curve."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RocPoint(_Value):
    """One point of the ROC curve: what calling rows at or above ``threshold`` bad would do."""

    threshold: float
    false_positive_rate: float
    true_positive_rate: float


class Part(_Value):
    """One tenth of the rows by probability, the riskiest first; equal probabilities may fall in two parts."""

    rows: int
    mean_probability: float
    share_bad: float
    low: float
    """95 % interval of the share: Wilson's score interval (JASA 1927)."""
    high: float
    lift: float
    """Share of bad rows as a multiple of the overall share."""


class Confusion(_Value):
    """Rows by what they were and what they were called at the candidate's threshold."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class Curves(_Value):
    """Plot data of one data set."""

    dataset: str
    rows: int
    bad: int
    threshold: float
    roc: tuple[RocPoint, ...]
    """From (0, 0) to (1, 1)."""
    parts: tuple[Part, ...]
    confusion: Confusion


AllCurves = TypeAdapter(list[Curves])
"""Reads and writes curves as JSON."""


def curves(dataset: Path, predictions: Path, threshold: float) -> list[Curves]:
    """Compute the plot data of the test split and of the backtest; one without both classes is left out.

    Args:
        dataset: what ``label_rows`` wrote.
        predictions: what ``predict`` wrote for it.
        threshold: the candidate's.

    Raises:
        IntegrityError: a row of the data set has no prediction.
    """
    result = []
    for split in (TEST, BACKTEST):
        frame = read_scored(dataset, predictions, split)
        labels, p = frame["label"].to_numpy().astype(np.float64), frame["probability"].to_numpy()
        if 0 < labels.sum() < len(labels):
            result.append(_curves(split, p, labels, weights_of(frame), threshold))
    return result


def roc_points(drawn: Sequence[Curves]) -> tuple[list[float], list[float], list[float]]:
    """Return the test split's false and true positive rates and thresholds, empty where it had one class."""
    points = [p for c in drawn if c.dataset == TEST for p in c.roc]
    return (
        [p.false_positive_rate for p in points],
        [p.true_positive_rate for p in points],
        [p.threshold for p in points],
    )


def _curves(dataset: str, p: FloatArray, labels: FloatArray, weights: FloatArray, threshold: float) -> Curves:
    order = np.argsort(-p, kind="stable")
    p, labels, weights = p[order], labels[order], weights[order]
    overall = float(np.average(labels, weights=weights))
    return Curves(
        dataset=dataset,
        rows=len(p),
        bad=round(float((weights * labels).sum())),
        threshold=threshold,
        roc=_roc(p, labels, weights),
        parts=tuple(
            _part(p[rows], labels[rows], weights[rows], overall)
            for rows in np.array_split(np.arange(len(p)), min(PARTS, len(p)))
        ),
        confusion=_confusion(p >= threshold, labels == 1, weights),
    )


def _roc(p: FloatArray, labels: FloatArray, weights: FloatArray) -> tuple[RocPoint, ...]:
    last_of_tie = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    bad, good = np.cumsum(weights * labels)[last_of_tie], np.cumsum(weights * (1 - labels))[last_of_tie]
    kept = np.unique(np.linspace(0, len(last_of_tie) - 1, ROC_POINTS - 1).astype(np.intp))
    # No probability reaches this one; infinity, as some libraries have it, is no JSON.
    start = RocPoint(threshold=2.0 if p[0] >= 1 else 1.0, false_positive_rate=0.0, true_positive_rate=0.0)
    return (
        start,
        *(
            RocPoint(
                threshold=float(p[last_of_tie[i]]),
                false_positive_rate=float(good[i] / good[-1]),
                true_positive_rate=float(bad[i] / bad[-1]),
            )
            for i in kept
        ),
    )


def _part(p: FloatArray, labels: FloatArray, weights: FloatArray, overall: float) -> Part:
    share, mean = (float(np.average(values, weights=weights)) for values in (labels, p))
    # A row that stands for several tells no more than one does: L. Kish's effective sample size, Survey Sampling, 1965.
    total, bad = float(weights.sum()), float((weights * labels).sum())
    shrunk = total / float((weights**2).sum())
    low, high = wilson(bad * shrunk, total * shrunk)
    return Part(rows=len(p), mean_probability=mean, share_bad=share, low=low, high=high, lift=share / overall)


def _confusion(called: Mask, bad: Mask, weights: FloatArray) -> Confusion:
    return Confusion(
        true_negatives=round(float(weights[~called & ~bad].sum())),
        false_positives=round(float(weights[called & ~bad].sum())),
        false_negatives=round(float(weights[~called & bad].sum())),
        true_positives=round(float(weights[called & bad].sum())),
    )
