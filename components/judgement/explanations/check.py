"""The check ``explanations``: what moves the scores, and whether that can be believed."""

import numpy as np

from components.core.contracts import Estimate
from components.judgement.check_report import Chart, CheckReport
from components.judgement.explanations.drawings import (
    dependence_chart,
    faithfulness_chart,
    importance_chart,
    shift_chart,
)
from components.judgement.explanations.figures import MEANINGS, figures
from components.judgement.explanations.measured import Measured, measure
from components.judgement.explanations.tables import tables
from components.judgement.explanations.waterfall import draw
from components.judgement.subject import Subject

TOP = 15
"""Features in the charts."""


def check(subject: Subject) -> CheckReport:
    """Explain a model and measure how good the explanations are; equal subjects give equal reports.

    Raises:
        NotExplained: no contributions are known for this model's kind.
        IntegrityError: on the bundle's background rows they do not add up to the model's scores.
    """
    found = measure(subject)
    return CheckReport(
        check="explanations",
        summary=summary(found),
        figures=figures(found),
        meanings=MEANINGS,
        tables=tables(found),
        charts=charts(found),
        data=data(found),
    )


def summary(found: Measured) -> tuple[str, ...]:
    """Say in a few sentences what was found."""
    weight, steady, faithful = found.importance, found.stability, found.faithfulness
    told = [f"{weight.features[i]} ({weight.share[i]:.0%})" for i in weight.order[:3] if weight.share[i] > 0]
    first = f"On {weight.n:,} test rows the scores are moved most by {', '.join(told)}, by {found.explained.method}."
    if not told:
        first = f"On {weight.n:,} test rows no feature moves the scores."
    sentences = [
        first,
        f"Contributions add up to the served probability within {_worst(found):.1e}; with other background rows an "
        f"explanation keeps a cosine of {_short(steady.rows)}, and features are ranked alike to "
        f"{_short(steady.importance)}.",
        f"Taking features out in their order changes the score faster than chance by {_short(faithful.deletion_gain)} "
        f"of the way, putting them in by {_short(faithful.insertion_gain)}.",
    ]
    if found.shift is None:
        sentences.append(f"Explanations were compared with no earlier model: {found.no_shift}.")
    else:
        moved = found.shift
        sentences.append(
            f"From the champion to this model {_short(moved.moved)} of the contributions moved, "
            f"{_short(moved.unexplained)} without a reason in the data; {_short(moved.sign_flips)} changed their sign."
        )
    return tuple(sentences)


def charts(found: Measured) -> tuple[Chart, ...]:
    """Draw all charts."""
    n = f"{found.importance.n:,} test rows"
    result = [
        Chart(title="Importance", svg=importance_chart(found.importance, TOP), note=f"{found.explained.method}, {n}"),
        Chart(
            title="Dependence",
            svg=dependence_chart(found.dependence),
            note="Mean contribution by tenths of the value with 95 % intervals; orange where it is missing.",
        ),
        Chart(
            title="Deletion and insertion",
            svg=faithfulness_chart(found.faithfulness),
            note="How far the score has gone from a row's own to the background's, or back.",
        ),
    ]
    result += [
        Chart(title=f"A row of {w.name}: probability {w.probability:.3f}", svg=draw(w), note=w.method)
        for w in found.waterfalls
    ]
    if found.shift is not None:
        result.append(Chart(title="From the champion to this model", svg=shift_chart(found.shift, TOP)))
    return tuple(result)


def data(found: Measured) -> dict[str, object]:
    """Put the importances into JSON values, for other programs; a share that is not known is null."""
    weight = found.importance
    return {
        "method": found.explained.method,
        "base_value": found.explained.base_value,
        "rows": weight.n,
        "importance": {
            weight.features[i]: {
                "mean_abs_shap": float(weight.value[i]),
                "low": float(weight.low[i]),
                "high": float(weight.high[i]),
                "share": None if np.isnan(weight.share[i]) else float(weight.share[i]),
                "rank": int(weight.rank[i]),
            }
            for i in weight.order
        },
    }


def _worst(found: Measured) -> float:
    return max((e.value for e in found.accuracies.values() if e.value is not None), default=float("nan"))


def _short(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"no data (n={found.n})"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
