"""Statistics of a table with a differential privacy guarantee, for reports that leave the platform."""

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError, unknown
from components.data.private_noise import ALPHA, Measure, accuracy, counts, quantile, rank_accuracy, rho_of, total
from components.data.private_questions import Categories, Histogram, Mean, Quantile, Question, Rate, Rows

MECHANISMS = {"epsilon": "Laplace", "rho": "Gaussian"}

SMALLEST: dict[Measure, float] = {"epsilon": 1e-3, "rho": 5e-7}
"""A question with a smaller share gets a count that is a thousand rows off, and is refused."""

MOST_DELTA = 1e-2


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Statistic(_Value):
    """One number that may leave, with what the noise does to it."""

    name: str
    """In words: ``rows``, ``sex=2``, ``mean age``, ``median limit``, ``rate of default where sex=2``."""
    value: float | None
    """None where so few rows are left under the noise that a share of them says nothing."""
    low: float | None = None
    """Between ``low`` and ``high`` lies, with 95 %, what the table itself would say: the noise alone is in it, not that
    the rows are a sample. They hold one by one, not all together."""
    high: float | None = None
    mechanism: str
    scale: float
    """Of the noise: Laplace's scale, or the normal deviation, on the count or sum that was asked; on ranks in rows."""
    loss: float
    """What the question lost of the budget; questions that share a count share its loss."""
    note: str = ""

    def line(self, width: int) -> str:
        """Tell it in a line, with its name filled up to a width."""
        value = "no data" if self.value is None else f"{self.value:,.6g}"
        ends = "" if self.low is None or self.high is None else f" [{self.low:,.6g}, {self.high:,.6g}]"
        note = f"; {self.note}" if self.note else ""
        return f"{self.name:<{width}}  {value}{ends}  {self.mechanism}, scale {self.scale:,.4g}{note}"


class PrivateReport(_Value):
    """Statistics with their guarantee."""

    epsilon: float
    """What the report as a whole loses."""
    delta: float
    accountant: str
    """How the losses add up, in words."""
    measure: Measure
    """What ``loss`` is told in."""
    budget: float
    """What all questions could lose, in that measure."""
    lost: float
    """What they did lose; not more."""
    neighbours: str = "tables that differ by one row"
    statistics: tuple[Statistic, ...]

    def lines(self) -> list[str]:
        """Tell it to people: a line for each statistic, and how it is guarded."""
        told = [
            f"guarded: {self.neighbours}; {self.accountant}",
            "intervals hold what the noise does, 95 % of the times, one by one",
        ]
        width = max(len(s.name) for s in self.statistics)
        return [*told, *(s.line(width) for s in self.statistics)]


def release(frame: pl.DataFrame, questions: Sequence[Question], epsilon: float, delta: float = 0.0) -> PrivateReport:
    """Answer questions about a table with noise, so that whether one row is in it can hardly be told.

    With delta 0 the noise is Laplace's and epsilons add up; with a delta above 0 it is Gaussian, less on many
    questions, and rho adds up, which comes to epsilon at delta as in Canonne, Kamath and Steinke 2020. The budget is
    split by the questions' weights. Whoever calls this spends: take it from the table's budget before.

    Args:
        frame: the table; one row is one unit of privacy, so that a person with two rows is guarded half as well.
        questions: what is asked; everything in them must be known without looking at the rows.
        epsilon: of the whole report, above 0.
        delta: of the whole report, from 0; far below one in the number of rows.

    Raises:
        FairleadError: no such column, or one of another kind; epsilon or delta out of range, or too little for so many
            questions.
    """
    measure, budget, shares = plan(questions, epsilon, delta)
    statistics: list[Statistic] = []
    lost = []
    for question, share in zip(questions, shares, strict=True):
        found, loss = _answer(frame, question, share, measure)
        statistics += found
        lost.append(loss)
    if math.fsum(lost) > budget * (1 + 1e-12):  # shares are rounded
        raise AssertionError(f"{math.fsum(lost)} was lost of {budget}: a mechanism loses more than it says")
    return PrivateReport(
        epsilon=epsilon,
        delta=delta,
        accountant=_accountant(measure, budget, epsilon, delta, len(questions)),
        measure=measure,
        budget=budget,
        lost=math.fsum(lost),
        statistics=tuple(statistics),
    )


def plan(questions: Sequence[Question], epsilon: float, delta: float) -> tuple[Measure, float, list[float]]:
    """Say what losses are told in, how much may be lost in all, and by each question; nothing is asked yet.

    >>> from components.data.private_questions import Rows
    >>> plan([Rows(weight=3), Rows(weight=1)], 2.0, 0.0)
    ('epsilon', 2.0, [1.5, 0.5])

    Raises:
        FairleadError: epsilon or delta out of range, no question, or too little for so many.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise FairleadError(f"epsilon {epsilon:g} must be above 0 and finite; 1 is a usual guarantee, 10 a weak one")
    if not 0 <= delta < MOST_DELTA:
        raise FairleadError(f"delta {delta:g} must be 0, or far below one in the number of rows, for example 1e-8")
    if not questions:
        raise FairleadError("no question was asked; name at least one")
    measure: Measure = "rho" if delta else "epsilon"
    budget = rho_of(epsilon, delta) if delta else epsilon
    weights = [q.weight for q in questions]
    shares = [budget * w / math.fsum(weights) for w in weights]
    if min(shares) < SMALLEST[measure]:
        raise FairleadError(
            f"epsilon {epsilon:g} split over {len(questions)} questions leaves {min(shares):.2g} ({measure}) to one of "
            f"them, below {SMALLEST[measure]:g}: its answer would be noise alone; ask fewer, or give more"
        )
    return measure, budget, shares


def _accountant(measure: Measure, budget: float, epsilon: float, delta: float, questions: int) -> str:
    if measure == "epsilon":
        return (
            f"pure differential privacy, basic composition: the epsilons of {questions} questions add up to {epsilon:g}"
        )
    return (
        f"zero-concentrated differential privacy: the rhos of {questions} questions add up to {budget:.6g}, which is "
        f"epsilon {epsilon:g} at delta {delta:g} (Canonne, Kamath and Steinke 2020)"
    )


def _answer(frame: pl.DataFrame, question: Question, share: float, measure: Measure) -> tuple[list[Statistic], float]:
    match question:
        case Rows():
            return _counts(["rows"], np.zeros(frame.height, dtype=np.int64), share, measure)
        case Categories():
            names = [f"{question.column}={v}" for v in (*question.values, "other or missing")]
            return _counts(names, _codes(frame, question.column, question.values), share, measure)
        case Histogram():
            return _histogram(frame, question, share, measure)
        case Mean():
            return _mean(frame, question, share, measure)
        case Quantile():
            return _quantile(frame, question, share, measure)
        case Rate():
            return _rates(frame, question, share, measure)
        case _:
            assert_never(question)


def _counts(
    names: Sequence[str], codes: npt.NDArray[np.int64], share: float, measure: Measure
) -> tuple[list[Statistic], float]:
    found = counts(codes.tolist(), len(names), share, measure)
    within = accuracy(found.scale, measure, whole=True)
    statistics = [
        Statistic(
            name=name,
            value=max(0.0, value),
            low=max(0.0, value - within),
            high=max(0.0, value + within),
            mechanism=MECHANISMS[measure],
            scale=found.scale,
            loss=found.loss,
        )
        for name, value in zip(names, found.values, strict=True)
    ]
    return statistics, found.loss


def _histogram(frame: pl.DataFrame, q: Histogram, share: float, measure: Measure) -> tuple[list[Statistic], float]:
    numbers = _numbers(frame, q.column)
    names = [f"{low:g} <= {q.column} < {high:g}" for low, high in zip(q.edges, q.edges[1:], strict=False)]
    codes = np.searchsorted(q.edges, numbers, side="right") - 1
    outside = np.isnan(numbers) | (codes < 0) | (codes >= len(names))
    codes = np.where(outside, len(names), codes).astype(np.int64)
    return _counts([*names, f"{q.column} elsewhere or missing"], codes, share, measure)


def _mean(frame: pl.DataFrame, q: Mean, share: float, measure: Measure) -> tuple[list[Statistic], float]:
    """Half of the share for the sum, half for the count; the sum is taken from the middle of the bounds."""
    numbers = _numbers(frame, q.column)
    numbers = numbers[~np.isnan(numbers)]
    middle, reach = (q.low + q.high) / 2, (q.high - q.low) / 2
    summed = total(np.clip(numbers, q.low, q.high) - middle, reach, share / 2, measure)
    counted = counts([0] * len(numbers), 1, share / 2, measure)
    # Either misses in half of a twentieth of the times at most, so both hold in 95 %.
    around = accuracy(summed.scale, measure, whole=False, alpha=ALPHA / 2)
    within = accuracy(counted.scale, measure, whole=True, alpha=ALPHA / 2)
    ends = _ratio(summed.values[0], around, counted.values[0], within)
    shown = [None if e is None else min(q.high, max(q.low, middle + e)) for e in ends]
    statistic = Statistic(
        name=f"mean {q.column}",
        value=shown[0],
        low=shown[1],
        high=shown[2],
        mechanism=MECHANISMS[measure],
        scale=summed.scale,
        loss=summed.loss + counted.loss,
        note=f"cut off at {q.low:g} and {q.high:g}",
    )
    return [statistic], summed.loss + counted.loss


def _ratio(above: float, around: float, below: float, within: float) -> tuple[float | None, float | None, float | None]:
    """A ratio and its ends, when numerator and denominator are known to so much; nothing where that may be nothing."""
    if below - within < 1:
        return None, None, None
    corners = [a / b for a in (above - around, above + around) for b in (below - within, below + within)]
    return above / below, min(corners), max(corners)


def _quantile(frame: pl.DataFrame, q: Quantile, share: float, measure: Measure) -> tuple[list[Statistic], float]:
    numbers = _numbers(frame, q.column)
    found = quantile(numbers[~np.isnan(numbers)], q.level, q.candidates, share, measure)
    rows = rank_accuracy(found.scale, len(q.candidates))
    statistic = Statistic(
        name=f"median {q.column}" if q.level == 0.5 else f"{q.level:.0%} quantile of {q.column}",
        value=found.values[0],
        mechanism="noisy maximum",
        scale=found.scale,
        loss=found.loss,
        note=f"of {len(q.candidates)} candidates; with 95 % within {math.ceil(rows)} rows of the best of them",
    )
    return [statistic], found.loss


def _rates(frame: pl.DataFrame, q: Rate, share: float, measure: Measure) -> tuple[list[Statistic], float]:
    outcome = _numbers(frame, q.outcome)
    group = _codes(frame, q.column, q.values)
    known = np.isin(outcome, (0.0, 1.0)) & (group < len(q.values))
    codes = np.where(known, 2 * group + np.nan_to_num(outcome).astype(np.int64), 2 * len(q.values))
    found = counts(codes.tolist(), 2 * len(q.values), share, measure)
    within = accuracy(found.scale, measure, whole=True, alpha=ALPHA / 2)
    statistics = []
    for value, good, bad in zip(q.values, found.values[::2], found.values[1::2], strict=True):
        rate = low = high = None
        if good + bad - 2 * within >= 1:
            rate = min(1.0, max(0.0, bad / (good + bad)))
            least, most = max(0.0, bad - within), max(0.0, bad + within)
            low, high = least / (least + max(0.0, good + within)), most / (most + max(0.0, good - within))
        statistics.append(
            Statistic(
                name=f"rate of {q.outcome} where {q.column}={value}",
                value=rate,
                low=low,
                high=high,
                mechanism=MECHANISMS[measure],
                scale=found.scale,
                loss=found.loss,
                note="" if rate is not None else "too few rows under so much noise",
            )
        )
    return statistics, found.loss


def _codes(frame: pl.DataFrame, column: str, values: Sequence[str]) -> npt.NDArray[np.int64]:
    """Number the value of each row; one that is not among the values, or missing, gets the number after the last."""
    place = {value: i for i, value in enumerate(values)}
    texts = _column(frame, column).cast(pl.String).to_list()
    return np.array([place.get(text, len(values)) for text in texts], dtype=np.int64)


def _numbers(frame: pl.DataFrame, column: str) -> FloatArray:
    series = _column(frame, column)
    if not series.dtype.is_numeric():
        raise FairleadError(f"column {column!r} holds {series.dtype}, which has no sum or quantile; ask for categories")
    return series.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _column(frame: pl.DataFrame, column: str) -> pl.Series:
    if column not in frame.columns:
        raise unknown("column of the table", column, frame.columns)
    return frame[column]
