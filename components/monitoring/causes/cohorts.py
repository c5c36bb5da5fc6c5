"""Slices as causes: where rows turned out worse than the model expected, and which kinds of rows became more."""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from components.core.contracts import Estimate, FloatArray, Kind
from components.monitoring.causes import slices
from components.monitoring.causes.bins import cut_all
from components.monitoring.causes.faults import Judgement
from components.monitoring.values import Cause

EACH = 3
"""Slices told at most of each sort."""
SLICE_BINS, SLICE_CATEGORIES = 5, 12
"""Bins of a column at most, for slices: pairs of them still have to hold rows."""
TRIED = 10
"""Slices that are worse than others of which those are told that explain most of what is new."""
NEWLY = 1.5
"""Half-widths of the interval of the difference, 95 %, by which a slice must be worse than it was to be a change: three
standard errors, as nobody counts how many slices are looked at in this."""
FEW_EXPLAIN = 0.5
"""Share of the new loss from which slices explain it, rather than something that concerns all rows."""
WORSE = 3.0
"""Standard errors by which rows must have turned out worse all over for it to be told."""


def slice_causes(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    verdicts: Mapping[str, Judgement],
    *,
    rate: float = 0.05,
    seed: int = 7,
) -> list[Cause]:
    """Find the slices that turned out worse than others, all rows if they all did, and the slices that grew most.

    Args:
        reference: rows as they were: the columns of ``kinds``, and where known ``probability``, ``label``, ``weight``.
        current: rows as they are, likewise.
        kinds: of the columns that make slices.
        verdicts: on columns that moved: a slice made by a column at fault is no finding about the world.
        rate: of false discoveries among the slices, at most.
        seed: of the sample.
    """
    columns = cut_all(reference, current, kinds, bins=SLICE_BINS, categories=SLICE_CATEGORIES)
    was, is_ = _labelled(reference), _labelled(current)
    causes = []
    if is_ is not None:
        worst = slices.worst(columns, is_, was, rate=rate, most=TRIED, seed=seed)
        causes += [_worse(s, verdicts) for s in sorted(worst, key=lambda s: -s.share)[:EACH]]
        # What a few slices explain is not so all over.
        if sum(s.share for s in worst) < FEW_EXPLAIN:
            causes += everywhere(was, is_, faulty="data_fault" in verdicts.values())
    return causes + [_grew(s, verdicts) for s in slices.grown(columns, rate=rate, most=EACH)]


def everywhere(was: slices.Labelled | None, is_: slices.Labelled, *, faulty: bool) -> list[Cause]:
    """Tell that rows turn out worse than their probability all over: what made them risky has changed.

    The share is that of the rise of the bad rate which the model did not foresee; the rest it told by the rows that it
    saw (the decomposition of E. Kitagawa, JASA 50, 1955, with the model's probability for the rates of each kind).
    """
    if was is None or min(len(was.places), len(is_.places)) < slices.MINIMUM_ROWS:
        return []
    bad: list[float] = []
    expected: list[float] = []
    odd: list[float] = []
    errors: list[float] = []
    for side in (was, is_):
        bad.append(float(np.average(side.label, weights=side.weight)))
        expected.append(float(np.average(side.probability, weights=side.weight)))
        odd.append(bad[-1] - expected[-1])
        spread = np.average((side.label - side.probability - odd[-1]) ** 2, weights=side.weight)
        errors.append(float(np.sqrt(spread * (side.weight**2).sum()) / side.weight.sum()))
    rise = odd[1] - odd[0]
    if abs(rise) < WORSE * math.hypot(*errors):
        return []
    whole = abs(rise) + abs(expected[1] - expected[0])
    return [
        Cause(
            kind="slice",
            subject="all",
            share=abs(rise) / whole,
            verdict="unclear" if faulty else "world_change",
            reason=f"{bad[1]:.1%} of {len(is_.places):,} labelled rows are bad, where the model expected "
            f"{expected[1]:.1%}; in the reference {bad[0]:.1%} of {len(was.places):,}, expected {expected[0]:.1%}"
            + ("; a fault in the data may have misled the model" if faulty else ""),
        )
    ]


def _worse(found: slices.Slice, verdicts: Mapping[str, Judgement]) -> Cause:
    verdict, text = _newly(found)
    if any(verdicts.get(name) == "data_fault" for name in found.columns):
        verdict, text = "data_fault", "it is made by a column that is at fault"
    bad = found.bad
    told = "" if bad is None else f"{_percent(bad)} of {found.rows:,} rows are bad, expected {found.expected:.1%}; "
    return Cause(
        kind="slice",
        subject=found.condition,
        share=found.share,
        verdict=verdict,
        reason=f"{told}loss beyond the expected {_interval(found.value)} a row, elsewhere {found.elsewhere:.3f}"
        f"; {text}",
    )


def _newly(found: slices.Slice) -> tuple[Judgement, str]:
    before, now = found.before, found.value
    if before is None or before.value is None or now.value is None:
        return "unclear", "too few labelled rows of the reference to tell whether it was so before"
    if before.low is None or now.low is None:
        return "unclear", "whether it was so before cannot be told"
    error = math.hypot(before.value - before.low, now.value - now.low)
    if now.value - before.value > NEWLY * error:
        return "world_change", f"in the reference it was {_interval(before)}"
    return "unclear", f"the model was weak there before: {_interval(before)} in the reference"


def _grew(found: slices.Slice, verdicts: Mapping[str, Judgement]) -> Cause:
    mine = [verdicts[name] for name in found.columns if name in verdicts]
    verdict: Judgement = "unclear"
    for judgement in ("data_fault", "world_change"):
        if judgement in mine:
            verdict = judgement
            break
    return Cause(
        kind="slice",
        subject=found.condition,
        share=found.share,
        verdict=verdict,
        reason=f"{_percent(found.value)} of {found.value.n:,} rows, {found.elsewhere:.1%} in the reference",
    )


def _labelled(frame: pl.DataFrame) -> slices.Labelled | None:
    if "label" not in frame.columns or "probability" not in frame.columns:
        return None
    weight = _floats(frame["weight"]) if "weight" in frame.columns else None
    return slices.labelled(_floats(frame["probability"]), _floats(frame["label"]), weight)


def _floats(series: pl.Series) -> FloatArray:
    found: FloatArray = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return found


def _percent(e: Estimate) -> str:
    if e.value is None or e.low is None or e.high is None:
        return "no data"
    return f"{e.value:.1%} [{e.low:.1%}, {e.high:.1%}]"


def _interval(e: Estimate) -> str:
    if e.value is None or e.low is None or e.high is None:
        return "no data"
    return f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]"
