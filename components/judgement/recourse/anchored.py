"""How well anchors of declined rows hold on rows that they were not made from.

Anchors are found by alibi, in an environment of its own, among the few background rows of a bundle. The precision that
it tells is the best of many candidates' and so flatters; here each anchor is tried on the rows of the test split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns
from components.judgement.check_report import Figure, Table
from components.judgement.explanation import AnchorExplanation
from components.judgement.recourse.estimates import MINIMUM, mean

MEANINGS = {
    "anchor_precision": (
        "Mean share of declined rows among the test rows that an anchor of a declined row applies to; anchors that "
        "apply to fewer than five are left out (Ribeiro, Singh and Guestrin, Anchors, AAAI 2018)."
    ),
    "anchor_coverage": "Mean share of the test rows that an anchor of a declined row applies to.",
}

NO_ANCHORS = "anchors are looked for in the environment explain, and none were handed over"


@dataclass(frozen=True)
class Tried:
    """One anchor on n rows.

    Args:
        anchor: the rules.
        rows: how many of them it applies to.
        precision: share of those that are declined; NaN where it applies to none.
        coverage: share of all n.
    """

    anchor: AnchorExplanation
    rows: int
    precision: float
    coverage: float


def applies(anchor: AnchorExplanation, rows: Columns) -> npt.NDArray[np.bool_]:
    """Tell which of n rows an anchor applies to, shape (n,)."""
    met = [condition.met(rows[condition.input]) for condition in anchor.conditions]
    n = len(next(iter(rows.values())))
    return np.logical_and.reduce(met) if met else np.ones(n, dtype=bool)


def try_on(anchors: Sequence[AnchorExplanation], rows: Columns, declined: npt.NDArray[np.bool_]) -> list[Tried]:
    """Try anchors of declined rows on n rows.

    Args:
        anchors: of declined rows.
        rows: n rows.
        declined: shape (n,), which of them are declined.
    """
    found = []
    for anchor in anchors:
        within = applies(anchor, rows)
        precision = float(declined[within].mean()) if within.any() else float("nan")
        found.append(Tried(anchor, int(within.sum()), precision, float(within.mean())))
    return found


def figures(tried: Sequence[Tried]) -> list[Figure]:
    """Tell precision and coverage, means over anchors; without anchors there is no data."""
    precise = [t.precision for t in tried if t.rows >= MINIMUM]
    found = [
        mean("anchor_precision", precise, what="anchors with rows", most=1),
        mean("anchor_coverage", [t.coverage for t in tried], what="anchors", most=1),
    ]
    return found if tried else [f.model_copy(update={"reason": NO_ANCHORS}) for f in found]


def table(tried: Sequence[Tried]) -> Table:
    """Show anchors beside what alibi told of them, the most frequent first."""
    alike: dict[tuple[str, ...], list[Tried]] = {}
    for one in tried:
        alike.setdefault(one.anchor.rules, []).append(one)
    rows = tuple(
        (
            " and ".join(rules) or "whatever the values are",
            str(len(same)),
            f"{same[0].anchor.precision:.1%}",
            f"{same[0].precision:.1%}" if same[0].rows else "no rows",
            f"{same[0].rows:,}",
        )
        for rules, same in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    header = ("rules", "rows explained", "precision by alibi", "precision on test rows", "test rows")
    return Table(title="Rules under which rows are declined (anchors)", header=header, rows=rows)
