"""The Theil index: how unequally mistakes favour and harm people, and how much of that lies between groups."""

from collections.abc import Sequence

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.judgement.check_report import Figure
from components.judgement.fairness.comparison import Comparison
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows

BENEFITS = np.array([0.0, 1.0, 2.0])
"""0 for a good outcome that was flagged, 1 for a right decision, 2 for a bad outcome that was decided favourably."""


def theil(counts: FloatArray) -> FloatArray:
    """Compute the Theil index of benefits: the generalised entropy index with alpha 1.

    Speicher and others, "A unified approach to quantifying algorithmic unfairness", KDD 2018. 0 where every decision is
    right; NaN where nobody has any benefit.

    >>> theil(np.array([[0.0, 10.0, 0.0], [5.0, 0.0, 5.0]])).round(3).tolist()
    [0.0, 0.693]

    Args:
        counts: rows, or their weights, by benefit, shape (..., 3).
    """
    return _entropy(counts, np.broadcast_to(BENEFITS, counts.shape))


def theil_between(counts: FloatArray) -> FloatArray:
    """Compute the part that lies between groups: the index if everybody had the mean benefit of their group.

    Args:
        counts: rows, or their weights, by group and benefit, shape (..., k, 3); groups without a row take no part.
    """
    rows = counts.sum(axis=-1)
    means = counts @ BENEFITS / np.where(rows > 0, rows, 1)
    return _entropy(rows, means)


def figures(rows: Rows, compared: Sequence[Comparison], rounds: int, seed: int) -> list[Figure]:
    """Make figures of the index, and of its part between the groups of each attribute that have enough rows.

    Args:
        rows: n rows.
        compared: of the same rows.
        rounds: of the bootstrap.
        seed: of its draws.
    """
    rng = np.random.default_rng([seed, 2])
    found = [_figure("theil_index", "all", overall(rows, rounds, rng))]
    for c in compared:
        told = c.values()
        enough = [i for i, of in enumerate(c.groups.names) if ("selection_rate", of) in told]
        if len(enough) < 2:
            widest = next(f for f in c.figures if (f.name, f.of) == ("demographic_parity_difference", c.groups.name))
            found.append(widest.model_copy(update={"name": "theil_between"}))
            continue
        kept = np.isin(c.groups.codes, enough)
        found.append(
            _figure("theil_between", c.groups.name, between(rows.take(kept), c.groups.take(kept), rounds, rng))
        )
    return found


def overall(rows: Rows, rounds: int, rng: np.random.Generator) -> Estimate:
    """Estimate the index of all rows; the interval is the percentile interval of a bootstrap.

    Args:
        rows: n rows, at least one.
        rounds: of the bootstrap.
        rng: draws them.
    """
    one = Grouping("all", ("all",), np.zeros(len(rows), dtype=np.intp))
    counts = _counts(rows, one)[0]
    value = float(theil(counts))
    if np.isnan(value):
        return Estimate(value=None, n=len(rows))
    drawn = theil(_drawn(counts[None, :], rows, rounds, rng)[:, 0])
    low, high = (float(q) for q in np.nanquantile(drawn, [0.025, 0.975]))
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=len(rows))


def between(rows: Rows, groups: Grouping, rounds: int, rng: np.random.Generator) -> Estimate:
    """Estimate the part between groups.

    Resampling sets groups further apart, so the interval is the reversed one (value minus what the rounds exceed it
    by), as for calibration errors in ``components.training.bootstrap``; it is cut at 0 and widened to hold the value.

    Args:
        rows: n rows.
        groups: of the same rows, those with enough rows.
        rounds: of the bootstrap.
        rng: draws them.
    """
    counts = _counts(rows, groups)
    value = float(theil_between(counts))
    if np.isnan(value):
        return Estimate(value=None, n=len(rows))
    low, high = (float(q) for q in np.nanquantile(theil_between(_drawn(counts, rows, rounds, rng)), [0.025, 0.975]))
    return Estimate(
        value=value, low=max(0.0, min(value, 2 * value - high)), high=max(value, 2 * value - low), n=len(rows)
    )


def _figure(name: str, of: str, found: Estimate) -> Figure:
    reason = "" if found.value is not None else "not enough data: no decision is of benefit to anybody"
    return Figure(name=name, of=of, estimate=found, reason=reason)


def _counts(rows: Rows, groups: Grouping) -> FloatArray:
    benefit = (1 + rows.labels - rows.decision).astype(np.intp)
    cells: FloatArray = np.bincount(groups.codes * 3 + benefit, rows.weights, len(groups) * 3).astype(np.float64)
    return cells.reshape(len(groups), 3)


def _drawn(counts: FloatArray, rows: Rows, rounds: int, rng: np.random.Generator) -> FloatArray:
    """Draw rows with replacement: the counts of their cells are multinomial. As many as weighted rows are worth."""
    worth = round(float(rows.weights.sum() ** 2 / (rows.weights**2).sum()))
    drawn = rng.multinomial(worth, (counts / counts.sum()).ravel(), size=rounds)
    shaped: FloatArray = drawn.reshape(rounds, *counts.shape).astype(np.float64)
    return shaped


def _entropy(rows: FloatArray, benefits: FloatArray) -> FloatArray:
    total = rows.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (rows * benefits).sum(axis=-1) / total
        share = benefits / mean[..., None]
        # A benefit of 0 adds 0, its limit.
        terms = np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0.0)
        found: FloatArray = (rows * terms).sum(axis=-1) / total
    return np.where(mean > 0, found, np.nan)
