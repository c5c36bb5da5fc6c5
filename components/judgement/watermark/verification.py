"""Verification: how many of a model's answers agree with the key's coins, and how likely that is by chance."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy.stats import binom, binomtest

from components.core.contracts import Columns, Estimate, FloatArray
from components.core.errors import FairleadError
from components.features.rows import number_of_rows
from components.training.marks import Mark, agreeing, lifts, requests

Score = Callable[[Columns], FloatArray]
"""Rows, shape (n,) → what a model says of them, shape (n,): probabilities or anything that rises with them."""


class Match(BaseModel):
    """What a model's answers say of the mark.

    >>> 1e-8 < Match(agreeing=70, marks=96).false_positive < 1e-5
    True
    >>> Match(agreeing=48, marks=96).is_ours(1e-6)
    False
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agreeing: int
    """Marks whose lift has the sign of their coin."""
    marks: int

    @property
    def false_positive(self) -> float:
        """Probability that a model made without the key agrees so often: P(X >= agreeing), X binomial(marks, 1/2).

        No model is assumed: coins are fair and were tossed without a look at it. One-sided.
        """
        return float(binom.sf(self.agreeing - 1, self.marks, 0.5))

    @property
    def share(self) -> Estimate:
        """Share that agrees, with the exact interval of Clopper and Pearson (1934)."""
        interval = binomtest(self.agreeing, self.marks).proportion_ci(method="exact")
        return Estimate(
            value=self.agreeing / self.marks, low=float(interval.low), high=float(interval.high), n=self.marks
        )

    def is_ours(self, maximum_false_positive: float) -> bool:
        """Whether chance is ruled out at that level."""
        return self.false_positive <= maximum_false_positive


def needed(marks: int, maximum_false_positive: float) -> int | None:
    """Return how many of the marks have to agree for a model to be called ours; None when all are too few.

    >>> needed(80, 1e-6), needed(20, 1e-6), needed(10, 1e-6)
    (62, 20, None)
    """
    enough = [k for k in range(marks + 1) if Match(agreeing=k, marks=marks).is_ours(maximum_false_positive)]
    return enough[0] if enough else None


def verify(
    score: Score,
    marks: Sequence[Mark],
    background: Columns,
    kept: Callable[[Columns], npt.NDArray[np.bool_]] | None = None,
) -> Match:
    """Ask a model for the marks.

    Args:
        score: the model; it is asked once, for some hundred rows a mark.
        marks: of the key, see ``components.training.marks.find_marks``.
        background: rows that the marks are read on.
        kept: tells which rows keep the use case's rules; others are not asked about.

    Raises:
        FairleadError: an answer is no number, or there are fewer answers than rows.
    """
    rows = requests(marks, background)
    valid = np.ones(number_of_rows(rows), dtype=bool) if kept is None else kept(rows)
    answers = np.zeros(len(valid))
    answers[valid] = _answers(score, {name: values[valid] for name, values in rows.items()})
    return matched(marks, answers, valid)


def matched(marks: Sequence[Mark], scores: FloatArray, valid: npt.NDArray[np.bool_] | None = None) -> Match:
    """Count the agreeing marks, given the scores of ``requests(marks, background)``."""
    return Match(agreeing=int(agreeing(marks, lifts(marks, scores, valid)).sum()), marks=len(marks))


def _answers(score: Score, rows: Columns) -> FloatArray:
    answers = np.asarray(score(rows), dtype=np.float64)
    n = number_of_rows(rows)
    if answers.shape != (n,):
        raise FairleadError(f"the model gave answers of shape {answers.shape} to {n} rows; expected one for each")
    if not np.isfinite(answers).all():
        at = int(np.flatnonzero(~np.isfinite(answers))[0])
        raise FairleadError(f"the model answered {answers[at]} to row {at} of {n}; a watermark is read from numbers")
    return answers
