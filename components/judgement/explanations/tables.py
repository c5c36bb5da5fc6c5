"""The tables of the report on explanations."""

from collections.abc import Iterable

import numpy as np

from components.core.contracts import Estimate
from components.judgement.check_report import Table
from components.judgement.explanations.cohorts import Cohort
from components.judgement.explanations.dependence import Bin
from components.judgement.explanations.importance import Importance
from components.judgement.explanations.measured import Measured
from components.judgement.explanations.shift import Shift

DIFFERING = 3
"""Features told of each cohort."""
MOVED = 5
"""Rows told that moved most."""


def tables(found: Measured) -> tuple[Table, ...]:
    """List all tables."""
    result = [importance_table(found.importance, found.explained.method), quality_table(found)]
    result += [dependence_table(name, bins) for name, bins in found.dependence.items()]
    if found.cohorts:
        result.append(cohort_table(found.cohorts, found.explained.features))
    if found.shift is not None:
        result += [shift_table(found.shift), moved_table(found.shift, found.shift_rows)]
    return tuple(result)


def importance_table(found: Importance, method: str) -> Table:
    """Tell every feature's mean |SHAP|, share and rank."""
    rows = [
        (
            f"{found.rank[i]} ({found.rank_low[i]:.0f} to {found.rank_high[i]:.0f})",
            found.features[i],
            f"{found.value[i]:.4f} [{found.low[i]:.4f}, {found.high[i]:.4f}]",
            _share(found.share[i], found.share_low[i], found.share_high[i]),
        )
        for i in found.order
    ]
    header = ("rank", "feature", "mean |SHAP|, log-odds", "share")
    return Table(title="Importance", header=header, rows=tuple(rows), note=f"{method}, {found.n:,} test rows")


def quality_table(found: Measured) -> Table:
    """Tell what speaks for and against the explanations."""
    told = [(f"local accuracy, {method}", _exact(e)) for method, e in found.accuracies.items()]
    if found.agreement is not None:
        told.append(("path-dependent and interventional: rank correlation", str(found.agreement.importance)))
        told.append(("path-dependent and interventional: cosine of a row", str(found.agreement.rows)))
    told += [
        ("other background: cosine of a row", str(found.stability.rows)),
        ("other background: rank correlation of a row", str(found.stability.ranks)),
        ("other background: rank correlation of importance", str(found.stability.importance)),
        ("deletion against random order", str(found.faithfulness.deletion_gain)),
        ("insertion against random order", str(found.faithfulness.insertion_gain)),
    ]
    return Table(title="Quality of the explanations", header=("what", "found"), rows=tuple(told))


def dependence_table(name: str, bins: Iterable[Bin]) -> Table:
    """Tell a feature's mean contribution by tenths of its values."""
    rows = tuple((b.label, str(b.contribution)) for b in bins)
    return Table(title=f"Dependence on {name}", header=("values", "mean contribution, log-odds"), rows=rows)


def cohort_table(found: Iterable[Cohort], features: tuple[str, ...]) -> Table:
    """Tell of each cohort the gap of its score and the features that make most of it."""
    rows = []
    for cohort in found:
        parts = [
            f"{features[i]} {cohort.differences[i]:+.3f} ± {cohort.reach[i]:.3f}" for i in cohort.order[:DIFFERING]
        ]
        rows.append((cohort.name, str(cohort.gap), "; ".join(parts) or cohort.reason))
    return Table(
        title="Cohorts",
        header=("group", "mean log-odds, over all other rows", "by feature, the largest"),
        rows=tuple(rows),
        note="The gaps of all features add up to the gap of the score.",
    )


def shift_table(found: Shift) -> Table:
    """Tell of each feature how far its explanations moved, and why that may be."""
    order = sorted(range(len(found.features)), key=lambda i: -found.moved_by_feature[i])
    rows = [
        (
            found.features[i],
            _percent(found.old_share[i]),
            _percent(found.new_share[i]),
            _points(found.share_change[i], found.share_low[i], found.share_high[i]),
            f"{found.moved_by_feature[i]:.4f}",
            found.reasons.get(found.features[i], "unexplained"),
        )
        for i in order
    ]
    return Table(
        title="From the champion to this model",
        header=("feature", "share before", "share now", "change, points", "part of the shift", "reason"),
        rows=tuple(rows),
        note="Interventional SHAP on the same rows against the same background.",
    )


def moved_table(found: Shift, names: tuple[str, ...]) -> Table:
    """Tell which rows moved most."""
    rows = []
    for row in found.farthest(MOVED):
        change = found.change[row]
        order = sorted(range(len(change)), key=lambda i: -abs(change[i]))[:DIFFERING]
        parts = "; ".join(f"{found.features[i]} {change[i]:+.3f}" for i in order)
        rows.append((names[row], f"{found.rows[row]:.3f}", f"{change.sum():+.3f}", parts))
    header = ("row", "sum of |changes|", "net change of contributions", "by feature, the largest")
    return Table(title="Rows that moved most", header=header, rows=tuple(rows))


def _exact(found: Estimate) -> str:
    return "no data" if found.value is None else f"{found.value:.1e} (n={found.n})"


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"


def _points(value: float, low: float, high: float) -> str:
    return "-" if np.isnan(value) else f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _share(value: float, low: float, high: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%} [{low:.1%}, {high:.1%}]"
