"""A fault in the data told from a change in the world, for one column that moved.

A known way in which data go wrong decides, if it explains the column. Without one, three things are weighed: whether
the change came in one day, whether other columns changed that day too, and whether the columns that go with this one
moved as they would have to. The world moves slowly, and many columns with each other; a broken feed moves one, at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import FloatArray, Kind
from components.monitoring.causes import days, names
from components.monitoring.causes import numbers as quantities
from components.monitoring.causes.bins import EVENT_TIME, Bins, dates, numbers, words
from components.monitoring.causes.companions import Verdict, companions, exchanged
from components.monitoring.causes.onset import Onset, changes, contributions, onset
from components.monitoring.causes.patterns import LEAST_ROWS, Pattern

SAME_DAYS = 3
"""Steps so many days apart, at most, are one event."""
MANY = 2
"""So many others that step on the same day are more than one column gone wrong: a large customer came, say."""
MANY_MOVED = 3
"""So many other columns that moved by a tenth of the rows are the world, where none did so at once."""
MOST_VALUES = 5_000
"""Rows of each window that patterns are looked for in; of more, every k-th."""

Judgement = Literal["data_fault", "world_change", "unclear"]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Course:
    """How a column moved in time.

    Args:
        onset: the change that explains most of its movement; None where no change is seen in time.
        rows: the current rows that are changed: those from that day on, where the change lies within the window.
    """

    onset: Onset | None
    rows: Rows


def schema(reference: pl.DataFrame, current: pl.DataFrame, name: str, kind: Kind) -> Pattern | None:
    """Find that a column is gone, or came in another type."""
    if name not in reference.columns:
        return None
    if name not in current.columns:
        return Pattern("column_gone", f"the column is gone; the reference has it as {reference.schema[name]}")
    was, is_ = _family(reference.schema[name]), _family(current.schema[name])
    if was == is_ or "nothing" in (was, is_):
        return None
    text = f"the column came as {is_}, and was {was}"
    if kind != "category" and is_ == "text":
        read = np.isnat(dates(current, name)) if kind == "date" else np.isnan(numbers(current, name, kind))
        text += f"; {1 - read.mean():.0%} of its values can be read as before"
    return Pattern("type_changed", text)


def course(
    bins: Bins,
    event_days: tuple[days.Days, days.Days],
    values: tuple[FloatArray, FloatArray] | None = None,
    seed: int = 7,
) -> Course:
    """Follow the share of rows in the bins that grew, through both windows.

    Args:
        bins: the column.
        event_days: of the reference's rows and of the current ones.
        values: of a number, likewise; round values that rise slowly all leave a bin on one day, which is no step.
        seed: of the permutations.
    """
    grew = bins.grown().astype(np.float64)
    before, now = grew[bins.reference], grew[bins.current]
    found = changes(np.concatenate(event_days), np.concatenate([before, now]), seed)
    everything = np.arange(len(now))
    if not found:
        return Course(None, everything)
    made = contributions(found, (event_days[0], before), (event_days[1], now))
    main = found[int(np.argmax(made))]
    if main.shape == "step" and values is not None and not _went_missing(bins):
        main = _confirmed(main, values, event_days, seed)
    edges = np.array([c.day for c in found], dtype="datetime64[D]")
    part = np.searchsorted(edges, event_days[1], side="right")
    sizes = np.bincount(part, minlength=len(edges) + 1)
    means = np.bincount(part, weights=now, minlength=len(edges) + 1) / np.maximum(sizes, 1)
    told = sizes >= LEAST_ROWS
    if not told.any():
        return Course(main, everything)
    middle = (before.mean() + means[told].max()) / 2
    rows = np.flatnonzero(np.isin(part, np.flatnonzero(means >= middle)))
    return Course(main, rows if len(rows) >= LEAST_ROWS else everything)


def _confirmed(
    step: Onset, values: tuple[FloatArray, FloatArray], event_days: tuple[days.Days, days.Days], seed: int
) -> Onset:
    """Keep a step where the sizes of the values show one too; else take their slope, or call it unclear."""
    known = values[0][~np.isnan(values[0])]
    if not len(known):
        return step
    both = np.clip(np.concatenate(values), known.min(), known.max())
    found = onset(np.concatenate(event_days), np.sign(both) * np.log1p(np.abs(both)), seed)
    if found is not None and found.shape == "step":
        return step
    if found is not None and found.shape == "slope":
        return found
    return replace(step, shape="unclear")


def _went_missing(bins: Bins) -> bool:
    """Whether missing values are most of what there is more of."""
    gained = np.subtract(*bins.shares()[::-1])
    return bool(gained[-1] >= 0.5 * gained[gained > 0].sum())


def pattern(reference: pl.DataFrame, current: pl.DataFrame, name: str, kind: Kind, rows: Rows) -> Pattern | None:
    """Find the known fault that explains a column, in the rows that are changed or in the whole window."""
    found = schema(reference, current, name, kind)
    if found is not None:
        return found
    # A fault that struck some of the rows only hides among the others, and one that struck all of them does not need
    # the time; so both are tried.
    for part in (rows, None) if len(rows) < len(current) else (None,):
        found = _pattern(_thin(reference), _thin(current if part is None else current[part]), name, kind)
        if found is not None:
            return found
    return None


def judge(
    bins: Bins,
    found: Pattern | None,
    of: Course,
    others: Sequence[Bins],
    steps: Sequence[date],
) -> tuple[Judgement, str]:
    """Say whether the data are at fault, and why.

    Args:
        bins: the column.
        found: the known fault that explains it.
        of: how it moved in time.
        others: the other columns; without those that are known to be at fault themselves.
        steps: days on which other columns changed in a step.
    """
    onset = of.onset
    step, slope = (onset is not None and onset.shape == shape for shape in ("step", "slope"))
    with_it = sum(abs((day - onset.day).days) <= SAME_DAYS for day in steps) if onset is not None and step else 0
    said = companions(bins, others, of.rows)
    evidence = [_when(onset), _company(said)]
    if with_it:
        evidence.append(f"{with_it} other column{'s' if with_it > 1 else ''} changed with it")
    if found is not None:
        if found.name == "swapped" and _exchanged(bins, others, of.rows):
            found = replace(found, certain=True)
            evidence.append("rows with one value are like those that had the other")
        alone = step and with_it < MANY
        return _known_fault(found, said, alone=alone, slope=slope), "; ".join([found.reason, *filter(None, evidence)])
    reason = "; ".join([_movement(bins), *filter(None, evidence)])
    if said.follow == "follow" or slope:
        return "world_change", reason
    if step and said.follow == "stay" and with_it < MANY:
        return "data_fault", reason
    if said.follow != "stay" and not step and _many_moved(others):
        return "world_change", reason + "; many columns moved, and none at once"
    return "unclear", reason


def _known_fault(found: Pattern, said: Verdict, *, alone: bool, slope: bool) -> Judgement:
    if said.follow == "follow" and (found.name == "unit" or not found.certain):
        return "world_change"
    if found.certain:
        return "unclear" if slope and found.name == "unit" else "data_fault"
    return "data_fault" if alone else "unclear"


def _exchanged(bins: Bins, others: Sequence[Bins], rows: Rows) -> bool:
    before, now = ({str(i): float(s) for i, s in enumerate(side[:-1])} for side in bins.shares())
    places = {int(is_): int(was) for is_, was in names.exchange(before, now).items()}
    return exchanged(bins, places, others, rows)


def _pattern(reference: pl.DataFrame, current: pl.DataFrame, name: str, kind: Kind) -> Pattern | None:
    if kind == "category":
        found = names.find(words(reference, name), words(current, name))
    elif kind == "date":
        sides = [dates(side, name) for side in (reference, current)]
        events = [dates(side, EVENT_TIME) for side in (reference, current)]
        found = days.find(sides[0], sides[1], events[0], events[1])
    else:
        found = quantities.find(numbers(reference, name, kind), numbers(current, name, kind))
    return found or _gone_missing(reference, current, name)


def _gone_missing(reference: pl.DataFrame, current: pl.DataFrame, name: str) -> Pattern | None:
    """Values went missing; the world can do that too, but not in one day and to one column alone."""
    if name not in reference.columns or name not in current.columns:
        return None
    was, is_ = (side[name].null_count() / len(side) for side in (reference, current))
    if is_ - was < 0.1:
        return None
    return Pattern("missing", f"{is_:.0%} of the rows lack a value, where {was:.0%} did", certain=False)


def _thin(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.gather_every(-(-len(frame) // MOST_VALUES)) if len(frame) > MOST_VALUES else frame


def _family(dtype: pl.DataType) -> str:
    if dtype == pl.Null:
        return "nothing"
    if dtype.is_numeric():
        return "numbers"
    if dtype.is_temporal():
        return "days"
    return "truth values" if dtype == pl.Boolean else "text"


def _many_moved(others: Sequence[Bins]) -> bool:
    return sum(float(np.abs(np.subtract(*o.shares())).sum()) / 2 >= 0.1 for o in others) >= MANY_MOVED


def _movement(bins: Bins) -> str:
    before, now = bins.shares()
    most = int(np.argmax(np.abs(now - before)))
    return f"{bins.conditions[most]}: {now[most]:.1%} of {len(bins.current):,} rows, {before[most]:.1%} before"


def _when(onset: Onset | None) -> str:
    if onset is None:
        return ""
    if onset.shape == "step":
        return f"in one step on {onset.day}"
    if onset.shape == "slope":
        return f"gradually from {onset.day} to {onset.until}"
    return f"seen from {onset.day} on"


def _company(said: Verdict) -> str:
    who = ", ".join(said.witnesses[:2])
    if said.follow == "stay":
        return f"what goes with it stays where it was ({who})"
    return f"what goes with it moved as far as it had to ({who})" if said.follow == "follow" else ""
