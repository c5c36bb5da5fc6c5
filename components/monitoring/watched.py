"""What is watched: the reigning model, what it promised, and the rows it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from components.core.contracts import Estimate, Kind
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.monitoring.expected import expected
from components.monitoring.importance import importance
from components.training.bundle import Bundle

REFERENCE_ROWS = 20_000
"""Rows of the reference at most: beyond that a distance moves in the third digit, and every look pays for them."""


@dataclass(frozen=True)
class Watched:
    """A model under watch; the same from look to look until another one reigns.

    Args:
        use_case: holds thresholds and label policy.
        bundle: opened.
        version: under which it is registered.
        expected_loss: of the metric that alarms go by, from the bundle's card.
        importance: share of each input and each feature in how the answers move.
        reference: rows that the model learned from, as ``scored`` lays them out.
        history: ``event_time``, ``outcome_time`` and ``outcome`` of rows older than the log, all that the training
            date knew: they tell how outcomes come in.
    """

    use_case: UseCase
    bundle: Bundle
    version: str
    expected_loss: Estimate
    importance: Mapping[str, float]
    reference: pl.DataFrame
    history: pl.DataFrame

    @property
    def trained_until(self) -> date:
        """Day of the newest event that the model learned from."""
        return date.fromisoformat(self.bundle.contract.trained_until)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What drift is looked for in: the model's features, its open and closed categories, and its answers.

        The raw numbers are left to the features made of them: a number of its own meaning would be a feature.
        """
        categories: dict[str, Kind] = {f.name: "category" for f in self.bundle.contract.inputs if f.kind == "category"}
        return {**dict.fromkeys(self.bundle.transform.names, "float"), **categories, "probability": "float"}

    def scored(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add to rows with the contract's inputs the model's features, and ``probability`` as this model has it."""
        columns = from_frame(rows, self.bundle.contract.inputs)
        matrix = self.bundle.transform.apply(columns)
        probability = self.bundle.calibration.apply(self.bundle.scorer.score(matrix))
        made = [pl.Series(name, matrix[:, i]).fill_nan(None) for i, name in enumerate(self.bundle.transform.names)]
        return rows.with_columns(*made, pl.Series("probability", probability, dtype=pl.Float64))


def watch(use_case: UseCase, bundle: Bundle, version: str, features: pl.DataFrame) -> Watched:
    """Lay out what a model is watched with.

    Args:
        use_case: whose model.
        bundle: opened; its card says what was promised.
        version: under which it is registered.
        features: the table of ``build_features``. Only rows up to the training date are used, and of their outcomes
            only what was known by then.

    Raises:
        FairleadError: the table has no row that the model can have learned from.
    """
    as_of, until = (date.fromisoformat(d) for d in (bundle.contract.as_of, bundle.contract.trained_until))
    day = pl.col("event_time").cast(pl.Date)
    learned = _in_window(features.filter(day <= until), use_case, as_of)
    if learned.is_empty():
        raise FairleadError(
            f"no row of the table is of {until} or before, and that is what version {version} of {use_case.name} "
            "learned from; hand in the table that it was trained on"
        )
    chosen = _sample(learned, use_case.training.seed)
    made = Watched(
        use_case=use_case,
        bundle=bundle,
        version=version,
        expected_loss=expected(bundle.path, use_case.monitoring.loss),
        importance=importance(bundle, use_case.training.seed),
        reference=pl.DataFrame(),
        history=_known(features.filter(day <= as_of), as_of),
    )
    reference = made.scored(chosen.with_columns(event_time=day))
    return Watched(**{**made.__dict__, "reference": reference})


def _in_window(rows: pl.DataFrame, use_case: UseCase, as_of: date) -> pl.DataFrame:
    window = use_case.training.window
    if window.policy != "sliding" or window.months is None:
        return rows
    start = pl.lit(as_of).dt.offset_by(f"-{window.months}mo")
    return rows.filter(pl.col("event_time").cast(pl.Date) > start)


def _sample(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    if len(rows) <= REFERENCE_ROWS:
        return rows
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), REFERENCE_ROWS, replace=False))
    return rows[chosen]


def _known(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    known = (pl.col("outcome") == 1) & (pl.col("outcome_time").cast(pl.Date) <= as_of)
    return rows.select(
        pl.col("event_time").cast(pl.Date),
        outcome_time=pl.when(known).then(pl.col("outcome_time").cast(pl.Date)),
        outcome=known.fill_null(value=False).cast(pl.Int64),
    )
