"""What is watched: the reigning model, what it promised, and the rows it learned from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from components.core.contracts import Estimate, Kind
from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.core.watching import Window
from components.features.rows import from_frame
from components.monitoring.expected import CARD, expected
from components.monitoring.importance import importance
from components.training.bundle import Bundle
from components.training.development import Development, learn, weigh

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
        reference: rows that the model learned from: ``event_time``, the inputs, what ``scored`` adds, and ``label``
            and ``weight`` as the training date knew them.
        history: ``event_time``, ``outcome_time`` and ``outcome`` of rows older than the log, all that the training
            date knew.
        grown: how outcomes come in, as those of ``history`` did.
    """

    use_case: UseCase
    bundle: Bundle
    version: str
    expected_loss: Estimate
    importance: Mapping[str, float]
    reference: pl.DataFrame
    history: pl.DataFrame
    grown: Development

    @property
    def as_of(self) -> date:
        """Training date: all that the model, its reference and its history know was known by then."""
        return date.fromisoformat(self.bundle.contract.as_of)

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
        ContractViolation: the table lacks a column.
        FairleadError: the table has not the rows that the model learned from.
    """
    table = _require(features, bundle).with_columns(pl.col("event_time", "outcome_time").cast(pl.Date))
    as_of, until = (date.fromisoformat(d) for d in (bundle.contract.as_of, bundle.contract.trained_until))
    promised = expected(bundle.path, use_case.monitoring.loss)
    window = _window(bundle) or use_case.training.window
    learned = _in_window(table.filter(pl.col("event_time") <= until), window, as_of)
    _require_whole(
        table, learned, f"version {version} of {use_case.name} learned from rows up to {until}, {window}", until
    )
    history = _known(table.filter(pl.col("event_time") <= as_of), as_of)
    grown = learn([(history, as_of)], use_case.labels.maturity_months)
    made = Watched(
        use_case=use_case,
        bundle=bundle,
        version=version,
        expected_loss=promised,
        importance=importance(bundle, use_case.training.seed),
        reference=pl.DataFrame(),
        history=history,
        grown=grown,
    )
    chosen = _sample(_labelled(learned, use_case, as_of, grown), use_case.training.seed)
    return replace(made, reference=made.scored(chosen))


def _require(features: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    inputs = [f.name for f in bundle.contract.inputs]
    needed = list(dict.fromkeys(("event_time", "outcome", "outcome_time", *inputs)))
    if missing := [name for name in needed if name not in features.columns]:
        raise ContractViolation(
            f"the table of features lacks {', '.join(missing)}; found: {', '.join(features.columns)}. Make it with "
            "build_features, from the table that the model was trained on"
        )
    return features.select(needed)


def _require_whole(table: pl.DataFrame, learned: pl.DataFrame, told: str, until: date) -> None:
    """Refuse a table that ends before the newest row that the model learned from, or begins after it."""
    first, newest = table["event_time"].min(), table["event_time"].max()
    if not isinstance(newest, date) or newest < until or learned.is_empty():
        holds = "has no rows" if newest is None else f"holds rows from {first!s} to {newest!s}"
        raise FairleadError(
            f"the table of features {holds}, and {told}; hand in the table that it was trained on, or a newer one"
        )


def _window(bundle: Bundle) -> Window | None:
    """Return the window that a model learned from, as its card says; a retraining has one of its own."""
    told = json.loads((bundle.path / CARD).read_text(encoding="utf-8")).get("window")
    return None if told is None else Window.model_validate(told)


def _labelled(rows: pl.DataFrame, use_case: UseCase, as_of: date, grown: Development) -> pl.DataFrame:
    """Put the labels of the training date, with weights where time still ran, in place of what hindsight knows."""
    labels, numbered = use_case.labels, rows.with_row_index("_place")
    known = weigh(numbered, as_of, labels.maturity_months, labels.minimum_developed, grown)
    joined = numbered.join(known.select("_place", "label", "weight"), on="_place", how="left", maintain_order="left")
    return joined.drop("_place", "outcome", "outcome_time")


def _in_window(rows: pl.DataFrame, window: Window, as_of: date) -> pl.DataFrame:
    if window.policy != "sliding" or window.months is None:
        return rows
    return rows.filter(pl.col("event_time") > pl.lit(as_of).dt.offset_by(f"-{window.months}mo"))


def _sample(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    if len(rows) <= REFERENCE_ROWS:
        return rows
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), REFERENCE_ROWS, replace=False))
    return rows[chosen]


def _known(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    known = (pl.col("outcome") == 1) & (pl.col("outcome_time") <= as_of)
    return rows.select(
        "event_time",
        outcome_time=pl.when(known).then("outcome_time"),
        outcome=known.fill_null(value=False).cast(pl.Int64),
    )
