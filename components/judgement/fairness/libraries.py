"""The same figures by aif360 and by fairlearn: where they have one, ours has to be equal to theirs.

They give values without intervals. What a report tells is ours, so that a value and its interval are of one kind; they
see to it that it means what the field means by it.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.judgement.fairness.comparison import ODDS, Comparison
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows
from components.training.reweighing import quietly

TOLERANCE = 1e-9

RATES = ("true_favourable_rate", "false_favourable_rate")
"""Both make equalised odds."""

Values = dict[tuple[str, str], float]
"""(figure, of) → value."""


def agreement(compared: Sequence[Comparison], rows: Rows) -> dict[str, int]:
    """Hold figures to those of both libraries; return how many each of them has.

    Raises:
        FairleadError: a figure differs, which no data should bring about; names it and both values.
    """
    counts = {}
    for library, compute in (("aif360", by_aif360), ("fairlearn", by_fairlearn)):
        counts[library] = 0
        for comparison in compared:
            told, theirs = comparison.values(), compute(comparison, rows)
            for key, value in theirs.items():
                if not abs(value - told[key]) <= TOLERANCE:
                    raise FairleadError(
                        f"{key[0]} of {key[1]} is {told[key]!r} here and {value!r} by {library}; allowed: "
                        f"{TOLERANCE:g} apart. One of the two is wrong: report it with the versions of both"
                    )
            counts[library] += len(theirs)
    return counts


def by_fairlearn(comparison: Comparison, rows: Rows) -> Values:
    """Compute what fairlearn has of the figures of one grouping: rates of groups, and their widest gaps."""
    from fairlearn.metrics import (
        MetricFrame,
        equalized_odds_difference,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import precision_score

    told, groups = comparison.values(), comparison.groups
    found: Values = {}
    for level, function, gap, ratio in (
        ("selection_rate", selection_rate, "demographic_parity_difference", "demographic_parity_ratio"),
        ("true_favourable_rate", true_positive_rate, "equal_opportunity_difference", ""),
        ("false_favourable_rate", false_positive_rate, "false_favourable_difference", ""),
        ("predictive_value", precision_score, "predictive_parity_difference", ""),
    ):
        kept = _kept(rows, groups, [name for name in groups.names if (level, name) in told])
        if kept is None:
            continue
        good, favourable, weights, names = kept
        frame = MetricFrame(
            metrics=function,
            y_true=good,
            y_pred=favourable,
            sensitive_features=names,
            sample_params={"sample_weight": weights},
        )
        found |= {(level, str(name)): float(value) for name, value in frame.by_group.items()}
        found |= {(gap, groups.name): float(frame.difference())}
        if ratio:
            found |= {(ratio, groups.name): float(frame.ratio())}
    kept = _kept(rows, groups, [n for n in groups.names if all((r, n) in told for r in RATES)])
    if kept is not None:
        good, favourable, weights, names = kept
        value = equalized_odds_difference(good, favourable, sensitive_features=names, sample_weight=weights)
        found[ODDS, groups.name] = float(value)
    return {key: value for key, value in found.items() if key in told}


def by_aif360(comparison: Comparison, rows: Rows) -> Values:
    """Compute what aif360 has of the figures of one grouping: each group against the one they are held against."""
    if comparison.against is None:
        return {}
    told = comparison.values()
    found: Values = {}
    against = comparison.groups.names.index(comparison.against)
    for name, metric in aif360_metrics(rows, comparison.groups, against):
        theirs = {
            "selection_rate": partial(metric.selection_rate, privileged=False),
            "demographic_parity_difference": metric.statistical_parity_difference,
            "demographic_parity_ratio": metric.disparate_impact,
            "equal_opportunity_difference": metric.equal_opportunity_difference,
            "false_favourable_difference": metric.false_positive_rate_difference,
            "equalised_odds_difference": metric.equalized_odds_difference,
            "average_odds_difference": metric.average_odds_difference,
            "predictive_value": partial(metric.precision, privileged=False),
        }
        # It works out all rates whichever is asked for, and divides by 0 where a group has one outcome only.
        with np.errstate(divide="ignore", invalid="ignore"):
            found |= {(figure, name): float(compute()) for figure, compute in theirs.items() if (figure, name) in told}
    return found


def aif360_metrics(rows: Rows, groups: Grouping, against: int) -> Iterator[tuple[str, Any]]:
    """Make aif360's ClassificationMetric of each group, as the unprivileged one, held against one other.

    Args:
        rows: n rows.
        groups: of the same rows.
        against: place of the privileged group.
    """
    with quietly():
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import ClassificationMetric
    import pandas as pd

    def dataset(favourable: FloatArray) -> Any:
        table = {"group": groups.codes.astype(np.float64), "favourable": favourable, "weight": rows.weights}
        return BinaryLabelDataset(
            favorable_label=1.0,
            unfavorable_label=0.0,
            df=pd.DataFrame(table),
            label_names=["favourable"],
            protected_attribute_names=["group"],
            instance_weights_name="weight",
        )

    outcomes, decisions, there = dataset(1 - rows.labels), dataset(1 - rows.decision), groups.rows()
    for i, name in enumerate(groups.names):
        if i != against and there[i]:
            privileged, unprivileged = [{"group": against}], [{"group": i}]
            yield name, ClassificationMetric(outcomes, decisions, unprivileged, privileged)


def _kept(rows: Rows, groups: Grouping, names: list[str]) -> tuple[Any, ...] | None:
    """Good outcomes, good decisions, weights and groups of the rows of some groups; None of fewer than two."""
    if len(names) < 2:
        return None
    kept = np.isin(groups.codes, [groups.names.index(name) for name in names])
    of = np.array(groups.names)[groups.codes[kept]]
    return 1 - rows.labels[kept], 1 - rows.decision[kept], rows.weights[kept], of
