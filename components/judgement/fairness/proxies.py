"""How well features tell who somebody is: a model that does not read an attribute may read what stands in for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from components.core.contracts import Estimate, FloatArray
from components.judgement.check_report import Figure
from components.judgement.fairness.auc import auc
from components.judgement.fairness.comparison import Comparison
from components.judgement.fairness.groups import Grouping
from components.training.shares import LEVEL, z_of

MOST_ROWS = 10_000
"""Rows to learn from; more tell the groups hardly better apart."""

SHUFFLED_ROWS = 2_000
"""Rows on which features are shuffled one by one."""

TREES = 50


@dataclass(frozen=True)
class Carrier:
    """A feature by which the groups are told apart.

    Args:
        feature: its name.
        alone: AUC of the feature by itself, the best over the groups; from 0.5.
        lost: what the mean AUC over the groups loses where the feature is shuffled.
    """

    feature: str
    alone: float
    lost: float


@dataclass(frozen=True)
class Proxy:
    """How well the features tell one attribute.

    Args:
        auc: group → how well it is told from all others (one against the rest), on rows that were not learned from.
        best: of the group that is told best; the interval holds for all groups at once (Bonferroni).
        carriers: the features, those first without which most is lost.
    """

    auc: dict[str, Estimate]
    best: Estimate
    carriers: tuple[Carrier, ...]


def find_proxy(
    learn: tuple[FloatArray, Grouping],
    test: tuple[FloatArray, Grouping],
    features: tuple[str, ...],
    minimum: int,
    seed: int,
) -> Proxy:
    """Learn an attribute from the features on some rows, and tell it on others.

    Gradient boosted trees (XGBoost) learn all groups at once. Groups with fewer rows than the
    minimum on either side are left out of learning and have no data.

    Args:
        learn: features, shape (n, f), NaN where missing, and groups of the rows to learn from; of more than
            ``MOST_ROWS`` so many are drawn.
        test: the same of rows that are told; names of the groups as in ``learn``, or some of them.
        features: names, f of them.
        minimum: rows that a group needs, to learn from and to be told.
        seed: of the draw and of the trees.
    """
    (x, groups), (x_test, told) = learn, test
    known, there = dict(zip(groups.names, groups.rows(), strict=True)), dict(zip(told.names, told.rows(), strict=True))
    enough = [name for name in told.names if min(known.get(name, 0), there[name]) >= minimum]
    nothing = {name: Estimate(value=None, n=int(there[name])) for name in told.names}
    if len(enough) < 2:
        return Proxy(nothing, Estimate(value=None, n=len(told.codes)), ())
    rng = np.random.default_rng([seed, 1])
    x, y = _of(x, groups, enough)
    x_test, y_test = _of(x_test, told, enough)
    if len(y) > MOST_ROWS:
        drawn = _drawn(y, MOST_ROWS, rng)
        x, y = x[drawn], y[drawn]
    scores = _Scores(x, y, seed)
    whole = scores(x_test)
    found = {name: auc(whole[:, i], y_test == i) for i, name in enumerate(enough)}
    return Proxy(nothing | found, _best(whole, y_test), _carriers(scores, x_test, y_test, features, rng))


def figures(proxies: Mapping[str, Proxy], compared: Sequence[Comparison], probability: FloatArray) -> list[Figure]:
    """Make figures of what features tell, and of how the model's probability goes with each group.

    Args:
        proxies: by attribute.
        compared: the same attributes, or more; groups without a selection rate have no correlation either.
        probability: of the model under judgement, on the rows that are told.
    """
    found = []
    for c in (c for c in compared if c.groups.name in proxies):
        proxy, rates = proxies[c.groups.name], {f.of: f for f in c.figures if f.name == "selection_rate"}
        found += [_told(of, e) for of, e in ((c.groups.name, proxy.best), *proxy.auc.items())]
        for place, of in enumerate(c.groups.names):
            if rates[of].estimate.value is None:
                found.append(rates[of].model_copy(update={"name": "score_correlation"}))
                continue
            e = correlation(probability, c.groups.codes == place)
            reason = (
                "" if e.value is not None else "not enough data: all probabilities are equal, or all rows one group"
            )
            found.append(Figure(name="score_correlation", of=of, estimate=e, reason=reason))
    return found


def _told(of: str, found: Estimate) -> Figure:
    reason = (
        "" if found.value is not None else "not enough data: too few rows of it or of others, in training or in test"
    )
    return Figure(name="proxy_auc", of=of, estimate=found, reason=reason)


def _best(scores: FloatArray, y: npt.NDArray[np.intp]) -> Estimate:
    k = scores.shape[1]
    # Of two groups one is told exactly as well as the other.
    level = LEVEL if k == 2 else 1 - (1 - LEVEL) / k
    found = [auc(scores[:, i], y == i, level) for i in range(k)]
    best = max(found, key=lambda e: e.value or 0.0)
    return best.model_copy(update={end: max(getattr(e, end) for e in found) for end in ("low", "high")})


def _carriers(
    scores: "_Scores", x: FloatArray, y: npt.NDArray[np.intp], features: tuple[str, ...], rng: np.random.Generator
) -> tuple[Carrier, ...]:
    if len(y) > SHUFFLED_ROWS:
        drawn = _drawn(y, SHUFFLED_ROWS, rng)
        x, y = x[drawn], y[drawn]
    base = _mean_auc(scores(x), y)
    found = [
        Carrier(feature, _alone(x[:, j], y), base - _shuffled(scores, x, y, j, rng))
        for j, feature in enumerate(features)
    ]
    return tuple(sorted(found, key=lambda c: (-c.lost, -c.alone, c.feature)))


def correlation(score: FloatArray, member: npt.NDArray[np.bool_]) -> Estimate:
    """Estimate the correlation of a score with being in a group (point-biserial), with Fisher's interval (1921).

    Without a value where everybody is in the group or nobody, where all scores are equal, and below 4 rows.
    """
    n = len(score)
    if n < 4 or member.all() or not member.any() or np.ptp(score) == 0:
        return Estimate(value=None, n=n)
    # Summed here: a library for matrices may sum in another order on another machine.
    a, b = score - score.mean(), member - member.mean()
    r = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    r = float(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    z, half = np.arctanh(r), z_of() / np.sqrt(n - 3)
    return Estimate(value=r, low=float(np.tanh(z - half)), high=float(np.tanh(z + half)), n=n)


class _Scores:
    """A classifier that has learned; gives the probability of each group, shape (n, groups)."""

    def __init__(self, x: FloatArray, y: npt.NDArray[np.intp], seed: int) -> None:
        from xgboost import XGBClassifier

        self._model = XGBClassifier(n_estimators=TREES, max_depth=4, learning_rate=0.2, random_state=seed, n_jobs=1)
        self._model.fit(x, y)

    def __call__(self, x: FloatArray) -> FloatArray:
        found: FloatArray = self._model.predict_proba(x).astype(np.float64)
        return found


def _of(x: FloatArray, groups: Grouping, names: list[str]) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Keep the rows of some groups; which of them each is in."""
    place = np.array([names.index(name) if name in names else -1 for name in groups.names], dtype=np.intp)
    codes = place[groups.codes]
    return x[codes >= 0], codes[codes >= 0]


def _drawn(y: npt.NDArray[np.intp], n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw n rows, two of each group among them at least: of one alone nothing can be told."""
    kept = [rng.permutation(np.flatnonzero(y == group))[:2] for group in np.unique(y)]
    first = np.concatenate(kept)
    others = rng.permutation(np.setdiff1d(np.arange(len(y)), first))
    return np.sort(np.concatenate([first, others[: n - len(first)]]))


def _mean_auc(scores: FloatArray, y: npt.NDArray[np.intp]) -> float:
    return float(np.mean([_auc(scores[:, i], y == i) for i in range(scores.shape[1])]))


def _auc(score: FloatArray, member: npt.NDArray[np.bool_]) -> float:
    m, n = int(member.sum()), int((~member).sum())
    return float((rankdata(score)[member].sum() - m * (m + 1) / 2) / (m * n))


def _alone(values: FloatArray, y: npt.NDArray[np.intp]) -> float:
    """Tell the groups by one feature, either way round; rows in which it is missing stand together at one end."""
    filled = np.where(np.isnan(values), -np.inf, values)
    found = [_auc(filled, y == i) for i in range(int(y.max()) + 1)]
    return max(max(value, 1 - value) for value in found)


def _shuffled(scores: _Scores, x: FloatArray, y: npt.NDArray[np.intp], feature: int, rng: np.random.Generator) -> float:
    shuffled = x.copy()
    shuffled[:, feature] = rng.permutation(shuffled[:, feature])
    return _mean_auc(scores(shuffled), y)
