"""The meter: lets an attack ask a model about one row, counts what it asks and stops it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.judgement.explanation import Decides
from components.judgement.robustness.levers import Lever, move, shares
from components.judgement.row_rules import RowRules

EDGE = 1e-9
"""Room for rounding where a move is held against a budget."""


class Stopped(Exception):
    """The attack has what it wanted, or may not ask any more."""


@dataclass(frozen=True)
class Aim:
    """What an attack is after: the other decision for a row, by moves within a budget.

    Args:
        model: answers.
        levers: what may be moved; at least one.
        rules: what rows must keep.
        budget: how far, as a share of each lever's distance.
        queries: scores that may be asked for.
    """

    model: Decides
    levers: tuple[Lever, ...]
    rules: RowRules
    budget: float
    queries: int


class Meter:
    """Answers an attack's questions about one row.

    Args:
        aim: what the attack is after.
        row: all inputs, one row.
        reach: what coordinate 1 stands for, as a share of a lever's distance; above the budget where an attack begins
            with examples that are too far away.
    """

    def __init__(self, aim: Aim, row: Columns, reach: float) -> None:
        self.aim, self.row, self.reach = aim, row, reach
        self.decision = int(aim.model.decide(scored(aim.model, row))[0])
        self.asked = 0
        """Scores asked for up to now."""
        self.found: Columns | None = None
        """The row with the other decision, within the budget."""

    @property
    def width(self) -> int:
        """Number of levers."""
        return len(self.aim.levers)

    @property
    def least(self) -> FloatArray:
        """Where each lever's coordinate begins, shape (width,); all end at 1."""
        return np.array([lever.least for lever in self.aim.levers])

    def ask(self, points: npt.NDArray[Any]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Score the valid rows nearest to some points.

        Args:
            points: shape (m, width), coordinates of the levers.

        Returns:
            The probabilities, shape (m,), and whether each row has the other decision and keeps the rules, shape (m,).

        Raises:
            Stopped: such a row lies within the budget (it stands in ``found``), or no score is left.
            FairleadError: the model gives something that is no probability.
        """
        points = points[: self.aim.queries - self.asked]
        if not len(points):
            raise Stopped
        rows = move(self.row, self.aim.levers, points, self.reach)
        probability = scored(self.aim.model, rows)
        _, flipped = other_decision(self.aim, rows, probability, self.decision)
        self._keep(rows, flipped)
        self.asked += len(points)
        return probability, flipped

    def _keep(self, rows: Columns, flipped: npt.NDArray[np.bool_]) -> None:
        near = flipped & (shares(self.row, rows, self.aim.levers) <= self.aim.budget * (1 + EDGE))
        if near.any():
            first = int(np.argmax(near))
            self.asked += first + 1
            self.found = {name: values[first : first + 1] for name, values in rows.items()}
            raise Stopped


def other_decision(
    aim: Aim, rows: Columns, probability: FloatArray, decision: int | npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which of n rows are decided otherwise, and which of those keep the rules too, both of shape (n,)."""
    other = aim.model.decide(probability) != decision
    kept = other.copy()
    if other.any():  # rules are slow to ask
        kept[other] = aim.rules.kept({name: values[other] for name, values in rows.items()})
    return other, kept


def scored(model: Decides, rows: Columns) -> FloatArray:
    """Score n rows.

    Raises:
        FairleadError: a score is no probability.
    """
    probability = model.probability(rows)
    require_probabilities(probability)
    return probability


def require_probabilities(probability: FloatArray) -> None:
    """Refuse scores that are none.

    Raises:
        FairleadError: one is NaN, or not within 0 and 1.
    """
    wrong = probability[~((probability >= 0) & (probability <= 1))]
    if len(wrong):
        raise FairleadError(
            f"the model gives {wrong[0]} for a probability ({len(wrong)} of {len(probability)} rows); allowed: 0 to 1"
        )


def starts(levers: Sequence[Lever], count: int, inner: float, rng: np.random.Generator) -> FloatArray:
    """Draw points to begin at, shape (count, levers): the corners where all or one lever is pulled, then random ones.

    Every second random point lies within ``inner`` (the budget as a share of the reach), the others anywhere.
    """
    least = np.array([lever.least for lever in levers])
    corners = [np.ones((1, len(levers))), np.eye(len(levers))]
    if (least < 0).any():
        corners += [np.where(least < 0, -1.0, 1.0)[None, :], np.diag(least)[least < 0]]
    drawn = rng.uniform(least, 1.0, size=(count, len(levers)))
    drawn[::2] *= inner
    return np.concatenate([np.concatenate(corners) * inner, drawn])[:count]
