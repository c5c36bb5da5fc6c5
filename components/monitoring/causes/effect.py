"""How much of the movement of the mean score each column explains: put it back, and see how far the mean goes back.

A column is put back without tearing it from the row that it stands in: the current value of some rank becomes the
reference's value of that rank, and of a category only so many rows change as have to. What other columns explain
through it stays with them; as columns work together in a model, the parts need not add up to the whole.

For attributing a change to the mechanisms behind it, with this and other ways of sharing out what they do together, see
K. Budhathoki, D. Janzing, P. Blöbaum and H. Ng, "Why did the distribution change?" (AISTATS 2021).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, FloatArray, Kind
from components.monitoring.causes.bins import EVENT_TIME, dates, numbers, words

Score = Callable[[Columns], FloatArray]
"""Turns rows held by column into probabilities, such as ``Bundle.probability``."""

SAMPLE = 2_000
"""Rows of each window that are scored, once for each column."""

SHOWN = 2.0
"""Standard errors by which the mean must have moved for there to be anything to explain."""


def explained(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    subjects: Sequence[str],
    score: Score,
    seed: int = 7,
) -> tuple[float, dict[str, float]] | None:
    """Measure what each column explains of the movement of the mean probability.

    Args:
        reference: rows as they were, with ``event_time``.
        current: rows as they are.
        kinds: of all columns that ``score`` reads.
        subjects: columns to put back, one after the other.
        score: the model; it is asked once for each subject and window, with at most ``SAMPLE`` rows.
        seed: of the sample.

    Returns:
        How far the mean moved, and for each subject how far it goes back without the subject's movement; None where the
        mean did not move by more than chance.
    """
    rng = np.random.default_rng(seed)
    some = [
        side[np.sort(rng.choice(len(side), min(len(side), SAMPLE), replace=False))] for side in (reference, current)
    ]
    before, now = ({name: column(side, name, kind) for name, kind in kinds.items()} for side in some)
    events = dates(some[1], EVENT_TIME)
    was, is_ = score(before), score(now)
    movement = float(is_.mean() - was.mean())
    error = float(np.sqrt(was.var() / len(was) + is_.var() / len(is_)))
    if abs(movement) <= SHOWN * error:
        return None
    found = {}
    for name in subjects:
        if kinds[name] == "date":
            back = _put_back_days(now[name], numbers(reference, name, "date"), events, rng)
        else:
            back = put_back(now[name], column(reference, name, kinds[name]), kinds[name], rng)
        found[name] = float(is_.mean() - score({**now, name: back}).mean())
    return movement, found


def put_back(values: npt.NDArray[Any], reference: npt.NDArray[Any], kind: Kind, rng: np.random.Generator) -> Any:
    """Give current values the reference's distribution, changing as little as can be.

    Args:
        values: the current rows' values, shape (n,).
        reference: the reference's, shape (m,).
        kind: of the column; days are put back by their age, see ``explained``.
        rng: decides which rows change.

    >>> put_back(np.array([30.0, 10.0, 20.0]), np.array([1.0, 2.0, 3.0]), "int", np.random.default_rng(1)).tolist()
    [3.0, 1.0, 2.0]
    """
    if kind == "category":
        return _put_back_words(values, reference, rng)
    return _put_back_numbers(values.astype(np.float64), reference.astype(np.float64), rng)


def _put_back_numbers(values: FloatArray, reference: FloatArray, rng: np.random.Generator) -> FloatArray:
    known = np.sort(reference[~np.isnan(reference)])
    if not len(known):
        return np.full(len(values), np.nan)
    missing = _so_many(np.isnan(values), float(np.isnan(reference).mean()), rng)
    # Equal values are ordered by chance, so that they are spread over the ranks that they share.
    order = np.lexsort((rng.random(len(values)), np.nan_to_num(values, nan=float(np.median(known)))))
    order = order[~missing[order]]
    back = np.full(len(values), np.nan)
    ranks = (np.arange(len(order)) + 0.5) / max(1, len(order))
    back[order] = known[np.minimum((ranks * len(known)).astype(int), len(known) - 1)]
    return back


def _put_back_words(
    values: npt.NDArray[Any], reference: npt.NDArray[Any], rng: np.random.Generator
) -> npt.NDArray[Any]:
    names = sorted({*values, *reference}, key=lambda v: (v is None, str(v)))
    place = {v: i for i, v in enumerate(names)}
    now = np.array([place[v] for v in values], dtype=int)
    target = np.bincount([place[v] for v in reference], minlength=len(names)) / len(reference) * len(values)
    counts = np.bincount(now, minlength=len(names))
    wanted = np.floor(target + 1e-9).astype(int)
    short = len(values) - wanted.sum()
    wanted[np.argsort(wanted - target)[:short]] += 1
    spare = np.concatenate(
        [rng.permutation(np.flatnonzero(now == i))[: max(0, counts[i] - wanted[i])] for i in range(len(names))]
    )
    lacking = np.repeat(np.arange(len(names)), np.maximum(0, wanted - counts))
    now[rng.permutation(spare)] = lacking
    back = np.empty(len(values), dtype=object)
    back[:] = [names[i] for i in now]
    return back


def _put_back_days(days: npt.NDArray[Any], ages: FloatArray, events: npt.NDArray[Any], rng: np.random.Generator) -> Any:
    now = np.where(np.isnat(days), np.nan, (events - days).astype(np.float64))
    back = _put_back_numbers(now, ages, rng)
    whole = np.nan_to_num(back).round().astype("timedelta64[D]")
    return np.where(np.isnan(back), np.datetime64("NaT", "D"), events - whole)


def _so_many(missing: npt.NDArray[np.bool_], share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Make a given share of rows missing, changing as few as can be."""
    wanted = round(share * len(missing))
    changed = missing.copy()
    too_many = int(missing.sum()) - wanted
    pool = np.flatnonzero(missing if too_many > 0 else ~missing)
    changed[rng.permutation(pool)[: abs(too_many)]] = too_many < 0
    return changed


def column(frame: pl.DataFrame, name: str, kind: Kind) -> npt.NDArray[Any]:
    """Read a column in the form that models take; values that do not fit the kind are missing."""
    if kind == "category":
        return np.array(words(frame, name).to_list(), dtype=object)
    return dates(frame, name) if kind == "date" else numbers(frame, name, kind)
