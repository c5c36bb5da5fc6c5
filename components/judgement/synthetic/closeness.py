"""Closeness: whether synthetic rows lie nearer to the rows that the generator learned from than to others like them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
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

CHUNK = 500
"""Rows whose distances to all others are held at a time."""


@dataclass(frozen=True)
class Places:
    """Where n rows lie.

    Args:
        ranks: shape (n, numbers and days), from 0 to 1; -1 where missing.
        values: shape (n, categories), numbered.
    """

    ranks: FloatArray
    values: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ranks)

    def __getitem__(self, part: slice) -> "Places":
        return Places(self.ranks[part], self.values[part])


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
    some, inside, outside = placed["synthetic"][:SYNTHETIC_ROWS], placed["learned"][:many], placed["held_out"][:many]
    to_learned, to_held_out = nearest(some, inside), nearest(some, outside)
    apart = to_learned != to_held_out
    attacked = min(ATTACKED, learned.height, held_out.height)
    score = -np.concatenate([nearest(side[:attacked], placed["synthetic"]) for side in (inside, outside)])
    return Closeness(
        nearer=exact_rate(int((to_learned < to_held_out).sum()), int(apart.sum())),
        copies=_copies(synthetic, learned, use_case),
        chance_copies=_copies(held_out, learned, use_case),
        attack=area(score, np.arange(2 * attacked) < attacked),
        distance=_median(to_learned),
        baseline=_median(nearest(outside, inside)),
    )


def nearest(rows: Places, among: Places) -> FloatArray:
    """Find the distance from each row to the nearest of others, shape (n,).

    >>> line = [Places(np.array(v), np.zeros((2, 1), dtype=np.int32)) for v in ([[0.0], [5.0]], [[1.0], [4.5]])]
    >>> nearest(*line)
    array([1. , 0.5])
    """
    parts = []
    for i in range(0, len(rows), CHUNK):
        part = rows[i : i + CHUNK]
        apart = cdist(part.ranks, among.ranks, "cityblock")
        for mine, theirs in zip(part.values.T, among.values.T, strict=True):
            apart += mine[:, None] != theirs[None, :]
        parts.append(apart.min(axis=1))
    return np.concatenate(parts)


def _places(tables: dict[str, pl.DataFrame], use_case: UseCase) -> dict[str, Places]:
    """Put the rows of all tables into one space."""
    ends = np.cumsum([0, *(t.height for t in tables.values())])
    ranks: list[FloatArray] = []
    values: list[npt.NDArray[Any]] = []
    for name in compared_columns(use_case):
        both = pl.concat([t[name] for t in tables.values()])
        if use_case.data.columns[name].kind == "category":
            values.append(np.unique(both.fill_null("").to_numpy().astype(str), return_inverse=True)[1])
            continue
        numbers = as_numbers(both)
        known = np.sort(numbers[: ends[2]][~np.isnan(numbers[: ends[2]])])  # the real rows alone make the scale
        rank = np.searchsorted(known, numbers, side="left") + np.searchsorted(known, numbers, side="right")
        ranks.append(np.where(np.isnan(numbers), -1.0, rank / max(1, 2 * len(known))))
    none = np.zeros(int(ends[-1]), dtype=np.int32)
    everything = Places(
        np.column_stack(ranks or [none.astype(np.float64)]), np.column_stack(values or [none]).astype(np.int32)
    )
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
