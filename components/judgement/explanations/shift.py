"""What became of explanations from one model to the next, on the same rows and against the same background.

Since rows and background are held fixed, other data cannot be what moved them: the model did. That is as it should be
where the features themselves look otherwise in what the two models learned from, or where a feature is new or gone.
Movement in the other features is unexplained.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Estimate, FloatArray
from components.judgement.explanations import resampling
from components.judgement.explanations.agreement import rank_correlations
from components.judgement.explanations.changed import changes
from components.judgement.explanations.contributions import Contributions
from components.judgement.explanations.importance import shares
from components.judgement.explanations.interventional import Interventional
from components.training.bundle import Bundle

TINY = 0.02
"""A contribution of less than this share of its row's absolute sum has no sign worth speaking of."""


@dataclass(frozen=True)
class Shift:
    """How far the explanations of n rows moved from an old model to a new one.

    Args:
        features: those of the new model, then those that only the old one has; k of them.
        rank_correlation: Spearman's, of the features' mean |SHAP| under both models.
        sign_flips: share of the contributions, tiny ones left out, that changed their sign.
        moved: mean |change| of the contributions over the mean of their sizes under both models: 0 for the same
            explanations, 1 where every contribution turned round or moved to another feature.
        unexplained: the part of it in features for which there is no reason.
        largest_share: largest change of a feature's share of the importance, without its sign.
        old_share: of the importance, shape (k,).
        new_share: shape (k,).
        share_change: new minus old, with the ends of its interval, shape (k,) each.
        share_low: see above.
        share_high: see above.
        moved_by_feature: each one's part of ``moved``, shape (k,).
        reasons: feature → why it may have moved.
        rows: how far each row moved, shape (n,), in log-odds summed over features.
        change: the new contributions minus the old, shape (n, k).
    """

    features: tuple[str, ...]
    rank_correlation: Estimate
    sign_flips: Estimate
    moved: Estimate
    unexplained: Estimate
    largest_share: Estimate
    old_share: FloatArray
    new_share: FloatArray
    share_change: FloatArray
    share_low: FloatArray
    share_high: FloatArray
    moved_by_feature: FloatArray
    reasons: Mapping[str, str]
    rows: FloatArray
    change: FloatArray

    def farthest(self, k: int) -> list[int]:
        """Return the places of the k rows that moved most."""
        return [int(i) for i in np.argsort(-self.rows, kind="stable")[:k]]


def compare(
    new: Bundle, old: Bundle, rows: Columns, background: Columns, weights: FloatArray, rounds: int, seed: int
) -> Shift:
    """Explain the same rows with two models, both interventionally against the same background, and compare.

    Args:
        new: an opened bundle.
        old: another one.
        rows: n rows that carry what both need.
        background: rows to explain against, the same for both.
        weights: how many rows each of the n stands for, shape (n,).
        rounds: of the bootstrap over rows.
        seed: of its draws.

    Raises:
        NotExplained: no contributions are known for the kind of one of them.
        ContractViolation: the rows lack a column that one of them reads.
    """
    found = changes(new, old)
    reasons = {name: _reason(c.distance, c.missing) for name, c in found.items() if c.changed}
    sides = [Interventional(bundle).explain(rows, background) for bundle in (new, old)]
    return shift(sides[0], sides[1], reasons, weights, rounds, seed)


def shift(
    new: Contributions, old: Contributions, reasons: Mapping[str, str], weights: FloatArray, rounds: int, seed: int
) -> Shift:
    """Compare two explanations of the same n rows; a feature that one model lacks contributes nothing there.

    Args:
        new: by the new model.
        old: by the old one.
        reasons: feature of both → why it may have moved; features that are new or gone get theirs here.
        weights: how many rows each stands for, shape (n,).
        rounds: of the bootstrap.
        seed: of its draws.
    """
    features = (*new.features, *(f for f in old.features if f not in new.features))
    why = {f: reasons[f] for f in features if f in reasons}
    why |= dict.fromkeys((f for f in features if f not in old.features), "new")
    why |= dict.fromkeys((f for f in features if f not in new.features), "gone")
    ours, theirs = (_aligned(side, features) for side in (new, old))
    change = ours - theirs
    flipped, counted = _signs(ours, theirs)
    tested = np.column_stack([np.abs(ours), np.abs(theirs), np.abs(change), flipped, counted])
    bare = np.array([f not in why for f in features])
    value = _measures(resampling.mean(tested, weights)[None, :], bare)
    drawn = _measures(resampling.means(tested, weights, rounds, seed), bare)
    n = len(new)
    few = n < resampling.MINIMUM_ROWS
    estimates = {
        name: Estimate(value=None, n=n) if few else resampling.estimate(float(value[name][0]), drawn[name], n)
        for name in ("rank_correlation", "sign_flips", "moved", "unexplained", "largest_share")
    }
    low, high = resampling.ends(drawn["share_change"])
    return Shift(
        features=features,
        **estimates,
        old_share=value["old_share"][0],
        new_share=value["new_share"][0],
        share_change=value["share_change"][0],
        share_low=low,
        share_high=high,
        moved_by_feature=value["moved_by_feature"][0],
        reasons=why,
        rows=np.abs(change).sum(axis=1),
        change=change,
    )


def _measures(means: FloatArray, bare: npt.NDArray[np.bool_]) -> dict[str, FloatArray]:
    """Turn means over rows, one line for each round, into the measures."""
    k = len(bare)
    ours, theirs, moved = means[:, :k], means[:, k : 2 * k], means[:, 2 * k : 3 * k]
    flipped, counted = means[:, -2], means[:, -1]
    total = (ours + theirs).sum(axis=1)
    by_feature = np.divide(moved, total[:, None], out=np.full_like(moved, np.nan), where=total[:, None] > 0)
    new_share, old_share = shares(ours), shares(theirs)
    return {
        "rank_correlation": rank_correlations(ours, theirs),
        "sign_flips": np.divide(flipped, counted, out=np.full_like(flipped, np.nan), where=counted > 0),
        "moved": by_feature.sum(axis=1),
        "unexplained": np.where(bare, by_feature, 0.0).sum(axis=1),
        "largest_share": np.abs(new_share - old_share).max(axis=1),
        "moved_by_feature": by_feature,
        "new_share": new_share,
        "old_share": old_share,
        "share_change": new_share - old_share,
    }


def _signs(ours: FloatArray, theirs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Count in each row the contributions that are more than tiny under both models, and those that turned round."""
    large = np.ones(ours.shape, dtype=bool)
    for side in (ours, theirs):
        sizes = np.abs(side)
        large &= (sizes >= TINY * sizes.sum(axis=1, keepdims=True)) & (sizes > 0)
    turned = large & (np.sign(ours) != np.sign(theirs))
    return turned.sum(axis=1).astype(np.float64), large.sum(axis=1).astype(np.float64)


def _aligned(explained: Contributions, features: tuple[str, ...]) -> FloatArray:
    own = {name: i for i, name in enumerate(explained.features)}
    nothing = np.zeros(len(explained))
    return np.column_stack([explained.contributions[:, own[f]] if f in own else nothing for f in features])


def _reason(distance: float | None, missing: float) -> str:
    values = "no value on one side" if distance is None else f"values moved by a KS distance of {distance:.2f}"
    return f"{values}, share missing by {missing:+.0%}"
