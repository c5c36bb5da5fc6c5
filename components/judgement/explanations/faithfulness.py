"""Deletion and insertion: whether the features that are said to move a score do move the model.

Features of a row are replaced by background values one after the other, those first that pushed the row furthest to the
side of its score; the score should fall back faster than when they go in random order (deletion). Or they are put into
background rows, and the score should rise faster (insertion). Source: Petsiuk, Das and Saenko, "RISE: randomized input
sampling for explanation of black-box models", BMVC 2018; for features of a table Lundberg et al. 2020, supplement. For
a sum of single features the order by Shapley value is the best there is, and the gain is nil only where all features of
each row contribute alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Estimate, FloatArray
from components.judgement.explanations import resampling
from components.judgement.explanations.margins import Matrix

ORDERS = 3
"""Random orders of each row."""
BACKGROUND = 10
"""Background rows that stand in for a deleted feature; the score is the mean over them, in log-odds."""
CELLS = 2_000_000
"""Values scored at once."""

Score = Callable[[Matrix], FloatArray]
"""Matrix of shape (n, features) → log-odds, shape (n,)."""


@dataclass(frozen=True)
class Faithfulness:
    """Curves over the number of features replaced, 0 to all, and the areas between them.

    Args:
        deletion: by how much the score has fallen, shape (features + 1,), in shares of the way from the background to
            the rows' own scores: 0 at first, 1 at last.
        insertion: by how much it has risen.
        random_deletion: the same in random order.
        random_insertion: the same in random order.
        deletion_gain: mean distance between the ordered and the random deletion curve, per row, as such a share.
        insertion_gain: the same for insertion.
    """

    deletion: FloatArray
    insertion: FloatArray
    random_deletion: FloatArray
    random_insertion: FloatArray
    deletion_gain: Estimate
    insertion_gain: Estimate


def faithfulness(
    score: Score,
    matrix: Matrix,
    contributions: FloatArray,
    background: Matrix,
    weights: FloatArray,
    rounds: int,
    seed: int,
) -> Faithfulness:
    """Draw the curves of n rows and estimate what the order gains over chance.

    Args:
        score: the model.
        matrix: n rows, shape (n, features).
        contributions: the explanation under test, shape (n, features).
        background: rows whose values stand in, shape (m, features); their first ``BACKGROUND`` are taken.
        weights: how many rows each stands for, shape (n,).
        rounds: of the bootstrap over rows.
        seed: of the random orders and of the bootstrap.
    """
    n, features = matrix.shape
    background = background[:BACKGROUND]
    rng = np.random.default_rng(seed)
    own = score(matrix)
    start = float(score(background).mean())
    side = np.where(own >= start, 1.0, -1.0)
    order = np.argsort(-side[:, None] * contributions, axis=1, kind="stable")
    put_in = _inserted(score, matrix, background, order)
    # To delete the first k is to keep the others: the reversed order, put in.
    taken_out = _inserted(score, matrix, background, order[:, ::-1])[:, ::-1]
    shuffled = [rng.permuted(np.tile(np.arange(features), (n, 1)), axis=1) for _ in range(ORDERS)]
    chance = np.mean([_inserted(score, matrix, background, o) for o in shuffled], axis=0)
    rises, by_chance = (side[:, None] * (curve - start) for curve in (put_in, chance))
    falls, falls_by_chance = (side[:, None] * (own[:, None] - curve) for curve in (taken_out, chance[:, ::-1]))
    gains = [(falls - falls_by_chance).mean(axis=1), (rises - by_chance).mean(axis=1)]
    way = side * (own - start)
    columns = np.column_stack([way, *gains, falls, rises, falls_by_chance, by_chance])
    average = resampling.mean(columns, weights)
    curves = np.split(average[3:] / average[0], 4) if average[0] > 0 else [np.full(features + 1, np.nan)] * 4
    deletion_gain, insertion_gain = _gains(columns[:, :3], weights, rounds, seed)
    return Faithfulness(curves[0], curves[1], curves[2], curves[3], deletion_gain, insertion_gain)


def _gains(columns: FloatArray, weights: FloatArray, rounds: int, seed: int) -> list[Estimate]:
    n = len(columns)
    average = resampling.mean(columns, weights)
    if n < resampling.MINIMUM_ROWS or not average[0] > 0:
        return [Estimate(value=None, n=n)] * 2
    drawn = resampling.means(columns, weights, rounds, seed)
    ratios = np.divide(drawn, drawn[:, :1], out=np.full_like(drawn, np.nan), where=drawn[:, :1] > 0)
    return [resampling.estimate(float(average[i] / average[0]), ratios[:, i], n) for i in (1, 2)]


def _inserted(score: Score, matrix: Matrix, background: Matrix, order: npt.NDArray[np.intp]) -> FloatArray:
    """Score rows of which the first k features in their order are known, k from 0 to all; shape (n, features + 1)."""
    n, features = matrix.shape
    place = np.argsort(order, axis=1)
    known = place[:, None, :] < np.arange(features + 1)[None, :, None]
    portion = max(1, CELLS // ((features + 1) * features * len(background)))
    found = []
    for i in range(0, n, portion):
        rows = slice(i, i + portion)
        mixed = np.where(known[rows, :, None], matrix[rows, None, None], background[None, None])
        scored = score(np.ascontiguousarray(mixed.reshape(-1, features), dtype=np.float32))
        found.append(scored.reshape(-1, features + 1, len(background)).mean(axis=2))
    return np.concatenate(found)
