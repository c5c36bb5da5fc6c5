"""Gaps between groups: of each to one of them, and the widest of all, with intervals that allow for the choice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.judgement.fairness.intervals import ratio_limits, z_of_pairs
from components.judgement.fairness.metrics import Levels
from components.training.shares import LEVEL, difference_limits, z_of

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Gaps:
    """Several gaps, or one; each array has the same shape."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Widest:
    """The widest gap of all pairs, and between which two of the groups it was found."""

    value: float
    low: float
    high: float
    pair: tuple[int, int]
    """The one with the higher figure first."""


def differences(levels: Levels, against: int, z: float | None = None) -> Gaps:
    """Subtract one group's figure from each group's; from its own leaves 0.

    Args:
        levels: of k groups.
        against: place of the one that is subtracted.
        z: standard errors; None for intervals that hold one by one.
    """
    return _itself(_subtract(levels, *_to(levels, against), z or z_of()), against, 0.0)


def ratios(levels: Levels, against: int) -> Gaps:
    """Divide each group's figure by one group's; NaN where that is 0."""
    one, other = _to(levels, against)
    low, high = levels.limits(z_of())
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(levels.value[other] > 0, levels.value[one] / levels.value[other], np.nan)
        ends = ratio_limits(levels.value[one], (low[one], high[one]), levels.value[other], (low[other], high[other]))
    return _itself(Gaps(value, *ends), against, 1.0)


def larger_differences(levels: Sequence[Levels], against: int) -> Gaps:
    """Take the larger of the differences, sign aside, of several figures that rest on different rows.

    The intervals hold for the several at once (Sidak, JASA 62, 1967), so that of the larger one holds too.
    """
    z = z_of(LEVEL ** (1 / len(levels)))
    each = [_unsigned(differences(one, against, z)) for one in levels]
    return Gaps(*(np.max([getattr(g, end) for g in each], axis=0) for end in ("value", "low", "high")))


def widest_difference(levels: Sequence[Levels]) -> Widest:
    """Find the widest gap between any two groups, in any of several figures that rest on different rows.

    The interval is made of intervals that hold for all pairs at once (see ``intervals.z_of_pairs``): the widest gap is
    at least what is sure of any pair, and at most what is possible for some pair.

    Args:
        levels: of the same k groups each, at least 2, none NaN.
    """
    z = z_of_pairs(len(levels[0].value), LEVEL ** (1 / len(levels)))
    one, other = _pairs(len(levels[0].value))
    each = [_subtract(level, one, other, z) for level in levels]
    top = max(each, key=lambda g: float(g.value.max()))
    place = int(top.value.argmax())
    return Widest(
        value=float(top.value[place]),
        low=max(0.0, *(float(g.low.max()) for g in each)),
        high=max(float(g.high.max()) for g in each),
        pair=(int(one[place]), int(other[place])),
    )


def smallest_ratio(levels: Levels) -> Widest:
    """Find the smallest ratio of any two groups, with an interval like that of ``widest_difference``; NaN of 0 to 0."""
    k = len(levels.value)
    low, high = levels.limits(z_of_pairs(k))
    other, one = _pairs(k)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = levels.value[one] / levels.value[other]
        ends = ratio_limits(levels.value[one], (low[one], high[one]), levels.value[other], (low[other], high[other]))
    if np.isnan(value).all():
        return Widest(np.nan, np.nan, np.nan, (0, 1))
    place = int(np.nanargmin(value))
    return Widest(
        value=float(value[place]),
        low=float(np.nanmin(ends[0])),
        high=min(1.0, float(np.nanmin(ends[1]))),
        pair=(int(other[place]), int(one[place])),
    )


def _to(levels: Levels, against: int) -> tuple[Places, Places]:
    k = len(levels.value)
    return np.arange(k), np.full(k, against)


def _pairs(groups: int) -> tuple[Places, Places]:
    """Return every ordered pair of two different groups."""
    one, other = np.divmod(np.arange(groups * groups), groups)
    apart = one != other
    return one[apart], other[apart]


def _subtract(levels: Levels, one: Places, other: Places, z: float) -> Gaps:
    low, high = levels.limits(z)
    a, b = levels.value[one], levels.value[other]
    return Gaps(a - b, *difference_limits(a, (low[one], high[one]), b, (low[other], high[other])))


def _itself(gaps: Gaps, place: int, value: float) -> Gaps:
    """Say of a group held against itself that it does not differ, for certain."""
    for ends in (gaps.value, gaps.low, gaps.high):
        ends[place] = value
    return gaps


def _unsigned(gaps: Gaps) -> Gaps:
    low = np.maximum(0, np.maximum(gaps.low, -gaps.high))
    return Gaps(np.abs(gaps.value), low, np.maximum(np.abs(gaps.low), np.abs(gaps.high)))
