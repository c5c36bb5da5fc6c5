"""The days from which something is seen: changes of columns, of the score and of the loss that fall together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.monitoring.causes.faults import Judgement
from components.monitoring.causes.onset import Days, Onset, changes, contributions
from components.monitoring.causes.slices import labelled
from components.monitoring.values import Cause

TOGETHER = 7
"""Changes so many days apart, at most, are told as one."""
MOST = 2
SHOWN = 4
"""Columns named in a reason."""
LEAST_ROWS = 50
SHOWN_BY = 3.0
"""Standard errors by which a mean must have moved for the days of it to be told …"""
LEAST_SHARE = 0.1
"""… and the share of the movement that a day must explain."""


@dataclass(frozen=True)
class Change:
    """A change of one thing.

    Args:
        what: a column, or ``mean probability`` and the like.
        onset: when it changed, and how.
        share: of the movement of the columns, or of the thing's own, 0 to 1.
        verdict: on a column; None for the score and the loss.
    """

    what: str
    onset: Onset
    share: float
    verdict: Judgement | None


def times(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    days: tuple[Days, Days],
    columns: Sequence[Change],
    seed: int = 7,
) -> list[Cause]:
    """Tell the days on which most changed, at most ``MOST``.

    Args:
        reference: rows as they were, with ``probability`` and ``label`` where they are known.
        current: rows as they are, likewise.
        days: of both windows' events.
        columns: the changes of columns; their shares add up to 1 at most.
        seed: of the permutations.
    """
    found = [*columns]
    for what, before, now in _series(reference, current):
        found += _changes(what, (days[0], before), (days[1], now), seed)
    groups: list[list[Change]] = []
    for change in sorted(found, key=lambda c: c.onset.day):
        if groups and (change.onset.day - groups[-1][0].onset.day).days <= TOGETHER:
            groups[-1].append(change)
        else:
            groups.append([change])
    causes = [_cause(group) for group in groups]
    return sorted(causes, key=lambda c: -c.share)[:MOST]


def _series(reference: pl.DataFrame, current: pl.DataFrame) -> list[tuple[str, FloatArray, FloatArray]]:
    sides = (reference, current)
    if not all("probability" in side.columns for side in sides):
        return []
    probability = [side["probability"].cast(pl.Float64).fill_null(np.nan).to_numpy() for side in sides]
    told = [("mean probability", probability[0], probability[1])]
    if any("label" in side.columns for side in sides):
        told.append(("loss beyond the expected", _excess(sides[0], probability[0]), _excess(sides[1], probability[1])))
    return told


def _excess(frame: pl.DataFrame, probability: FloatArray) -> FloatArray:
    found = np.full(len(frame), np.nan)
    if "label" in frame.columns:
        known = labelled(probability, frame["label"].cast(pl.Float64).fill_null(np.nan).to_numpy())
        found[known.places] = known.excess()
    return found


def _changes(what: str, before: tuple[Days, FloatArray], now: tuple[Days, FloatArray], seed: int) -> list[Change]:
    """Find the changes that explain how far the mean moved from window to window, where it did by more than chance."""
    sides = [side[1][~np.isnan(side[1])] for side in (before, now)]
    if min(map(len, sides)) < LEAST_ROWS:
        return []
    movement = float(sides[1].mean() - sides[0].mean())
    error = math.hypot(*(float(side.std()) / math.sqrt(len(side)) for side in sides))
    if abs(movement) <= SHOWN_BY * error:
        return []
    found = changes(np.concatenate([before[0], now[0]]), np.concatenate([before[1], now[1]]), seed)
    shares = [made / movement for made in contributions(found, before, now)]
    return [Change(what, c, min(1.0, s), None) for c, s in zip(found, shares, strict=True) if s > LEAST_SHARE]


def _cause(group: Sequence[Change]) -> Cause:
    main = max(group, key=lambda c: c.share)
    columns = [c for c in group if c.verdict is not None]
    named = [c.what for c in sorted(columns, key=lambda c: -c.share)]
    parts = [f"{', '.join(named[:SHOWN])}{' and others' if len(named) > SHOWN else ''} changed"] if named else []
    parts += [
        f"{c.what} {c.onset.before:.3g} before, {c.onset.after:.3g} after (p {_p(c.onset.p_value)})"
        for c in group
        if c.verdict is None
    ]
    shape = {"step": "in one step", "slope": f"gradually until {main.onset.until}", "unclear": "seen from then on"}
    return Cause(
        kind="time",
        subject=str(main.onset.day),
        share=min(1.0, max(sum(c.share for c in columns), *(c.share for c in group))),
        verdict=_verdict(columns, group),
        reason=f"{shape[main.onset.shape]}: {'; '.join(parts)}",
    )


def _verdict(columns: Sequence[Change], group: Sequence[Change]) -> Judgement:
    """The verdict of most of what changed then; without columns, only a slope tells."""
    if not columns:
        return "world_change" if all(c.onset.shape == "slope" for c in group) else "unclear"
    weights: dict[Judgement, float] = {}
    for c in columns:
        if c.verdict is not None:
            weights[c.verdict] = weights.get(c.verdict, 0.0) + c.share + 1e-9
    return max(weights, key=lambda v: weights[v])


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.01 else "< 0.01"
