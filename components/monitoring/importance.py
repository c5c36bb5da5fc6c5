"""Importance: how much a model's answers hang on each input and on each feature, from its bundle alone."""

from collections.abc import Mapping

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.training.bundle import Bundle

SHUFFLES = 5
"""Times that each column is shuffled."""


def importance(bundle: Bundle, seed: int = 7) -> Mapping[str, float]:
    """Measure by how much the probability moves when one column of the background rows is shuffled.

    No label is needed, and nothing but what travels with the model. It tells what the model reads, not what is so in
    the world: of two columns that say the same, either may get all of it. Source: permutation importance of Breiman,
    "Random forests" (2001), with the mean absolute change of the answer in place of the loss.

    Args:
        bundle: the model.
        seed: of the shuffles.

    Returns:
        For each input that the transform reads, and for each feature, its share of the whole; the shares of the inputs
        add up to 1 and so do those of the features. All 0 for a model that reads nothing.
    """
    rng = np.random.default_rng(seed)
    rows = bundle.background()
    matrix = bundle.transform.apply(rows)
    answers = bundle.calibration.apply(bundle.scorer.score(matrix))
    orders = [rng.permutation(len(answers)) for _ in range(SHUFFLES)]

    def moved(other: FloatArray) -> float:
        return float(np.abs(other - answers).mean())

    def of_input(name: str) -> float:
        shuffled: list[Columns] = [{**rows, name: rows[name][order]} for order in orders]
        return float(np.mean([moved(bundle.probability(columns)) for columns in shuffled]))

    def of_feature(place: int) -> float:
        found = []
        for order in orders:
            other = matrix.copy()
            other[:, place] = matrix[order, place]
            found.append(moved(bundle.calibration.apply(bundle.scorer.score(other))))
        return float(np.mean(found))

    return {
        **_shares({name: of_input(name) for name in bundle.transform.inputs}),
        **_shares({name: of_feature(i) for i, name in enumerate(bundle.transform.names)}),
    }


def _shares(found: Mapping[str, float]) -> dict[str, float]:
    whole = sum(found.values())
    return {name: value / whole if whole else 0.0 for name, value in found.items()}
