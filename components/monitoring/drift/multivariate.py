"""Tests of all features together: they see what no column by itself shows."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import stats

from components.core.contracts import FloatArray
from components.monitoring.drift.effect import Effect, nothing
from components.monitoring.drift.matrix import scaled
from components.monitoring.drift.numeric import Samples, ks

FOLDS = 2
VARIANCE = 0.8
"""Share of the reference's variance that the principal components kept explain, at least."""


def domain_classifier(reference: FloatArray, current: FloatArray, seed: int = 7) -> Effect:
    """How well a classifier tells the newest rows from the reference's: the cross-validated area under the curve.

    0.5 is not at all, 1 is always. Small boosted trees learn on one half of the rows and score the other, and the other
    way round; the size is the mean of both. The rows that are scored are new to the trees, so their ranks are held to
    Mann and Whitney's law (1947). The p-value is twice the smaller of the two, which is right however the halves hang
    together (Bonferroni); ranks over more folds, taken as one sample, call twice as many alike samples different as
    they should. Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (2017).

    Args:
        reference: shape (n, d), NaN for missing.
        current: shape (m, d).
        seed: of the folds and the trees.

    >>> rng = np.random.default_rng(1)
    >>> found = domain_classifier(rng.normal(size=(400, 3)), rng.normal(1, 1, size=(400, 3)))
    >>> round(found.size, 1), found.p_value < 1e-9
    (0.9, True)
    """
    # Both are needed by nobody who compares columns alone.
    from sklearn.model_selection import StratifiedKFold
    from xgboost import XGBClassifier

    if not reference.shape[1]:
        return nothing("there is no column to tell the rows apart by")
    if min(len(reference), len(current)) < 2 * FOLDS:
        return nothing(f"each side needs {2 * FOLDS} rows to be halved")
    rows = np.concatenate([reference, current])
    rows[~np.isfinite(rows)] = np.nan
    side = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    sizes, chances = [], []
    for learn, score in folds.split(rows, side):
        trees = XGBClassifier(n_estimators=40, max_depth=4, learning_rate=0.2, n_jobs=1, random_state=seed)
        trees.fit(rows[learn], side[learn])
        scores, current_side = trees.predict_proba(rows[score])[:, 1], side[score] == 1
        theirs, ours = scores[~current_side], scores[current_side]
        found = stats.mannwhitneyu(ours, theirs, alternative="greater", method="asymptotic")
        sizes.append(float(found.statistic) / (len(ours) * len(theirs)))
        chances.append(float(found.pvalue))
    return Effect(sum(sizes) / FOLDS, min(1.0, FOLDS * min(chances)))


def pca_reconstruction(reference: FloatArray, current: FloatArray, seed: int = 7) -> Effect:
    """How differently the reference's principal components reconstruct the newest rows: the KS distance of the errors.

    The components are those of one half of the reference, and the errors of the current rows are held against those of
    the other half, which they fit as little as anybody. It sees that features no longer hang together as they did,
    though each by itself may be as before. p-value of the KS test. Source: Jackson and Mudholkar (1979).

    Args:
        reference: shape (n, d), NaN for missing.
        current: shape (m, d).
        seed: of the halves.

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=1000)
    >>> together, apart = np.column_stack([x, x]), rng.normal(size=(500, 2))
    >>> pca_reconstruction(together, apart).size > 0.9
    True
    """
    if reference.shape[1] < 2:
        return nothing("one column alone has nothing to hang together with")
    if len(reference) < 4:
        return nothing("the reference is too short to be halved")
    order = np.random.default_rng(seed).permutation(len(reference))
    fit = reference[order[: len(order) // 2]]
    fitted, kept_back, new = (scaled(rows, fit) for rows in (fit, reference[order[len(order) // 2 :]], current))
    centre = fitted.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(fitted - centre, rowvar=False))
    explained = np.cumsum(values[::-1]) / max(values.sum(), np.finfo(float).tiny)
    kept = min(int(np.searchsorted(explained, VARIANCE)) + 1, fitted.shape[1] - 1)
    basis = vectors[:, ::-1][:, :kept]

    def errors(rows: FloatArray) -> FloatArray:
        away = rows - centre
        left: FloatArray = np.linalg.norm(away - away @ basis @ basis.T, axis=1)
        return left

    return ks(Samples(np.sort(errors(kept_back)), errors(new)))


tests: Mapping[str, Callable[[FloatArray, FloatArray, int], Effect]] = {
    "domain_classifier": domain_classifier,
    "pca_reconstruction": pca_reconstruction,
}
"""Every test of all features that runs in this environment, by its name in a use case; ``mmd`` runs in another."""
