"""Ways that change what the model learns from: rows weighed anew, or features left out."""

from dataclasses import replace

import numpy as np
from scipy.stats import kruskal

from components.core.contracts import FloatArray
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.problem import Problem
from components.training import reweighing

PROXY_SHARE = 0.4
"""With strength 1, so many of the features are left out."""


def reweighed(problem: Problem, strength: float) -> Decider:
    """Train on rows weighed so that outcomes hang together with no group (Kamiran and Calders 2012; aif360).

    It evens out what the labels say, and through them what the model learns; it does not look at the criterion.

    Args:
        problem: rows, labels, weights and groups.
        strength: exponent on the weights, see ``reweighing.weights``.
    """
    names = np.array(problem.groups.names)[problem.groups.codes]
    found = reweighing.weights(names, problem.data.y, problem.data.weights, strength)
    return problem.decider(problem.fit(problem.weighted(found)))


def without_proxies(problem: Problem, strength: float) -> Decider:
    """Train without the features that tell the groups apart best, each looked at alone.

    Args:
        problem: rows, labels, weights and groups.
        strength: share of ``PROXY_SHARE`` of the features to leave out.
    """
    told_apart = separation(problem)
    dropped = min(int(np.ceil(strength * PROXY_SHARE * len(told_apart))), len(told_apart) - 1)
    # Stable: of features that tell apart equally well the first ones go.
    order = np.argsort(-told_apart, kind="stable")
    kept = np.sort(order[dropped:])
    data = replace(
        problem.data,
        x=problem.data.x[:, kept],
        later_x=problem.data.later_x[:, kept],
        directions=tuple(problem.data.directions[i] for i in kept),
    )
    names = [problem.data.transform.names[i] for i in order[:dropped]]
    return replace(problem.decider(problem.fit(data), kept), detail=f"without {', '.join(names)}")


def separation(problem: Problem) -> FloatArray:
    """Say how well each feature tells the compared groups apart, shape (features,).

    The effect size of the Kruskal-Wallis test on the training rows, H / (n - 1), 0 to 1, which takes any number of
    groups and no shape of the distribution (Tomczak and Tomczak, "The need to report effect size estimates revisited",
    Trends in Sport Sciences 1 (21), 2014, calls it epsilon squared). Missing values are left out; a feature of one
    value tells nothing apart.
    """
    inside = np.isin(problem.groups.codes, problem.compared)
    x, codes = problem.data.x[inside], problem.groups.codes[inside]
    found = np.zeros(x.shape[1])
    for i, column in enumerate(x.T):
        there = ~np.isnan(column)
        parts = [column[there & (codes == g)] for g in problem.compared]
        if np.unique(column[there]).size > 1 and all(map(len, parts)):
            found[i] = kruskal(*parts).statistic / (there.sum() - 1)
    return found
