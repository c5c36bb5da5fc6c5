"""Watched rows: what was predicted, and what is known by a day of what became of it.

One row for each row of each request: whoever counts predictions, drift or losses counts the same rows. A day is asked
for, and nothing that happened or came to be known after it is seen: the result is a function of what is in the log and
in the outcomes, whatever the order in which it came there and however often one has looked before.

Which record counts where a row of a request has several:

- The one of the variant that answered the client. Copies to a shadow are left out; where ``stable`` and another variant
  have both scored a row, one of them got a copy, and ``stable`` counts, unless ``variants`` says otherwise. With
  sampling the log of the copies must not hold requests that the log of the answers left out: sample both alike.
- Of one variant the earliest, as in ``components.rollout.placed``: a client that sends an id again asks about the same
  case. A record that was written twice counts once by the same rule.

A row's day is its input ``data.event_time``; where a mask keeps that from the log, it is the day it was scored (UTC).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from components.core.contracts import Field, Kind
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.serving.outcomes import SCHEMA as OUTCOMES
from components.serving.outcomes import read_recorded
from components.serving.prediction_log_reader import SCHEMA as LOG
from components.serving.prediction_log_reader import Tail

SHADOW = "shadow"
"""Variant whose answers no client gets."""

FIRST = "stable"
"""Variant that counts where several have scored a row."""

KEY = ("request_id", "row")

KINDS: dict[Kind, pl.DataType] = {
    "int": pl.Float64(),
    "float": pl.Float64(),
    "category": pl.String(),
    "date": pl.Date(),
}
"""How inputs of each kind come out; missing ones are null."""

ANSWER = ("probability", "decision", "outlier_score", "outlier")

LOGGED = ("at", *KEY, "version", "variant", "inputs", *ANSWER)

TOLD = ("outcome", "outcome_time", "known_on", "matures", "mature", "label")


class Joined:
    """The watched rows of one model's log. Looking again reads on: each record is read and parsed once.

    Args:
        log: of predictions, as ``prediction_log_reader`` takes it.
        outcomes: SQLite file of the outcomes; it need not be there yet.
        use_case: says which input is the event time and how long a row takes to mature.
        fields: the contract's inputs.
        model: only its rows; None takes all of the log.
        variants: which count, the first before the others where several have scored a row; None: all but ``shadow``,
            and ``stable`` before the others.

    Raises:
        FairleadError: the log cannot be read back.
    """

    def __init__(
        self,
        log: str | Path,
        outcomes: Path,
        use_case: UseCase,
        fields: Sequence[Field],
        *,
        model: str | None = None,
        variants: Sequence[str] | None = None,
    ) -> None:
        self._tail = Tail(log, None, model, LOGGED)
        self._outcomes_path = outcomes
        self._use_case = use_case
        self._kinds = {field.name: field.kind for field in fields}
        taken = {*LOGGED, *TOLD, "rank", "event_time"} - {use_case.data.event_time}
        if clash := sorted(taken & set(self._kinds)):
            raise FairleadError(
                f"inputs are named {', '.join(clash)}, as columns of the watched rows are; name them otherwise"
            )
        self._variants = variants
        self._rows = self._parsed(pl.DataFrame(schema={name: LOG[name] for name in LOGGED}))
        self._outcomes = pl.DataFrame(schema={**OUTCOMES, "number": pl.Int64()})

    def at(self, now: date) -> pl.DataFrame:
        """Return the watched rows as of the end of a day (UTC), by event time, request and row.

        Args:
            now: rows of later events, and what came to be known later, are not seen.

        Returns:
            Columns request_id, row, version, variant, event_time, the inputs (numbers as Float64), probability,
            decision, outlier_score and outlier (null without a detector), and of what is known:

            - ``outcome`` (Int64): 1 bad, 0 good, as last told; null while nothing is known.
            - ``outcome_time`` (Date): when a bad one became known, confirmations aside; null for others.
            - ``known_on`` (Date): when ``outcome`` was last told.
            - ``matures`` (Date), ``mature``: it does so up to ``now``.
            - ``label`` (Float64): 1.0 bad within the maturity; 0.0 mature and told otherwise; null: not known.

        Raises:
            FairleadError: an input of the log is no JSON object.
        """
        self._read_on()
        rows = self._rows.filter(pl.col("event_time") <= now).unique(KEY, keep="first", maintain_order=True)
        known = _known(self._outcomes, now)
        joined = rows.drop("at", "rank").join(known, on=KEY, how="left", maintain_order="left")
        mature = pl.col("matures") <= now
        bad = ((pl.col("outcome") == 1) & (pl.col("outcome_time") <= pl.col("matures"))).fill_null(value=False)
        told = mature & pl.col("outcome").is_not_null()
        return joined.with_columns(
            mature=mature, label=pl.when(bad).then(1.0).when(told).then(0.0).otherwise(None).cast(pl.Float64)
        ).sort("event_time", *KEY)

    def _read_on(self) -> None:
        new = self._tail.read()
        if len(new):
            rows = pl.concat([self._rows, self._parsed(new)])
            # What counts comes first; the rest of the order only makes equal records give equal results.
            self._rows = rows.sort(*KEY, "rank", "at", "version", "variant", "probability", nulls_last=True)
        after = self._outcomes["number"].max() or 0
        told = read_recorded(self._outcomes_path, after)  # type: ignore[arg-type]  # polars types max() too widely
        if len(told):
            self._outcomes = pl.concat([self._outcomes, told])

    def _parsed(self, logged: pl.DataFrame) -> pl.DataFrame:
        """Make columns of the inputs and keep the variants that count."""
        ranked = logged.with_columns(rank=_rank(self._variants)).drop_nulls("rank")
        inputs = _inputs(ranked["inputs"], self._kinds)
        event_time, scored = self._use_case.data.event_time, pl.col("at").dt.date()
        day = scored if event_time not in inputs.columns else pl.coalesce(event_time, scored)
        months = self._use_case.labels.maturity_months
        rows = pl.concat([ranked.drop("inputs"), inputs], how="horizontal").with_columns(event_time=day)
        rows = rows.with_columns(matures=pl.col("event_time").dt.offset_by(f"{months}mo"))
        about = ("rank", "at", *KEY, "version", "variant", "event_time")
        return rows.select(*dict.fromkeys((*about, *self._kinds, *ANSWER, "matures")))


def _rank(variants: Sequence[str] | None) -> pl.Expr:
    variant = pl.col("variant")
    if variants is None:
        return pl.when(variant == FIRST).then(0).when(variant != SHADOW).then(1).cast(pl.Int32)
    return variant.replace_strict({name: i for i, name in enumerate(variants)}, default=None, return_dtype=pl.Int32)


def _inputs(texts: pl.Series, kinds: dict[str, Kind]) -> pl.DataFrame:
    """Read JSON objects into columns; what a mask dropped, or turned into something of another kind, is null."""
    read_as = {name: pl.String() if kind == "date" else KINDS[kind] for name, kind in kinds.items()}
    if texts.is_empty() or not kinds:
        return pl.DataFrame({name: pl.Series(name, [None] * len(texts), KINDS[kind]) for name, kind in kinds.items()})
    try:
        frame = pl.read_ndjson("\n".join(texts).encode(), schema=read_as, ignore_errors=True)
    except pl.exceptions.ComputeError as error:
        raise FairleadError(
            f"prediction log: inputs are no JSON objects: {error}; was it written by components.serving?"
        ) from error
    if len(frame) != len(texts):
        raise FairleadError(
            f"prediction log: {len(texts)} rows have inputs that hold {len(frame)} JSON objects, allowed: one each, on "
            "one line; was it written by serving?"
        )
    dates = [pl.col(name).str.to_date(strict=False) for name, kind in kinds.items() if kind == "date"]
    numbers = [pl.col(name).fill_nan(None) for name, kind in kinds.items() if KINDS[kind] == pl.Float64]
    return frame.with_columns(*dates, *numbers)


def _known(outcomes: pl.DataFrame, now: date) -> pl.DataFrame:
    """Say of each row what was told last by the end of a day, and since when it is bad."""
    end = datetime.combine(now + timedelta(days=1), time(), UTC)
    told = outcomes.filter(pl.col("known_at") < end).sort("known_at", "number")
    last = told.unique(KEY, keep="last", maintain_order=True)
    # Bad since the first time it was told so after it was last told to be good.
    good = told.filter(pl.col("label") == 0).group_by(KEY).agg(pl.col("known_at", "number").last().name.suffix("_good"))
    later = (pl.col("known_at"), pl.col("number")), (pl.col("known_at_good"), pl.col("number_good"))
    after_good = (later[0][0] > later[1][0]) | ((later[0][0] == later[1][0]) & (later[0][1] > later[1][1]))
    bad = told.filter(pl.col("label") == 1).join(good, on=KEY, how="left", maintain_order="left")
    since = bad.filter(after_good.fill_null(value=True)).unique(KEY, keep="first", maintain_order=True)
    since = since.select(*KEY, outcome_time=pl.col("known_at").dt.date())
    return last.select(*KEY, outcome="label", known_on=pl.col("known_at").dt.date()).join(since, on=KEY, how="left")
