"""The backtest that chooses the training window: what each would have done in the past, by what is known by now.

For several past days, each window trains a model on what was known on that day and scores the rows of the period that
followed; their outcomes count as far as they are known at the training date, weighted for those that are not known yet
where retraining weighs such rows. The models are made with an algorithm's default parameters: the windows are
compared, not the models.

The windows stand in the use case in the order of preference, the simplest first. One is taken in the place of another
before it only when it is shown to be better on the same rows: the whole 95 % interval of the paired difference of their
losses lies below zero. Rows count as independent there; years of one regime are fewer than their rows, so a small
difference that is shown is still to be read with care.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.core.retrained import retrained
from components.core.use_case import UseCase
from components.core.watching import Window
from components.features.rows import from_frame, request_fields
from components.judgement.compare import compare
from components.retraining.pressure import after
from components.training.algorithms import algorithm
from components.training.dataset import weights_of
from components.training.development import weigh
from components.training.labels import label_rows
from components.training.metrics import weighted_metrics
from components.training.train import train
from components.training.tune import Trial

PERIOD_MONTHS = 12
"""A model of the past scores the rows of so many months after its training date, and the days lie so far apart."""

DAYS = 3
"""Past training dates, at most."""

WORKERS = 2
"""Models trained side by side; each takes one thread."""


class Scored(BaseModel):
    """How one window did."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    window: Window
    days: tuple[date, ...]
    """Past training dates on which it could be tried."""
    log_loss: float | None
    """On the rows that all of the windows that could be tried have scored; None where it could not."""
    against: Window | None = None
    """The window that stood before it in the order of preference; None for the first."""
    worse_by: Estimate = Estimate(value=None, n=0)
    """By how much its log loss is higher than that one's on the same rows; below zero it is better."""
    reason: str = ""


class Backtest(BaseModel):
    """Which window to train on, and how all did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    window: Window
    reason: str
    table: tuple[Scored, ...] = ()


@dataclass(frozen=True)
class _Period:
    """Rows of one period, shape (n,) each, and the windows' scores of them."""

    day: date
    labels: FloatArray
    weights: FloatArray
    scores: Mapping[int, FloatArray]
    refused: Mapping[int, str]


def choose_window(
    features: Path, use_case: UseCase, as_of: date, windows: Sequence[Window] = (), algorithm_name: str = ""
) -> Backtest:
    """Choose the training window by what is known at a day.

    Args:
        features: parquet of ``build_features``; nothing later than ``as_of`` is looked at.
        use_case: its windows, labels and features.
        as_of: training date.
        windows: to choose from, in the order of preference; none takes those of ``retraining.windows``.
        algorithm_name: which algorithm makes the models; empty takes the use case's first.

    Returns:
        The window and the table; the first window with a reason where the past is too short to tell.

    Raises:
        ContractViolation: a column of the features is missing.
    """
    choices = tuple(windows) or use_case.retraining.windows
    if len(choices) == 1:
        return Backtest(as_of=as_of, window=choices[0], reason=f"{choices[0]} is the only window there is")
    known = _known(features, use_case, as_of)
    name = algorithm_name or use_case.training.algorithms[0]
    days = _days(known)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        cut = Path(folder) / "features.parquet"
        # The rows of the future are cut off before anything is trained: no split can reach for them.
        pl.scan_parquet(features).filter(pl.col("event_time").cast(pl.Date) <= as_of).sink_parquet(cut)
        tasks = [(day, i) for day in days for i in range(len(choices))]
        done = pool.map(lambda t: _try(cut, use_case, choices[t[1]], t[0], name, known, Path(folder)), tasks)
        tried = dict(zip(tasks, done, strict=True))
    periods = [_period(known, day, tried, len(choices)) for day in days]
    return _choose(choices, [p for p in periods if p.scores], periods, use_case, as_of)


def _days(known: pl.DataFrame) -> list[date]:
    """Past training dates, new to old: the newest period ends with the newest row that something is known of."""
    newest = known.select(pl.col("event_time").max()).item()
    return [] if newest is None else [after(newest, -PERIOD_MONTHS * (i + 1)) for i in range(DAYS)]


def _known(features: Path, use_case: UseCase, as_of: date) -> pl.DataFrame:
    """Rows up to a day with the label and the weight that they have on it."""
    frame = pl.read_parquet(features).with_columns(pl.col("event_time", "outcome_time").cast(pl.Date))
    now = min(as_of, use_case.data.known_until or as_of)
    weighed = weigh(frame, now, use_case.labels.maturity_months, use_case.labels.minimum_developed)
    immature = retrained(use_case, use_case.training.window).labels.immature
    return weighed if immature == "weigh" else weighed.filter(pl.col("mature"))


def _try(
    features: Path, use_case: UseCase, window: Window, day: date, name: str, known: pl.DataFrame, folder: Path
) -> FloatArray | str:
    """Train on a window as of a past day and score the period after it, or say why that cannot be."""
    case = retrained(use_case, window)
    dataset = folder / f"{day}-{window.policy}-{window.months}.parquet"
    trial = Trial(
        algorithm=name, parameters=dict(algorithm(name).defaults), log_loss=0.0, seed=case.training.seed, number=0
    )
    rows = _of_period(known, day)
    if rows.is_empty():
        return f"{day}: nothing is known of the {PERIOD_MONTHS} months after it"
    try:
        label_rows(features, case, day, dataset)
        candidate = train(dataset, case, trial)
    except FairleadError as error:
        return f"{day}: {error}"
    finally:
        dataset.unlink(missing_ok=True)
    return candidate.probability(from_frame(rows, request_fields(case)))


def _of_period(known: pl.DataFrame, day: date) -> pl.DataFrame:
    return known.filter((pl.col("event_time") > day) & (pl.col("event_time") <= after(day, PERIOD_MONTHS)))


def _period(known: pl.DataFrame, day: date, tried: Mapping[tuple[date, int], FloatArray | str], n: int) -> _Period:
    rows = _of_period(known, day)
    found = {i: tried[day, i] for i in range(n)}
    return _Period(
        day=day,
        labels=rows["label"].to_numpy().astype(np.float64),
        weights=weights_of(rows),
        scores={i: told for i, told in found.items() if not isinstance(told, str)},
        refused={i: told for i, told in found.items() if isinstance(told, str)},
    )


def _choose(
    choices: Sequence[Window], usable: Sequence[_Period], periods: Sequence[_Period], use_case: UseCase, as_of: date
) -> Backtest:
    able = [i for i in range(len(choices)) if any(i in p.scores for p in usable)]
    if not able:
        reason = f"the past is too short to compare windows, {choices[0]} is taken: {_refusal(periods, 0)}"
        return Backtest(as_of=as_of, window=choices[0], reason=reason)
    # On the days on which all that could be tried at all were tried.
    common = [p for p in usable if all(i in p.scores for i in able)]
    best, found = able[0], []
    for i, window in enumerate(choices):
        days = tuple(p.day for p in usable if i in p.scores)
        if i not in able or not common:
            found.append(Scored(window=window, days=days, log_loss=None, reason=_refusal(periods, i)))
            continue
        if i == best:
            found.append(_first(window, days, _loss(common, i)))
            continue
        worse_by = _compared(common, i, best, use_case)
        better = worse_by.high is not None and worse_by.high < 0
        found.append(
            Scored(
                window=window,
                days=days,
                log_loss=_loss(common, i),
                against=choices[best],
                worse_by=worse_by,
                reason=_verdict(better, worse_by, choices[best]),
            )
        )
        best = i if better else best
    return Backtest(as_of=as_of, window=choices[best], reason=_reason(choices[best], found), table=tuple(found))


def _first(window: Window, days: tuple[date, ...], log_loss: float) -> Scored:
    return Scored(window=window, days=days, log_loss=log_loss, reason="first in the order of preference")


def _compared(periods: Sequence[_Period], ours: int, theirs: int, use_case: UseCase) -> Estimate:
    labels, weights, mine, best = _stacked(periods, ours, theirs)
    training = use_case.training
    return compare(labels, mine, best, "log_loss", training.bootstrap_rounds, training.seed, weights).worse_by


def _loss(periods: Sequence[_Period], i: int) -> float:
    labels, weights, p = _stacked(periods, i)
    return float(weighted_metrics(p, labels, weights[None, :], 0.5, 1.0, 1.0)["log_loss"][0])


def _stacked(periods: Sequence[_Period], *windows: int) -> tuple[FloatArray, ...]:
    """Labels, weights and the windows' scores of all periods together."""
    columns = [(p.labels, p.weights, *(p.scores[i] for i in windows)) for p in periods]
    return tuple(np.concatenate(parts) for parts in zip(*columns, strict=True))


def _refusal(periods: Sequence[_Period], i: int) -> str:
    told = [p.refused[i] for p in periods if i in p.refused]
    return f"no data: {told[0]}" if told else "no data: there is no past day on which all windows could be tried"


def _verdict(better: bool, worse_by: Estimate, against: Window) -> str:
    if worse_by.value is None:
        return f"no data to tell it from {against}"
    return f"{'better than' if better else 'not shown to be better than'} {against}"


def _reason(window: Window, found: Sequence[Scored]) -> str:
    mine = next(s for s in found if s.window == window)
    if mine.against is None:
        return f"{window}: no other window is shown to be better"
    return f"{window}: log loss lower than with {mine.against} by {_lower(mine.worse_by)}"


def _lower(worse_by: Estimate) -> str:
    value, low, high = (-(v or 0.0) for v in (worse_by.value, worse_by.high, worse_by.low))
    return f"{value:.4f} [{low:.4f}, {high:.4f}] on {worse_by.n} rows"
