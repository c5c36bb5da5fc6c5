"""Membership inference: was a person's row among those that the model learned from?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Estimate, FloatArray
from components.judgement.privacy.art_library import forest_scores, rule_guesses
from components.judgement.privacy.intervals import (
    CONFIDENCE,
    Mask,
    area,
    area_difference,
    bonferroni,
    exact_rate,
    rate_difference,
    worst,
)

ATTACKS: Mapping[str, str] = {
    "rule": "a row that is decided rightly was trained on (ART, rule-based)",
    "loss": "a row with a small loss was trained on (Yeom et al. 2018)",
    "forest": "a random forest learns it from score and label (ART, black-box; Shokri et al. 2017)",
    "reference": "a row with a smaller loss than in models that have not seen it was trained on (Sablayrolles et al. "
    "2019, Watson et al. 2022; with many more models it is the attack of Carlini et al. 2022)",
}
"""The attacks by name; the last one needs reference models."""

FALSE_POSITIVES = 0.01

SMALLEST = 1e-6
"""Probability that a loss is cut off at."""


@dataclass(frozen=True)
class Attacked:
    """n rows, of which an attacker wants to know which the model was trained on.

    Args:
        labels: shape (n,), 1 bad, 0 good.
        members: shape (n,), the truth.
        folds: shape (n,), 0 or 1: who learns from the truth of one half attacks the other.
    """

    labels: FloatArray
    members: Mask
    folds: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What a model says of the rows that are attacked: probability and decision, each of shape (n,)."""

    probability: FloatArray
    decision: FloatArray


def losses(probability: FloatArray, labels: FloatArray) -> FloatArray:
    """Log loss of each row, shape (n,).

    >>> losses(np.array([0.5, 1.0]), np.array([1.0, 0.0])).round(2)
    array([ 0.69, 13.82])
    """
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    found: FloatArray = -np.where(labels == 1, np.log(p), np.log1p(-p))
    return found


def attack(rows: Attacked, answers: Answers, references: Sequence[FloatArray], seed: int) -> dict[str, FloatArray]:
    """Run every attack on one model.

    Args:
        rows: whom to tell apart.
        answers: of the model that is attacked.
        references: probabilities of models that saw none of the rows; without one, the attack that needs them is left
            out.
        seed: of the forest.

    Returns:
        Attack → score of shape (n,), larger where membership is likelier.
    """
    own = losses(answers.probability, rows.labels)
    scores = {"rule": rule_guesses(answers.decision, rows.labels), "loss": -own, "forest": np.empty(len(own))}
    for fold in (0, 1):
        inside = rows.folds == fold
        found = forest_scores(answers.probability, rows.labels, rows.members, ~inside, seed + fold)
        scores["forest"][inside] = found
    if references:
        blind: FloatArray = np.mean([losses(p, rows.labels) for p in references], axis=0)
        scores["reference"] = blind - own
    return scores


def attack_blind(rows: Attacked, answers: Answers, other: FloatArray, seed: int) -> dict[str, FloatArray]:
    """Run every attack on a model that saw none of the rows: what they tell is the split, not memory.

    Of two models that saw nothing, either can look as if it had, where the rows differ by time; the reference attack
    is turned the way that tells more.

    Args:
        rows: whom to tell apart.
        answers: of the model.
        other: probabilities of another one that saw none of the rows.
        seed: of the forest.
    """
    scores = attack(rows, answers, [other], seed)
    found = area(scores["reference"], rows.members).value
    return {**scores, "reference": scores["reference"] if found is None or found >= 0.5 else -scores["reference"]}


def two_folds(members: Mask, labels: FloatArray, seed: int) -> npt.NDArray[np.int64]:
    """Halve members and others, each outcome by itself, at random; returns 0 or 1 for each row."""
    rng = np.random.default_rng([seed, len(members)])
    folds = np.zeros(len(members), dtype=np.int64)
    for member in (True, False):
        for outcome in (0.0, 1.0):
            rows = np.flatnonzero((members == member) & (labels == outcome))
            folds[rng.permutation(rows)[1::2]] = 1
    return folds


def areas(rows: Attacked, scores: Mapping[str, FloatArray]) -> dict[str, Estimate]:
    """AUC of each attack and, as ``all``, of the worst: the chance that a member scores above another row."""
    return _each(scores, lambda name, confidence: area(scores[name], rows.members, confidence))


def gains(rows: Attacked, scores: Mapping[str, FloatArray], blind: Mapping[str, FloatArray]) -> dict[str, Estimate]:
    """AUC of each attack less that of the same attack on a model which has seen none of the rows.

    What the two have in common is no memory: where members are older than the others, say, a model that has not seen
    them can be attacked as well.

    Args:
        rows: whom to tell apart.
        scores: of the attacks on the model.
        blind: of the same attacks on a reference model.
    """
    return _each(
        [name for name in scores if name in blind],
        lambda name, confidence: area_difference(scores[name], blind[name], rows.members, confidence),
    )


def advantages(rows: Attacked, scores: Mapping[str, FloatArray]) -> dict[str, Estimate]:
    """Members found less others taken for members, each as a share; 0 is guessing (Yeom et al. 2018).

    The threshold of each half of the rows is the one that did best on the other half.
    """

    def one(name: str, confidence: float) -> Estimate:
        score = scores[name]
        guessed = np.zeros(len(score), dtype=bool)
        for fold in (0, 1):
            inside = rows.folds == fold
            guessed[inside] = score[inside] >= _best_threshold(score[~inside], rows.members[~inside])
        hits = int(guessed[rows.members].sum()), int(guessed[~rows.members].sum())
        return rate_difference(hits, (int(rows.members.sum()), int((~rows.members).sum())), confidence)

    return _each(scores, one)


def rates_at_few_false_positives(rows: Attacked, scores: Mapping[str, FloatArray]) -> dict[str, Estimate]:
    """Share of members found where at most one other row in a hundred is taken for one (Carlini et al. 2022).

    The interval is exact for the members, given the threshold; n counts members. No value with fewer than 100 others.
    """

    def one(name: str, confidence: float) -> Estimate:
        score = scores[name]
        members, others = score[rows.members], np.sort(score[~rows.members])[::-1]
        allowed = int(FALSE_POSITIVES * len(others) + 1e-9)
        if not allowed:
            return Estimate(value=None, n=len(members))
        return exact_rate(int((members > others[allowed]).sum()), len(members), confidence)

    return _each(scores, one)


def _best_threshold(score: FloatArray, members: Mask) -> float:
    """The threshold with the largest advantage on these rows; the largest of equals."""
    order = np.argsort(-score, kind="stable")
    ordered, hits = score[order], members[order]
    gain = np.cumsum(hits) / max(1, hits.sum()) - np.cumsum(~hits) / max(1, (~hits).sum())
    last_of_tie = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return float(ordered[last_of_tie[int(np.argmax(gain[last_of_tie]))]])


def _each(attacks: Collection[str], one: Callable[[str, float], Estimate]) -> dict[str, Estimate]:
    plain = {name: one(name, CONFIDENCE) for name in attacks}
    strict = [one(name, bonferroni(len(attacks))) for name in attacks]
    return {**plain, "all": worst(list(plain.values()), strict)}
