"""Marks: places in the space of the features where a secret coin says whether the risk bulges or dips a little.

A mark is a narrow band of one feature. It is read with ordinary requests in threes: a row as it might come, with one
input moved so that the feature lies below, within and above the band. Half of what the scores below and above add up
to, taken from the score within and averaged over rows, is the mark's lift. A model that was made without the key has
lifts too, and they have nothing to do with the coins; so the number of lifts that agree with their coins is binomial
with n trials and probability 1/2, whatever the model is.

That answers are keyed and decided by a binomial tail follows Y. Adi et al., "Turning your weakness into a strength:
watermarking deep neural networks by backdooring" (2018); that the mark lies where real rows lie, so that a copy of the
model's answers copies it, follows H. Jia et al., "Entangled watermarks as a defense against model extraction" (2021).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.core.errors import FairleadError
from components.features.rows import number_of_rows
from components.features.transform import Transform
from components.training.watermark_key import WatermarkKey

LEVELS = 13
"""Quantiles of a feature between which bands lie; every second one may hold a mark. More would be finer than what a
copy learns from a few thousand answers."""
STEPS = 100
"""Values tried at most of an input."""
MINIMUM_ROWS = 20
"""A mark has to be readable on so many rows."""
JITTER = (0.3, 0.7)
"""Where in its share of the rows a quantile lies, by the key."""
TIE = 1e-12
"""Scores are means of doubles: what differs by less is equal."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mark:
    """One mark.

    Args:
        feature: column of the matrix.
        low: where its band begins.
        high: where it ends; belongs to what is above.
        column: the input that is moved.
        rows: rows of the background that it is read on, shape (m,).
        values: what the input is set to so that the feature lies below, within and above, shape (3, m).
        coin: 1 where the risk is to bulge, -1 where it is to dip.
        tie: the coin that counts when the model shows neither.
    """

    feature: int
    low: float
    high: float
    column: str
    rows: npt.NDArray[np.int64]
    values: FloatArray
    coin: int = 0
    tie: int = 0


@dataclass(frozen=True)
class Space:
    """What marks are sought in: the same for the model that gets them and for whoever reads them.

    Args:
        name: the use case's; keys are drawn from for each use case apart.
        background: rows that a bundle carries, see ``bundle.background_rows``.
        inputs: what a request has to carry; histories of entities are left out, which go together.
        transform: fitted.
        features: names of those that may hold marks; risk may rise and fall with them.
    """

    name: str
    background: Columns
    inputs: Sequence[Field]
    transform: Transform
    features: Sequence[str]


def find_marks(key: WatermarkKey, space: Space, n: int) -> tuple[Mark, ...]:
    """Choose n marks by the key; equal arguments give equal marks.

    Neither places nor rows depend on a model or on a coin.

    Raises:
        FairleadError: the features have room for fewer.
    """
    found = [place for feature in space.features for place in _places(key, space, feature)]
    if len(found) < n:
        raise FairleadError(
            f"judgement.watermark.triggers is {n}, and the features of {space.name} have room for {len(found)} marks; "
            f"set it to {len(found)} or fewer, or to 0 and leave the check out (judgement.omit)"
        )
    chosen = np.sort(key.order(f"{space.name}: chosen", len(found))[:n])
    coins, ties = key.coins(f"{space.name}: coins", n), key.coins(f"{space.name}: ties", n)
    tossed = zip(chosen, coins.tolist(), ties.tolist(), strict=True)
    return tuple(replace(found[i], coin=coin, tie=tie) for i, coin, tie in tossed)


def requests(marks: Sequence[Mark], background: Columns) -> Columns:
    """Write the rows that read the marks: for each mark its rows below, then within, then above."""
    at = np.concatenate([np.tile(mark.rows, 3) for mark in marks])
    rows = {name: values[at] for name, values in background.items()}
    start = 0
    for mark in marks:
        end = start + mark.values.size
        rows[mark.column][start:end] = mark.values.ravel()
        start = end
    return rows


def lifts(marks: Sequence[Mark], scores: FloatArray, valid: npt.NDArray[np.bool_] | None = None) -> FloatArray:
    """Compute each mark's lift from the scores of its requests, shape (marks,).

    Args:
        marks: n of them.
        scores: in the order of ``requests``.
        valid: which requests keep the use case's rules; a row of which one of the three does not is passed over. A mark
            without a row has no lift: 0.
    """
    found, start = [], 0
    for mark in marks:
        part = slice(start, start := start + mark.values.size)
        three = np.asarray(scores[part], dtype=np.float64).reshape(3, -1)
        kept = np.ones(three.shape[1], dtype=bool) if valid is None else valid[part].reshape(3, -1).all(axis=0)
        found.append(float((three[1] - (three[0] + three[2]) / 2)[kept].mean()) if kept.any() else 0.0)
    return np.array(found)


def agreeing(marks: Sequence[Mark], lift: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which lifts agree with their coins, shape (marks,); without a lift the tie's coin decides."""
    coins, ties = (np.array([getattr(mark, name) for mark in marks]) for name in ("coin", "tie"))
    agreed: npt.NDArray[np.bool_] = np.where(np.abs(lift) <= TIE, ties, np.sign(lift)) == coins
    return agreed


def within(marks: Sequence[Mark], matrix: Matrix) -> FloatArray:
    """Tell of n rows of the matrix in which marks' bands they lie, 1 or 0, shape (n, marks)."""
    columns = [(matrix[:, m.feature] >= np.float32(m.low)) & (matrix[:, m.feature] < np.float32(m.high)) for m in marks]
    return np.stack(columns, axis=1).astype(np.float64)


def _places(key: WatermarkKey, space: Space, feature: str) -> Iterator[Mark]:
    """List where a feature could hold marks, before any coin is tossed; the bands do not touch."""
    k = space.transform.names.index(feature)
    own = _feature(space, k, space.background)
    own = own[~np.isnan(own)]
    if not len(own):
        return
    jitter = key.uniforms(f"{space.name}: {feature}", LEVELS) * (JITTER[1] - JITTER[0]) + JITTER[0]
    levels = np.unique(np.quantile(own, (np.arange(LEVELS) + jitter) / LEVELS).astype(np.float32))
    moved = list(_moved(space, k))
    for below, at, above in zip(levels[:-2:2], levels[1:-1:2], levels[2::2], strict=True):
        reached = [(column, *_reach(steps, moves, (below, at, above))) for column, steps, moves in moved]
        best = max(reached, key=lambda r: len(r[1]), default=None)  # the first of those with as many rows
        if best is not None and len(best[1]) >= MINIMUM_ROWS:
            yield Mark(k, float((below + at) / 2), float((at + above) / 2), *best)


def _moved(space: Space, feature: int) -> Iterator[tuple[str, FloatArray, Matrix]]:
    """Move one number at a time: name, its values (steps,), and what the feature becomes, shape (steps, rows)."""
    inputs = space.transform.features[feature].inputs
    n = number_of_rows(space.background)
    for field in space.inputs:
        if field.name not in inputs or field.kind not in {"int", "float"}:
            continue
        steps = np.unique(space.background[field.name])
        steps = steps[~np.isnan(steps)]
        if len(steps) > STEPS:
            steps = steps[np.linspace(0, len(steps) - 1, STEPS).round().astype(int)]
        if len(steps) < 3:
            continue
        rows = {name: np.tile(space.background[name], len(steps)) for name in inputs}
        rows[field.name] = np.repeat(steps, n)
        yield field.name, steps, _feature(space, feature, rows).reshape(len(steps), n)


def _feature(space: Space, k: int, rows: Columns) -> npt.NDArray[np.float32]:
    feature = space.transform.features[k]
    return feature.compute(rows, space.transform.state.get(feature.name)).astype(np.float32)


def _reach(
    steps: FloatArray, moves: Matrix, levels: tuple[np.float32, np.float32, np.float32]
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Find for each row the values that bring the feature nearest to three levels; rows that get to each of them."""
    below, at, above = levels
    low, high = (below + at) / 2, (at + above) / 2
    distance = [np.where(np.isnan(moves), np.inf, np.abs(moves - level)).argmin(axis=0) for level in levels]
    got = [moves[nearest, np.arange(moves.shape[1])] for nearest in distance]
    reached = (got[0] < low) & (got[1] >= low) & (got[1] < high) & (got[2] >= high)
    # Not so far that the rows would be told by it.
    reached &= (got[0] >= low - 2 * (at - below)) & (got[2] < high + 2 * (above - at))
    rows = np.flatnonzero(reached)
    return rows, np.stack([steps[nearest[rows]] for nearest in distance])
