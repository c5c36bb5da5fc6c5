"""Survival: what is left of a mark after each attack, and what the thief has then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import xgboost

from components.core.contracts import FloatArray
from components.judgement.watermark import attacks
from components.judgement.watermark.attacks import Answer
from components.judgement.watermark.verification import Match, matched
from components.training.marks import Mark, Matrix

COPIES = (2_000, 10_000)
"""Answers that a copy learns from, next to those to all training rows: as many as a patient thief may ask for."""
DROPPED = (10, 25, 50)
"""Shares of the trees that are dropped, in percent."""
OTHER_COPY = 10_000
"""Answers that a copy of another kind learns from."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        name: what it is called in figures.
        words: what is done, for people.
        run: makes the thief's model; it takes matrices.
    """

    name: str
    words: str
    run: Callable[[], Answer]


@dataclass(frozen=True)
class Victim:
    """What is attacked, and what the thief has.

    Args:
        booster: the model's trees; for attacks on the file.
        answer: the model from outside, calibrated.
        threshold: from which probability it says 1.
        matrix: rows that the thief asks about, shape (n, features): the training rows, the best there are.
        fresh: rows with outcomes that the thief has of his own, shape (m, features).
        fresh_labels: their outcomes, shape (m,).
        seed: of the draw.
    """

    booster: xgboost.Booster
    answer: Answer
    threshold: float
    matrix: Matrix
    fresh: Matrix
    fresh_labels: FloatArray
    seed: int


@dataclass(frozen=True)
class Survived:
    """What came of an attack: how far the thief's model agrees with the coins, and its answers to the test rows."""

    attack: Attack
    match: Match
    answers: FloatArray


def names(rows: int) -> list[str]:
    """Name the attacks that there are on a model with so many training rows, in their order.

    >>> names(5_000)[:3]
    ['attack=copied_2000', 'attack=copied_all', 'attack=copied_by_another_kind']
    """
    return [
        *(f"attack=copied_{n}" for n in COPIES if n < rows),
        "attack=copied_all",
        "attack=copied_by_another_kind",
        "attack=copied_linearly",
        "attack=copied_from_decisions",
        *(f"attack=dropped_last_{share}pct" for share in DROPPED),
        "attack=dropped_every_second",
        "attack=dropped_of_one_feature",
        "attack=cut_to_depth_2",
        "attack=rounded_to_2_digits",
        "attack=boosted_further",
        "attack=leaves_fitted_anew",
    ]


def attacked(victim: Victim) -> list[Attack]:
    """List the attacks, in the order of ``names``."""
    what = [*_copies(victim), *_changes(victim)]
    return [Attack(name, words, run) for name, (words, run) in zip(names(len(victim.matrix)), what, strict=True)]


Described = tuple[str, Callable[[], Answer]]


def _copies(victim: Victim) -> list[Described]:
    """What a thief can do who has nothing but answers."""
    rows = len(victim.matrix)
    order = np.random.default_rng(victim.seed).permutation(rows)
    p = victim.answer(victim.matrix)
    asked = {n: (victim.matrix[order[:n]], p[order[:n]]) for n in (*COPIES, OTHER_COPY, rows)}
    decided = (p >= victim.threshold).astype(np.float64)
    other = min(OTHER_COPY, rows)
    return [
        *(
            (f"copied by XGBoost from {n:,} answers", partial(attacks.copied, *asked[n]))
            for n in (*(n for n in COPIES if n < rows), rows)
        ),
        (
            f"copied by scikit-learn's gradient boosting from {other:,} answers",
            partial(attacks.copied_by_another, *asked[other]),
        ),
        (f"copied into a linear model from {rows:,} answers", partial(attacks.copied_linearly, *asked[rows])),
        (
            f"copied by XGBoost from {rows:,} decisions without a score",
            partial(attacks.copied_from_decisions, victim.matrix, decided),
        ),
    ]


def _changes(victim: Victim) -> list[Described]:
    """What a thief can do who has the file."""
    fresh, own = (victim.fresh, victim.fresh_labels), victim.booster
    return [
        *((f"last {s} % of the trees dropped", partial(attacks.pruned, own, s / 100)) for s in DROPPED),
        ("every second tree dropped", partial(attacks.thinned, own)),
        ("all trees over one feature alone dropped", partial(attacks.without_plain_trees, own)),
        ("trees cut to depth 2", partial(attacks.made_shallow, own, 2)),
        ("answers rounded to two digits", partial(attacks.rounded, victim.answer, 2)),
        (f"50 more trees trained on {len(victim.fresh):,} new rows", partial(attacks.boosted_further, own, *fresh)),
        (f"all leaves fitted anew to {len(victim.fresh):,} new rows", partial(attacks.fitted_anew, own, *fresh)),
    ]


def survive(
    victim: Victim, marks: Sequence[Mark], read: Matrix, valid: npt.NDArray[np.bool_], test: Matrix
) -> list[Survived]:
    """Run all attacks and read the mark in what comes of each; some ten seconds for 20,000 training rows.

    Args:
        victim: the marked model.
        marks: its marks.
        read: the matrix of ``requests(marks, background)``.
        valid: which of these requests keep the use case's rules.
        test: rows to measure the thief's models on, shape (n, features).
    """
    found = []
    for attack in attacked(victim):
        answer = attack.run()
        match = matched(marks, answer(read), valid)
        found.append(Survived(attack, match, np.asarray(answer(test), dtype=np.float64)))
    return found
