"""Groups held against each other: figures of each group, of each against the privileged one, and of the widest gap.

The interval of a group's figure, and of its gap to the privileged group, is for that one alone: of twenty groups that
are treated alike, one is off by chance. The figure of a whole attribute is the widest gap between any two groups, and
its interval holds for all pairs at once: where groups are treated alike, its low end is above 0 by chance in one
attribute of twenty, however many groups there are. So gates are best put on attributes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Estimate
from components.core.judging import Fairness
from components.judgement.check_report import Figure
from components.judgement.fairness import metrics
from components.judgement.fairness.gaps import (
    Gaps,
    Widest,
    differences,
    larger_differences,
    ratios,
    smallest_ratio,
    widest_difference,
)
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Counts, Levels, Rows
from components.training.shares import z_of


@dataclass(frozen=True)
class Measure:
    """A figure of groups, and what its gap between groups is called."""

    level: str
    of: Callable[[Rows, Grouping], Levels]
    needs: tuple[str, ...]
    difference: str
    told: bool = True
    """Whether the level is itself a figure."""


MEASURES = (
    Measure("selection_rate", metrics.selection_rate, (), "demographic_parity_difference"),
    Measure("true_favourable_rate", metrics.true_favourable_rate, ("good",), "equal_opportunity_difference"),
    Measure("false_favourable_rate", metrics.false_favourable_rate, ("bad",), "false_favourable_difference"),
    Measure("predictive_value", metrics.predictive_value, ("favourable",), "predictive_parity_difference"),
    Measure("average_odds", metrics.average_odds, ("good", "bad"), "average_odds_difference", told=False),
    Measure("calibration_gap", metrics.calibration_gap, ("good", "bad"), "calibration_gap_difference"),
)

RATIO, ODDS = "demographic_parity_ratio", "equalised_odds_difference"

WITHOUT_LABELS = MEASURES[:1]
"""What can be told before outcomes are known."""

_WORDS = {"good": "with a good outcome", "bad": "with a bad outcome", "favourable": "decided favourably"}


@dataclass(frozen=True)
class Comparison:
    """The figures of the groups of one attribute, or of two together.

    Args:
        groups: which.
        against: the group that the others are held against; None where there is none.
        figures: of each group, of each group's gap, and of the widest gaps.
    """

    groups: Grouping
    against: str | None
    figures: tuple[Figure, ...]

    def values(self) -> dict[tuple[str, str], float]:
        """Return (figure, of) → value of those that have one."""
        return {(f.name, f.of): f.estimate.value for f in self.figures if f.estimate.value is not None}


def compare(rows: Rows, groups: Grouping, fairness: Fairness, measures: tuple[Measure, ...] = MEASURES) -> Comparison:
    """Compute every figure of the groups of one attribute, or of two together.

    Groups with fewer rows than ``minimum_rows``, or fewer of an outcome than ``minimum_of_outcome`` where a rate is
    taken among those, have no data, and take no part in the widest gap.

    Args:
        rows: n rows.
        groups: of the same rows.
        fairness: how many rows are enough.
        measures: which; ``WITHOUT_LABELS`` looks at no label.
    """
    lacking = _lacking(rows, groups, fairness)
    against = reference(groups, metrics.selection_rate(rows, groups), lacking[()])
    found = [f for m in measures for f in _measured(m, rows, groups, _Layout(groups, lacking[m.needs], *against))]
    if measures != WITHOUT_LABELS:
        found += _equalised_odds(rows, groups, _Layout(groups, lacking["good", "bad"], *against))
    name = None if against[0] is None else groups.names[against[0]]
    return Comparison(groups, name, tuple(found))


def reference(groups: Grouping, selected: Levels, lacking: list[str]) -> tuple[int | None, str]:
    """Return the place of the group that the others are held against; or None, and why there is none."""
    if groups.privileged is not None:
        place = groups.names.index(groups.privileged)
        return (None, f"{groups.privileged} has {lacking[place]}") if lacking[place] else (place, "")
    enough = [i for i, reason in enumerate(lacking) if not reason]
    if not enough:
        return None, f"no group of {groups.name} has enough rows"
    return max(enough, key=lambda i: (selected.value[i], -i)), ""


def _lacking(rows: Rows, groups: Grouping, fairness: Fairness) -> Mapping[tuple[str, ...], list[str]]:
    """Say of each group what it has too little of, for each thing that figures need; empty where it has enough."""
    kinds = {"good": rows.labels == 0, "bad": rows.labels == 1, "favourable": rows.decision == 0}
    counts = {kind: groups.take(mask).rows() for kind, mask in kinds.items()}
    total, minimum = groups.rows(), fairness.minimum_of_outcome

    def reason(place: int, needs: tuple[str, ...]) -> str:
        if total[place] < fairness.minimum_rows:
            return f"{_count(total[place])}, needs {fairness.minimum_rows}"
        short = [k for k in needs if counts[k][place] < minimum]
        return ", ".join(f"{_count(counts[k][place])} {_WORDS[k]}, needs {minimum}" for k in short)

    return {m.needs: [reason(i, m.needs) for i in range(len(groups))] for m in MEASURES}


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _measured(measure: Measure, rows: Rows, groups: Grouping, laid_out: "_Layout") -> list[Figure]:
    levels, name = measure.of(rows, groups), measure.difference
    found = laid_out.levels(measure.level, levels) if measure.told else []
    found += laid_out.gaps(name, levels.rows, lambda place: differences(levels, place))
    found.append(laid_out.widest(name, levels.rows, lambda some: widest_difference([levels.of(some)])))
    if measure.level == "selection_rate":
        found += laid_out.gaps(RATIO, levels.rows, lambda place: ratios(levels, place))
        found.append(laid_out.widest(RATIO, levels.rows, lambda some: smallest_ratio(levels.of(some))))
    return found


def _equalised_odds(rows: Rows, groups: Grouping, laid_out: "_Layout") -> list[Figure]:
    odds = [metrics.true_favourable_rate(rows, groups), metrics.false_favourable_rate(rows, groups)]
    n = odds[0].rows + odds[1].rows
    return [
        *laid_out.gaps(ODDS, n, lambda place: larger_differences(odds, place)),
        laid_out.widest(ODDS, n, lambda some: widest_difference([level.of(some) for level in odds])),
    ]


@dataclass(frozen=True)
class _Layout:
    """Makes figures of arrays.

    Args:
        groups: whose.
        lacking: what each has too little of.
        against: place of the group that others are held against; None where there is none.
        why_not: then says why.
    """

    groups: Grouping
    lacking: list[str]
    against: int | None
    why_not: str

    def levels(self, name: str, levels: Levels) -> list[Figure]:
        low, high = levels.limits(z_of())
        return self._by_group(name, levels.rows, Gaps(levels.value, low, high), self.lacking)

    def gaps(self, name: str, n: Counts, gaps: Callable[[int], Gaps]) -> list[Figure]:
        if self.against is None:
            return self._by_group(name, n, None, [reason or self.why_not for reason in self.lacking])
        beside = self.lacking[self.against]
        beside = f"{self.groups.names[self.against]} has {beside}" if beside else ""
        return self._by_group(name, n, gaps(self.against), [reason or beside for reason in self.lacking])

    def widest(self, name: str, n: Counts, widest: Callable[[npt.NDArray[np.intp]], Widest]) -> Figure:
        enough = np.array([i for i, reason in enumerate(self.lacking) if not reason], dtype=np.intp)
        rows = int(n[enough].sum())
        if len(enough) < 2:
            reason = f"{len(enough)} of {len(self.groups)} groups have enough rows, needs 2"
            return _figure(name, self.groups.name, (np.nan, np.nan, np.nan), rows, reason)
        found = widest(enough)
        return _figure(name, self.groups.name, (found.value, found.low, found.high), rows, "")

    def _by_group(self, name: str, n: Counts, found: Gaps | None, reasons: list[str]) -> list[Figure]:
        nothing = np.full(len(self.groups), np.nan)
        gaps = found or Gaps(nothing, nothing, nothing)
        ends = zip(gaps.value.tolist(), gaps.low.tolist(), gaps.high.tolist(), strict=True)
        return [
            _figure(name, of, e, int(r), why) for of, e, r, why in zip(self.groups.names, ends, n, reasons, strict=True)
        ]


def _figure(name: str, of: str, ends: tuple[float, float, float], n: int, reason: str) -> Figure:
    value, low, high = ends
    # Adding 0 turns -0.0, which would be written so, into 0.0.
    value, low, high = value + 0.0, low + 0.0, high + 0.0
    if not reason and np.isnan(value):
        reason = "no group has a favourable decision to divide by"
    if reason:
        return Figure(name=name, of=of, estimate=Estimate(value=None, n=n), reason=f"not enough data: {reason}")
    return Figure(name=name, of=of, estimate=Estimate(value=value, low=low, high=high, n=n))
