"""How good probabilities are: each metric for many weightings of the same rows at once, which a bootstrap needs."""

from collections.abc import Mapping

import numpy as np

from components.core.contracts import FloatArray

CALIBRATION_BINS = 10
"""Bins of equally many rows for the calibration error."""

TOP = 0.1
"""The lift looks at this share of the rows, the riskiest."""

BINNED = ("calibration_error", "relative_calibration_error")
"""Metrics that add up what differs in bins, which noise can only push up."""

NAMES = ("auc", "average_precision", "log_loss", "brier", *BINNED, "lift_10", "cost", "flagged")
"""Every metric; ``weighted_metrics`` says what they mean."""


def weighted_metrics(
    p: FloatArray,
    labels: FloatArray,
    weights: FloatArray,
    threshold: float,
    cost_false_negative: float,
    cost_false_positive: float,
) -> Mapping[str, FloatArray]:
    """Compute every metric under every weighting; NaN where a weighting leaves one class only.

    - ``auc``: chance that a bad row scores above a good one, ties counting half.
    - ``average_precision``: precision averaged over the steps of recall, as in scikit-learn.
    - ``log_loss``, ``brier``: mean of -log of the probability given to what happened; mean squared error.
    - ``calibration_error``: expected calibration error: mean over ten bins of equally many rows of
      |share of bad rows - mean probability|, weighted by the bins' rows. Rows of one probability share a bin, and
      the bins are those of the unweighted rows. Source: Naeini, Cooper, Hauskrecht, AAAI 2015, with equal-mass bins.
    - ``relative_calibration_error``: the same as a share of the share of bad rows, so that one threshold fits good
      years and bad ones.
    - ``lift_10``: bad rows among the riskiest tenth, as a multiple of the overall share; ties at its edge count partly.
    - ``cost``: mean cost per row of deciding at the threshold; ``flagged``: share of rows at or above it.

    >>> p, y = np.array([0.1, 0.4, 0.8]), np.array([0.0, 1.0, 0.0])
    >>> float(weighted_metrics(p, y, np.ones((1, 3)), 0.5, 10, 1)["auc"][0])
    0.5

    Args:
        p: probabilities of n rows, shape (n,).
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (rounds, n), not negative: how often each round holds each row, times what the row stands for.
        threshold: rows at or above it are called bad.
        cost_false_negative: cost of a bad row below the threshold.
        cost_false_positive: cost of a good row at or above it.

    Returns:
        For each of ``NAMES`` an array of shape (rounds,).
    """
    order = np.argsort(-p, kind="stable")
    p, labels, weights = p[order], labels[order], weights[:, order]
    flagged = p >= threshold
    cost = np.where(flagged, (1 - labels) * cost_false_positive, labels * cost_false_negative)
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    loss = -(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped))
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = weights @ np.column_stack([loss, (p - labels) ** 2, cost, flagged]) / total[:, None]
        ranked = _ranked(p, labels, weights)
        error = np.abs(np.add.reduceat(weights * (labels - p), bin_starts(p), axis=1)).sum(axis=1) / total
        rate = weights @ labels / total
        relative = np.where(rate > 0, error / rate, np.nan)
    return {
        **ranked,
        "log_loss": means[:, 0],
        "brier": means[:, 1],
        "calibration_error": error,
        "relative_calibration_error": relative,
        "cost": means[:, 2],
        "flagged": means[:, 3],
    }


def _ranked(p: FloatArray, labels: FloatArray, weights: FloatArray) -> dict[str, FloatArray]:
    """Metrics of the order; rows come riskiest first."""
    last_of_tie = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    bad = _from_zero(np.cumsum(weights * labels, axis=1)[:, last_of_tie])
    good = _from_zero(np.cumsum(weights * (1 - labels), axis=1)[:, last_of_tie])
    all_bad, all_good, total = bad[:, -1], good[:, -1], bad[:, -1] + good[:, -1]
    auc = (np.diff(good, axis=1) * (bad[:, 1:] + bad[:, :-1])).sum(axis=1) / (2 * all_bad * all_good)
    seen = bad + good
    precision = bad[:, 1:] / np.where(seen[:, 1:] > 0, seen[:, 1:], 1)
    average_precision = (np.diff(bad, axis=1) * precision).sum(axis=1) / all_bad
    lift = _bad_among_first(TOP * total, seen, bad) / (TOP * all_bad)
    one_class = (all_bad == 0) | (all_good == 0)
    return {
        name: np.where(one_class, np.nan, values)
        for name, values in (("auc", auc), ("average_precision", average_precision), ("lift_10", lift))
    }


def _from_zero(sums: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)


def _bad_among_first(wanted: FloatArray, seen: FloatArray, bad: FloatArray) -> FloatArray:
    """Bad weight among the first ``wanted`` of each round; a tie that reaches over the edge counts in part."""
    rounds = np.arange(len(seen))
    after = np.minimum((seen < wanted[:, None]).sum(axis=1), seen.shape[1] - 1)
    before = after - 1
    width = seen[rounds, after] - seen[rounds, before]
    part = (wanted - seen[rounds, before]) / np.where(width > 0, width, 1)
    found: FloatArray = bad[rounds, before] + part * (bad[rounds, after] - bad[rounds, before])
    return found


def bin_starts(p: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """First row of each bin of equally many rows; ``p`` is sorted, and equal probabilities are not parted."""
    wanted = np.linspace(0, len(p), CALIBRATION_BINS, endpoint=False).astype(np.intp)
    first_of_tie = np.append(0, np.flatnonzero(np.diff(p)) + 1)
    found = np.searchsorted(first_of_tie, wanted)
    return np.unique(first_of_tie[found[found < len(first_of_tie)]])
