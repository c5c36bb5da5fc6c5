"""The causes of a drift or a loss: columns, slices and days, the most telling first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from components.core.contracts import Kind
from components.monitoring.causes.bins import EVENT_TIME, Bins, Codes, cut_all, dates, numbers
from components.monitoring.causes.cohorts import slice_causes
from components.monitoring.causes.companions import broken
from components.monitoring.causes.days import Days
from components.monitoring.causes.effect import Score, explained
from components.monitoring.causes.faults import MOST_VALUES, Course, Judgement, course, judge, pattern
from components.monitoring.causes.movement import Moved, moved
from components.monitoring.causes.times import Change, times
from components.monitoring.values import Cause, DriftReport

RATE = 0.05
"""Of the columns, and of the slices, that are named on a world that stands still, at most this share."""
LEAST_DISTANCE = 0.02
"""Share of the rows that must have moved for a column to be looked at."""
MOST_COLUMNS = 12
"""Columns whose way through time, and whose effect on the score, is looked at: those with the largest weight."""
MOST_ROWS = 30_000
LEAST_ROWS = 50
"""With fewer rows on a side nothing is told."""


@dataclass(frozen=True)
class Subject:
    """A column that moved.

    Args:
        moved: how far.
        weight: distance times importance.
        named: whether the drift report calls it drifted; any that moved where there is no report.
        course: how it moved in time; None for those with little weight.
        verdict: what is at fault …
        reason: … and why.
    """

    moved: Moved
    weight: float
    named: bool
    course: Course | None = None
    verdict: Judgement = "unclear"
    reason: str = ""

    @property
    def name(self) -> str:
        """Of the column."""
        return self.moved.name


def find_causes(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    drift: DriftReport | None,
    importance: Mapping[str, float],
    kinds: Mapping[str, Kind],
    *,
    score: Score | None = None,
    most: int = 8,
    seed: int = 7,
) -> tuple[Cause, ...]:
    """Find what lies behind a drift or a loss.

    Args:
        reference: rows as they were: the inputs, ``event_time`` (Date), ``probability``, and where known ``label`` (1.0
            bad, 0.0 good, null not known) and ``weight``.
        current: rows as they are, likewise. Of each window at most ``MOST_ROWS`` rows, drawn, are looked at.
        drift: which columns drifted; without it a test of its own says so. Faults are told of other columns too.
        importance: of each input, a share; an input without one counts as not read by the model.
        kinds: of the inputs, as they were sent. Features that are computed from them move with them and say nothing of
            their own: leave them out.
        score: the model, such as ``Bundle.probability``; then the share of a column is what it explains of the movement
            of the mean probability, where that moved. It needs all columns that the model reads among ``kinds``.
        most: causes to return.
        seed: of all that is drawn.

    Returns:
        Causes of the kinds ``feature``, ``slice`` and ``time``, by the share that they explain; faults are never left
        out for others. None on a world that stands still, but for false discoveries.
    """
    if min(len(reference), len(current)) < LEAST_ROWS:
        return ()
    rng = np.random.default_rng(seed)
    reference, current = (_some(side, rng) for side in (reference, current))
    days = dates(reference, EVENT_TIME), dates(current, EVENT_TIME)
    columns = cut_all(reference, current, kinds)
    subjects = _followed(_subjects(columns, drift, importance), reference, current, kinds, days, seed)
    subjects = _judged(subjects, columns, reference, current, kinds)
    told = [s for s in subjects if s.named or s.verdict == "data_fault"]
    features = _features(told, reference, current, kinds, score, seed)
    verdicts = {s.name: s.verdict for s in subjects}
    whole = sum(s.weight for s in subjects) or 1.0
    changed = [Change(s.name, s.course.onset, s.weight / whole, s.verdict) for s in told if s.course and s.course.onset]
    found = [
        *features,
        *slice_causes(reference, current, kinds, verdicts, rate=RATE, seed=seed),
        *times(reference, current, days, changed, seed),
    ]
    return _most_telling(found, most)


def _subjects(
    columns: Sequence[Bins],
    drift: DriftReport | None,
    importance: Mapping[str, float],
) -> list[Subject]:
    """Pick the columns to look at, those with the largest weight first."""
    drifted = None if drift is None else set(drift.drifted())
    found = []
    for one in moved(columns, RATE):
        shown = one.discovered and one.distance >= LEAST_DISTANCE
        named = shown if drifted is None else one.name in drifted
        if shown or named:
            found.append(Subject(one, one.distance * importance.get(one.name, 0.0), named))
    if not any(s.weight for s in found):  # nothing that moved is read by the model, or nobody knows what is
        found = [replace(s, weight=s.moved.distance) for s in found]
    found.sort(key=lambda s: (-s.weight, -s.moved.distance, s.name))
    return found


def _followed(
    subjects: Sequence[Subject],
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    days: tuple[Days, Days],
    seed: int,
) -> list[Subject]:
    """Follow the first columns through time."""
    followed = []
    for s in subjects[:MOST_COLUMNS]:
        kind = kinds[s.name]
        values = None if kind == "category" else (numbers(reference, s.name, kind), numbers(current, s.name, kind))
        followed.append(replace(s, course=course(s.moved.bins, days, values, seed)))
    return [*followed, *subjects[MOST_COLUMNS:]]


def _judged(
    subjects: Sequence[Subject],
    columns: Sequence[Bins],
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
) -> list[Subject]:
    """Tell faults from changes in the world, for columns that moved and for those with a fault too small to be seen."""
    named = {s.name for s in subjects}
    still = [Subject(Moved(b, 0.0, 1.0, discovered=False), 0.0, named=False) for b in columns if b.name not in named]
    everything = np.arange(len(current))
    known = {
        s.name: pattern(reference, current, s.name, kinds[s.name], s.course.rows if s.course else everything)
        for s in (*subjects, *still)
    }
    subjects = [*subjects, *(s for s in still if known[s.name])]
    sound = [b for b in columns if (found := known.get(b.name)) is None or not found.certain]
    judged = []
    for s in subjects:
        of = s.course or Course(None, everything)
        others = (o for o in subjects if o.name != s.name and o.name in {b.name for b in sound})
        onsets = (o.course.onset for o in others if o.course is not None)
        steps = [onset.day for onset in onsets if onset is not None and onset.shape == "step"]
        verdict, reason = judge(s.moved.bins, known[s.name], of, sound, steps)
        judged.append(replace(s, verdict=verdict, reason=reason))
    return judged + _torn(judged, sound)


def _torn(subjects: Sequence[Subject], sound: Sequence[Bins]) -> list[Subject]:
    """Find columns whose values no longer belong to their rows, though each by itself looks as it did."""
    faulty = {s.name for s in subjects if s.verdict == "data_fault"}
    found: list[Subject] = []
    left = [_thin(b) for b in sound if b.name not in faulty]
    whole = {b.name: b for b in sound}
    while left:
        bins = left.pop(0)
        partner = broken(bins, left)
        if partner is None or bins.name in {s.name for s in subjects}:
            continue
        reason = f"its values no longer go with those of {partner}: those of one of them belong to other rows"
        found.append(
            Subject(Moved(whole[bins.name], 0.0, 1.0, discovered=False), 0.0, False, None, "data_fault", reason)
        )
    return found


def _features(
    subjects: Sequence[Subject],
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    score: Score | None,
    seed: int,
) -> list[Cause]:
    names = [s.name for s in subjects[:MOST_COLUMNS]]
    effect = explained(reference, current, kinds, names, score, seed) if score is not None and names else None
    whole = sum(s.weight for s in subjects) or 1.0
    causes = []
    for s in subjects:
        share, text = s.weight / whole, ""
        if effect is not None and s.name in effect[1]:
            movement, back = effect[0], effect[1][s.name]
            share = min(1.0, max(0.0, back / movement))
            text = f"; of the mean probability's movement by {movement:+.4f} it makes {back:+.4f}"
        causes.append(Cause(kind="feature", subject=s.name, share=share, verdict=s.verdict, reason=s.reason + text))
    return causes


def _most_telling(found: Sequence[Cause], most: int) -> tuple[Cause, ...]:
    """Keep every fault, the first of each kind, and then what explains most."""
    order = ("data_fault", "world_change", "unclear")
    ranked = sorted(found, key=lambda c: (-c.share, order.index(c.verdict)))
    first = {kind: next((c for c in ranked if c.kind == kind), None) for kind in ("feature", "slice", "time")}
    before_others = [c for c in ranked if (c.kind == "feature" and c.verdict == "data_fault") or c is first[c.kind]]
    kept = [*before_others, *(c for c in ranked if not any(c is k for k in before_others))][:most]
    return tuple(sorted(kept, key=ranked.index))


def _some(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    if len(frame) <= MOST_ROWS:
        return frame
    return frame[np.sort(rng.choice(len(frame), MOST_ROWS, replace=False))]


def _thin(bins: Bins) -> Bins:
    return replace(bins, reference=_every(bins.reference), current=_every(bins.current))


def _every(codes: Codes) -> Codes:
    return codes[:: -(-len(codes) // MOST_VALUES)] if len(codes) > MOST_VALUES else codes
