"""What trying ways of mitigation found, in sentences."""

from collections.abc import Sequence

from components.core.contracts import Estimate
from components.judgement.mitigation.lawful import NOT_ADVICE
from components.judgement.mitigation.mitigation_report import Point
from components.judgement.mitigation.parity import Criterion

WHAT: dict[Criterion, str] = {
    "demographic_parity": "the share with the favourable decision",
    "equal_opportunity": "the share with the favourable decision among good outcomes",
}

AFFORDABLE = 1.1
"""A way whose decisions cost more than so many times the baseline's is not put forward."""


def summary(points: Sequence[Point], attribute: str, criterion: Criterion) -> tuple[str, ...]:
    """Say how wide the gap is, which way halves it at the least cost, and what that may be used for.

    Args:
        points: the baseline first.
        attribute: by which groups were told apart.
        criterion: what the gap is in.
    """
    base = points[0]
    first = f"Without mitigation {WHAT[criterion]} differs by {_points(base.gap)} between groups of {attribute}."
    blind = [p for p in points[1:] if not p.reads_group]
    by_group = [p for p in points[1:] if p.reads_group]
    told = [_best(blind, base, "that decide without knowing the group")] if blind else []
    told += [_best(by_group, base, "that decide by group")] if by_group else []
    return (first, *told, "Picked by these test rows, so a little too kind to what is picked. " + NOT_ADVICE)


def _best(points: Sequence[Point], base: Point, which: str) -> str:
    """Name the cheapest point that halves the gap, else the one with the narrowest gap; none that is too dear."""
    limit = AFFORDABLE * (base.cost.value or 0.0)
    affordable = [p for p in points if (p.cost.value or 0.0) <= limit]
    at_most = f"at a cost of at most {AFFORDABLE:g} times the baseline's"
    if not affordable:
        return f"Of the ways {which}, none decides {at_most}."
    shown = [p for p in affordable if p.halved == "yes"]
    best = min(shown or affordable, key=lambda p: (p.cost if shown else p.gap).value or 0.0)
    claim = "halves it and is the cheapest to do so" if shown else f"narrows it most {at_most}"
    half = (
        "" if shown else "; that this is half is not shown" if best.halved == "unclear" else "; that is more than half"
    )
    return (
        f"Of the ways {which}, {best.label} {claim}: the gap is {_points(best.gap)}, its change "
        f"{_points(best.gap_change)}{half}. AUC changes by {_number(best.auc_change)}, cost per row by "
        f"{_number(best.cost_change)}."
    )


def _points(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"an unknown number of points (n={found.n})"
    return f"{100 * found.value:.1f} points [{100 * found.low:.1f}, {100 * found.high:.1f}] (n={found.n:,})"


def _number(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"an unknown amount (n={found.n})"
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
