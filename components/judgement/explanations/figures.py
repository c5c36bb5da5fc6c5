"""The figures of explanations that gates read, and what each of them is."""

from components.core.contracts import Estimate
from components.judgement.check_report import Figure
from components.judgement.explanations.importance import Importance
from components.judgement.explanations.measured import Measured
from components.judgement.explanations.resampling import MINIMUM_ROWS, TOO_FEW

MEANINGS = {
    "local_accuracy": "Largest difference, over the rows, between the probability served and what base value and "
    "contributions add up to; 0 is exact (local accuracy: Lundberg and Lee, NeurIPS 2017).",
    "importance": "Mean size of a feature's contributions over test rows, in log-odds (mean |SHAP|: Lundberg et al., "
    "Nature Machine Intelligence 2, 2020).",
    "method_agreement": "Spearman's rank correlation between the features' mean |SHAP| by path-dependent and by "
    "interventional tree SHAP on the same rows, -1 to 1.",
    "method_agreement_of_rows": "Mean cosine between the path-dependent and the interventional explanation of a row.",
    "stability": "Mean cosine between two interventional explanations of a row that differ in the background rows "
    "drawn alone; 1 is the same each time (after Yuan et al., 2022). The interval holds rows and draws.",
    "rank_stability": "The same by the rank correlation of a row's contributions.",
    "importance_stability": "The same by the rank correlation of the features' mean |SHAP|.",
    "deletion": "How much faster the score falls when features are replaced by background values in the order of their "
    "contributions than in random order: mean distance of the two curves as a share of the way from background to "
    "score; 0 is chance (after Petsiuk et al., BMVC 2018, and Lundberg et al., 2020).",
    "insertion": "The same for putting features into background rows: how much faster the score rises.",
    "score_gap": "Mean log-odds of a group minus that of all other rows; the contributions' gaps add up to it.",
    "explanation_rank_correlation": "Spearman's rank correlation between the features' mean |SHAP| under the champion "
    "and under this model, on the same rows and against the same background.",
    "sign_flips": "Share of the contributions that change their sign from the champion to this model; those below 2 % "
    "of their row's absolute sum under either are left out.",
    "explanation_shift": "Mean size of the change of contributions from the champion to this model, as a share of "
    "their sizes under both: 0 the same explanations, 1 nothing in common.",
    "unexplained_shift": "The part of explanation_shift in features that look alike in what both models learned from "
    "(Kolmogorov-Smirnov and Fisher tests at 1 % on the bundles' background rows) and that both have.",
    "largest_share_shift": "Largest change of a feature's share of the importance from the champion to this model.",
}

CONSTANT = "the model gives every row the same score"
ONE_METHOD = "a linear model has one method alone"


def figures(found: Measured) -> tuple[Figure, ...]:
    """List what was measured as figures."""
    result = [
        Figure(name="local_accuracy", of="all" if i == 0 else f"method={method}", estimate=estimate)
        for i, (method, estimate) in enumerate(found.accuracies.items())
    ]
    result += _agreement(found)
    steady = found.stability
    named = {"stability": steady.rows, "rank_stability": steady.ranks, "importance_stability": steady.importance}
    named |= {"deletion": found.faithfulness.deletion_gain, "insertion": found.faithfulness.insertion_gain}
    result += [_figure(name, estimate, CONSTANT) for name, estimate in named.items()]
    result += _shift(found)
    result += [_importance(found.importance, i) for i in found.importance.order]
    result += [Figure(name="score_gap", of=c.name, estimate=c.gap, reason=c.reason) for c in found.cohorts]
    return tuple(result)


def _figure(name: str, estimate: Estimate, otherwise: str) -> Figure:
    """Make a figure; one without a value has too few rows, or the reason given."""
    reason = ""
    if estimate.value is None:
        reason = f"{estimate.n} rows, {TOO_FEW}" if estimate.n < MINIMUM_ROWS else otherwise
    return Figure(name=name, estimate=estimate, reason=reason)


def _agreement(found: Measured) -> list[Figure]:
    if found.agreement is None:
        nothing = Estimate(value=None, n=len(found.interventional))
        return [Figure(name=n, estimate=nothing, reason=ONE_METHOD) for n in _AGREEMENT]
    pair = (found.agreement.importance, found.agreement.rows)
    return [_figure(name, estimate, CONSTANT) for name, estimate in zip(_AGREEMENT, pair, strict=True)]


def _shift(found: Measured) -> list[Figure]:
    if found.shift is None:
        nothing = Estimate(value=None, n=0)
        return [Figure(name=name, estimate=nothing, reason=found.no_shift) for name in _SHIFT]
    moved = found.shift
    estimates = (moved.rank_correlation, moved.sign_flips, moved.moved, moved.unexplained, moved.largest_share)
    same = "no contribution is large enough to compare"
    return [_figure(name, estimate, same) for name, estimate in zip(_SHIFT, estimates, strict=True)]


def _importance(found: Importance, place: int) -> Figure:
    of = f"feature={found.features[place]}"
    if found.n < MINIMUM_ROWS:
        nothing = Estimate(value=None, n=found.n)
        return Figure(name="importance", of=of, estimate=nothing, reason=f"{found.n} rows, {TOO_FEW}")
    ends = {"low": float(found.low[place]), "high": float(found.high[place])}
    return Figure(name="importance", of=of, estimate=Estimate(value=float(found.value[place]), n=found.n, **ends))


_AGREEMENT = ("method_agreement", "method_agreement_of_rows")
_SHIFT = (
    "explanation_rank_correlation",
    "sign_flips",
    "explanation_shift",
    "unexplained_shift",
    "largest_share_shift",
)
