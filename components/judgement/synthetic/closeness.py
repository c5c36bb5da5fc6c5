"""Closeness: whether synthetic rows lie nearer to the rows that the generator learned from than to others like them."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.spatial.distance import cdist
from scipy.stats import binom

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import UseCase
from components.judgement.privacy.intervals import area, exact_rate
from components.judgement.synthetic.likeness import as_numbers, compared_columns

SYNTHETIC_ROWS, REAL_ROWS, ATTACKED, SEARCHED = 4_000, 5_000, 2_000, 20_000
"""Rows at most: synthetic ones whose nearest neighbour is sought, real ones of either kind among which it is, real ones
of either kind that an attacker tells apart, and synthetic ones that he holds them against."""

MINIMUM_ROWS = 100


@dataclass(frozen=True)
class Closeness:
    """What the distances say.

    Args:
        nearer: share of synthetic rows whose nearest real row is one that the generator learned from; as many held-out
            ones stand beside. Half is what a generator gets that remembers nobody.
        copies: share of synthetic rows that are equal, in all columns, to a row that it learned from.
        chance_copies: share of held-out real rows that are; what the table has of twins.
        attack: AUC of an attacker who takes a row for a member where a synthetic one is near.
        distance: median distance of synthetic rows to the nearest row learned from.
        baseline: the same of held-out real rows.
    """

    nearer: Estimate
    copies: Estimate
    chance_copies: Estimate
    attack: Estimate
    distance: Estimate
    baseline: Estimate


def closeness(
    learned: pl.DataFrame, held_out: pl.DataFrame, synthetic: pl.DataFrame, use_case: UseCase, seed: int
) -> Closeness:
    """Measure distances between rows and what an attacker makes of them.

    Distance to the closest record against a hold-out: M. Platzer and T. Reutterer, "Holdout-based empirical assessment
    of mixed-type synthetic data", Frontiers in Big Data 4 (2021). The attack takes the distance to the nearest
    synthetic row as score, as in D. Chen, N. Yu, Y. Zhang and M. Fritz, "GAN-Leaks: a taxonomy of membership inference
    attacks against generative models", CCS 2020 (full black box). The distance of two rows is the sum over columns of
    the difference of ranks (numbers, days; from 0 to 1) or of 1 where values differ.

    Args:
        learned: rows that the generator learned from.
        held_out: rows of the same table that it did not see.
        synthetic: its rows.
        use_case: names the columns.
        seed: draws the rows looked at.

    Returns:
        Estimates without a value where a table has fewer than 100 rows.
    """
    tables = {"learned": learned, "held_out": held_out, "synthetic": synthetic}
    if min(t.height for t in tables.values()) < MINIMUM_ROWS:
        none = Estimate(value=None, n=min(t.height for t in tables.values()))
        return Closeness(none, none, none, none, none, none)
    rng = np.random.default_rng(seed)
    shuffled = {k: t[rng.permutation(t.height)] for k, t in tables.items()}
    placed = _places({k: t.head(SEARCHED) for k, t in shuffled.items()}, use_case)
    many = min(REAL_ROWS, learned.height, held_out.height)
    some = placed["synthetic"][:SYNTHETIC_ROWS]
    to_learned, to_held_out = nearest(some, placed["learned"][:many]), nearest(some, placed["held_out"][:many])
    apart = to_learned != to_held_out
    attacked = min(ATTACKED, learned.height, held_out.height)
    candidates = np.concatenate([placed["learned"][:attacked], placed["held_out"][:attacked]])
    return Closeness(
        nearer=exact_rate(int((to_learned < to_held_out).sum()), int(apart.sum())),
        copies=_copies(synthetic, learned, use_case),
        chance_copies=_copies(held_out, learned, use_case),
        attack=area(-nearest(candidates, placed["synthetic"]), np.arange(2 * attacked) < attacked),
        distance=_median(to_learned),
        baseline=_median(nearest(placed["held_out"][:many], placed["learned"][:many])),
    )


def nearest(rows: FloatArray, among: FloatArray) -> FloatArray:
    """Find the distance from each row to the nearest of others, shape (n,).

    >>> nearest(np.array([[0.0], [5.0]]), np.array([[1.0], [4.5]]))
    array([1. , 0.5])
    """
    parts = [cdist(rows[i : i + 500], among, "cityblock").min(axis=1) for i in range(0, len(rows), 500)]
    return np.concatenate(parts)


def _places(tables: dict[str, pl.DataFrame], use_case: UseCase) -> dict[str, FloatArray]:
    """Put the rows of all tables into one space: a rank for each number, half a step for each category's value."""
    ends = np.cumsum([0, *(t.height for t in tables.values())])
    parts = []
    for name in compared_columns(use_case):
        both = pl.concat([t[name] for t in tables.values()])
        if use_case.data.columns[name].kind == "category":
            _, codes = np.unique(both.fill_null("").to_numpy().astype(str), return_inverse=True)
            parts.append(0.5 * np.eye(codes.max() + 1)[codes])
        else:
            numbers = as_numbers(both)
            known = np.sort(numbers[: ends[2]][~np.isnan(numbers[: ends[2]])])  # the real rows alone make the scale
            rank = np.searchsorted(known, numbers, side="left") + np.searchsorted(known, numbers, side="right")
            parts.append(np.where(np.isnan(numbers), -1.0, rank / max(1, 2 * len(known)))[:, None])
    everything = np.concatenate(parts, axis=1)
    return {k: everything[ends[i] : ends[i + 1]] for i, k in enumerate(tables)}


def _copies(rows: pl.DataFrame, among: pl.DataFrame, use_case: UseCase) -> Estimate:
    columns = compared_columns(use_case)
    equal = rows.select(columns).join(among.select(columns).unique(), on=columns, how="semi", nulls_equal=True)
    return exact_rate(equal.height, rows.height)


def _median(values: FloatArray) -> Estimate:
    """Estimate the median, with the interval between two order statistics that the binomial distribution gives."""
    ordered, n = np.sort(values), len(values)
    low, high = int(binom.ppf(0.025, n, 0.5)), int(binom.ppf(0.975, n, 0.5))
    return Estimate(
        value=float(np.median(ordered)), low=float(ordered[max(0, low - 1)]), high=float(ordered[min(n - 1, high)]), n=n
    )
