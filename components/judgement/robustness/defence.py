"""Monotone constraints as a defence: the same model trained without, as configured, and with one on every lever.

Where the risk may only fall as something is paid, no client who pays more is flagged for it. Whether that also makes
attacks harder, and what it costs, is measured here on models trained alike but for their constraints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Estimate, Field, FloatArray
from components.core.use_case import UseCase
from components.features.transform import Transform
from components.judgement.robustness.attacking import draw, run_attack
from components.judgement.robustness.intervals import difference_of_pairs, share
from components.judgement.robustness.levers import move
from components.judgement.robustness.meter import Aim
from components.judgement.robustness.strained import Yardstick
from components.training import calibration
from components.training.algorithms import algorithm
from components.training.candidate import Candidate
from components.training.dataset import read
from components.training.matrices import Matrices, prepare
from components.training.splits import CALIBRATION, TEST, TRAIN
from components.training.train import threshold

FREE, CONFIGURED, BY_LEVERS = "none", "configured", "levers"
"""Constraints: no feature's, those of ``training.increasing``, and those that ``lever_directions`` adds to them."""


@dataclass(frozen=True)
class Defence:
    """One model and how it stands.

    Args:
        constrained: features whose direction is fixed.
        auc: on the test rows.
        auc_lost: AUC of the free model less this one's, paired.
        success: of the greedy attack, on test rows that all three rightly flag.
        success_less: success against the free model less that against this one, paired.
        reverse: share of the test rows rightly not flagged by all three that the same moves get flagged.
        reverse_less: the free model's less this one's, paired.
    """

    constrained: int
    auc: Estimate
    auc_lost: Estimate
    success: Estimate
    success_less: Estimate
    reverse: Estimate
    reverse_less: Estimate


@dataclass(frozen=True)
class Trained:
    """A candidate that decides."""

    candidate: Candidate

    def probability(self, rows: Columns, /) -> FloatArray:
        """Score n rows; returns shape (n,)."""
        return self.candidate.probability(rows)

    def decide(self, probability: FloatArray, /) -> npt.NDArray[np.int64]:
        """Turn probabilities into decisions, 1 or 0, shape (n,)."""
        return (probability >= self.candidate.threshold).astype(np.int64)


def compare_defences(use_case: UseCase, dataset: Path, aim: Aim, fields: Sequence[Field]) -> dict[str, Defence]:
    """Train the three models with the search's default parameters, attack them alike and measure what they cost.

    Args:
        use_case: names features, constraints, seed and rows.
        dataset: what ``label_rows`` wrote.
        aim: levers, rules, budget and queries; its model is not asked.
        fields: the inputs.

    Returns:
        ``none``, ``configured``, ``levers`` → how it stands.

    Raises:
        FairleadError: a split is empty.
    """
    older, newer, test = (read(dataset, use_case, split) for split in (TRAIN, CALIBRATION, TEST))
    data = prepare(older, newer, use_case)
    directions = {
        FREE: (0,) * data.x.shape[1],
        CONFIGURED: data.directions,
        BY_LEVERS: lever_directions(data.transform, aim, older.columns, data.directions),
    }
    models = {name: Trained(_fit(replace(data, directions=d), use_case)) for name, d in directions.items()}
    scores = {name: model.probability(test.columns) for name, model in models.items()}
    flagged = np.stack([models[name].decide(p) == 1 for name, p in scores.items()])
    seed = use_case.training.seed
    both = flagged.all(axis=0) & (test.labels == 1), ~flagged.any(axis=0) & (test.labels == 0)
    drawn = [_drawn(test.columns, pool, use_case) for pool in both]
    hits, back = (
        {name: run_attack("greedy", replace(aim, model=m), rows, fields, seed) for name, m in models.items()}
        for rows in drawn
    )
    yardstick = Yardstick(
        test.labels, test.weights, scores[FREE], threshold(use_case.training), use_case.training.bootstrap_rounds, seed
    )
    strains = {name: yardstick.strain(p) for name, p in scores.items()}
    return {
        name: Defence(
            constrained=int(np.count_nonzero(directions[name])),
            auc=strains[name].auc,
            auc_lost=strains[name].drop,
            success=share(hits[name].success),
            success_less=difference_of_pairs(hits[FREE].success, hits[name].success),
            reverse=share(back[name].success),
            reverse_less=difference_of_pairs(back[FREE].success, back[name].success),
        )
        for name in models
    }


def lever_directions(transform: Transform, aim: Aim, rows: Columns, configured: Sequence[int]) -> tuple[int, ...]:
    """Name for each feature the way the risk has to go with it, so that no pulled lever raises the risk.

    Every lever that may be moved one way alone is pulled on the training rows. A feature that only rises must not raise
    the risk: -1; one that only falls must not lower it: 1. One that goes either way, or with no lever, is left free.
    What is configured stays.

    Args:
        transform: from rows to features.
        aim: the levers, and the budget by which they are pulled.
        rows: of training.
        configured: 1 or -1 where the direction is fixed already, else 0.
    """
    before = transform.apply(rows)
    n = len(before)
    rises, falls = np.zeros(before.shape[1], dtype=bool), np.zeros(before.shape[1], dtype=bool)
    for i, lever in enumerate(aim.levers):
        if lever.direction == 0:
            continue
        points = np.zeros((n, len(aim.levers)))
        points[:, i] = 1.0
        # At least one whole step, so that a lever of few levels is pulled too.
        reach = max(aim.budget, 1 / lever.distance if lever.whole else 0.0)
        after = transform.apply(move(rows, aim.levers, points, reach))
        rises |= (after > before).any(axis=0)
        falls |= (after < before).any(axis=0)
    return tuple(
        fixed or int(falling) - int(rising) for fixed, rising, falling in zip(configured, rises, falls, strict=True)
    )


def _fit(data: Matrices, use_case: UseCase) -> Candidate:
    chosen = algorithm("xgboost")
    model = chosen.fit(chosen.defaults, data, use_case.training.seed)
    later = model.predict_proba(data.later_x)[:, 1]
    return Candidate(
        algorithm="xgboost",
        parameters=chosen.defaults,
        transform=data.transform,
        model=model,
        calibration=calibration.fit(later, data.later_y, data.later_weights),
        threshold=threshold(use_case.training),
    )


def _drawn(rows: Columns, pool: npt.NDArray[np.bool_], use_case: UseCase) -> Columns:
    places = draw(pool, use_case.judgement.robustness.rows, use_case.training.seed)
    return {name: values[places] for name, values in rows.items()}
