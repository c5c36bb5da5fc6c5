"""What each way comes to on rows that none was made from: accuracy, cost and gap, all on the same draws of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import Training
from components.judgement.compare import draws
from components.judgement.fairness.gaps import widest_difference
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows, selection_rate, true_favourable_rate
from components.judgement.mitigation.parity import Codes, Criterion, counted
from components.training.metrics import weighted_metrics

STATISTICS = ("auc", "cost", "balanced_accuracy", "selection_rate", "gap")
_APART = len(STATISTICS)


@dataclass(frozen=True)
class Decided:
    """n rows as one way decides them: the score that ranks them, and 1 where flagged; both of shape (n,)."""

    score: FloatArray
    flagged: FloatArray


@dataclass(frozen=True)
class Yardstick:
    """n rows to measure on: labels, weights and groups, and which groups are compared by what."""

    labels: FloatArray
    weights: FloatArray
    groups: Grouping
    compared: Codes
    criterion: Criterion
    apart: tuple[int, int]
    """Places of the two groups that the baseline treats most differently, found on other rows than these."""


@dataclass(frozen=True)
class Measured:
    """One way's figures on the test rows, with 95 % intervals."""

    figures: dict[str, Estimate]
    """By the names of ``STATISTICS``."""
    change: dict[str, Estimate]
    """The same less the baseline's on the same draws, so that what is hard about the rows cancels out."""
    beyond_half: Estimate
    """Between the two groups ``apart``: the gap, sign aside, less half the baseline's on the same draws; below 0 it is
    more than halved. The two are fixed beforehand: the widest of several gaps is pushed up by noise, most where the
    groups are nearly even, and would hide that."""
    rates: FloatArray
    """Share with the favourable decision of each group, shape (k,), among the rows that the criterion looks at."""


def measure(decided: Sequence[Decided], test: Yardstick, training: Training) -> list[Measured]:
    """Measure several ways on the same rows, the first of them the baseline.

    Rows are drawn with replacement, and every way is measured on each draw (paired percentile bootstrap; Efron and
    Tibshirani, "An introduction to the bootstrap", 1993, chapter 13). The gap is the widest of several, which noise can
    only widen: its own interval is that of the fairness check, in closed form and for all pairs at once
    (``fairness.gaps.widest_difference``); differences of gaps have the percentile interval, which errs against the way
    with the smaller gap.

    Args:
        decided: of each way, the baseline first.
        test: n rows.
        training: costs, rounds and seed.
    """
    size = len(test.labels)
    whole = _statistics(decided, test, training, np.ones((1, size)))[0]
    parts = draws(size, training.bootstrap_rounds, [training.seed, size])
    rounds = np.concatenate([_statistics(decided, test, training, part) for part in parts])
    inside, two = (_rows_of(test, g) for g in (test.compared, test.apart))
    found = []
    for i, way in enumerate(decided):
        figures, change = {}, {}
        for s, name in enumerate(STATISTICS):
            n = inside if name == "gap" else len(test.labels)
            figures[name] = _interval(whole[i, s], rounds[:, i, s], n)
            change[name] = _interval(whole[i, s] - whole[0, s], rounds[:, i, s] - rounds[:, 0, s], n)
        figures["gap"] = _gap(way, test, inside)
        half = _interval(whole[i, _APART] - whole[0, _APART] / 2, rounds[:, i, _APART] - rounds[:, 0, _APART] / 2, two)
        found.append(Measured(figures, change, half, _rates(way, test, test.weights[None, :])[0]))
    return found


def _rows_of(test: Yardstick, groups: "Codes | tuple[int, ...]") -> int:
    return int((counted(test.labels, test.criterion) & np.isin(test.groups.codes, groups)).sum())


def _gap(way: Decided, test: Yardstick, n: int) -> Estimate:
    rows = Rows(test.labels, way.flagged, way.flagged, test.weights)  # a rate needs no probability
    rate = true_favourable_rate if test.criterion == "equal_opportunity" else selection_rate
    found = widest_difference([rate(rows, test.groups).of(test.compared)])
    return Estimate(value=found.value, low=found.low, high=found.high, n=n)


def _statistics(decided: Sequence[Decided], test: Yardstick, training: Training, part: FloatArray) -> FloatArray:
    """Compute the statistics of every way on every draw: shape (draws, ways, statistics and the gap ``apart``)."""
    w = part * test.weights
    bad = test.labels
    outcomes = w @ np.column_stack([bad, 1 - bad])
    total = outcomes.sum(axis=1)
    found = np.empty((len(part), len(decided), _APART + 1))
    for i, way in enumerate(decided):
        hit = w @ np.column_stack([bad * way.flagged, (1 - bad) * way.flagged])
        missed, refused = outcomes[:, 0] - hit[:, 0], hit[:, 1]
        rates = _rates(way, test, w)
        apart = np.abs(rates[:, test.apart[0]] - rates[:, test.apart[1]])
        widest = np.ptp(rates[:, test.compared], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            balanced = (hit[:, 0] / outcomes[:, 0] + 1 - refused / outcomes[:, 1]) / 2
        auc = weighted_metrics(way.score, bad, w, 0.5, 1.0, 1.0)["auc"]
        cost = (missed * training.cost_false_negative + refused * training.cost_false_positive) / total
        found[:, i] = np.column_stack([auc, cost, balanced, 1 - hit.sum(axis=1) / total, widest, apart])
    return found


def _rates(way: Decided, test: Yardstick, weights: FloatArray) -> FloatArray:
    """Share with the favourable decision of each group under each weighting: shape (weightings, k)."""
    members = test.groups.codes[:, None] == np.arange(len(test.groups))
    members = members & counted(test.labels, test.criterion)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: FloatArray = (weights @ (members * (1 - way.flagged)[:, None])) / (weights @ members.astype(np.float64))
    return rates


def _interval(value: float, rounds: FloatArray, n: int) -> Estimate:
    known = rounds[~np.isnan(rounds)]
    if np.isnan(value) or not len(known):
        return Estimate(value=None, n=n)
    low, high = (float(q) for q in np.quantile(known, [0.025, 0.975]))
    return Estimate(value=float(value), low=low, high=high, n=n)
