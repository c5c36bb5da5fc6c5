"""Labels as they could be known at a training date: a row has one only once its outcome had time to show."""

from datetime import date
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.artifacts import whole_file
from components.core.errors import ContractViolation, FairleadError
from components.core.use_case import UseCase
from components.training.development import weigh
from components.training.splits import BACKTEST, CALIBRATION, TEST, TRAIN, chronological, place, shuffled

OWN = ("label", "weight", "split", "matures", "mature", "developed")
"""Columns that are made here, so that an input must not have their names."""

BACKTEST_MONTHS = 12
"""The backtest takes the rows of so many months after the training date."""


class SplitReport(BaseModel):
    """One split of the data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    bad: int
    """Rows known to be bad."""
    expected_bad: float | None = None
    """Bad rows by weight: the known ones, and those expected among the rows whose time still runs."""
    first_day: date | None
    last_day: date | None


class LabelReport(BaseModel):
    """Which rows got a label, and why the others did not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    maturity_months: int
    known_until: date
    """Outcomes are known up to this day: the training date, or the day up to which the table knows, if earlier."""
    rows: int
    """Rows of the table."""
    mature: int
    immature: int
    """Rows up to the training date whose time had not run out by then."""
    immature_bad: int
    """Those of them that were already known to be bad."""
    weighed: int = 0
    """Those of them that take part, weighted for what is not known yet; the others are excluded."""
    too_old: int = 0
    """Rows from before the training window: excluded."""
    later: int
    """Rows after the backtest's year: not used."""
    backtest_immature: int
    """Rows of the backtest's year whose time runs out after the table ends: excluded."""
    splits: dict[str, SplitReport]

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def label_rows(features: Path, use_case: UseCase, as_of: date, target: Path) -> LabelReport:
    """Label the rows as known at ``as_of``, split them by time and write the data set.

    A row is bad when its bad outcome came no later than ``maturity_months`` calendar months after its event (the last
    day included; the 29th of February matures on the 28th), good when that time passed without one. ``dataset.parquet``
    holds the columns of ``features`` with ``label`` (1.0 bad, 0.0 good), ``weight`` (1.0 for a mature row) and
    ``split``, in order of event time. The backtest is the year after ``as_of``, labelled in hindsight: for judging
    only, never for training.

    Immature rows are excluded, or take part with weights, as ``labels.immature`` says; ``training.window`` may leave
    old rows out.

    A row is mature only once the table knows so far: up to ``data.known_until``, or without it up to the last event. An
    outcome's own time is no witness to that, because one mistyped year would make rows good whose time still runs.

    Args:
        features: parquet with row_id, event_time, outcome, outcome_time and whatever the model needs.
        use_case: says how long a row takes to mature and how large the splits are.
        as_of: training date; what became known on that day still counts.
        target: parquet file to write.

    Raises:
        ContractViolation: a column is missing or has a name that is needed here, or a bad row does not say when it
            turned bad.
        FairleadError: no row is mature yet, or a split holds one class only.
    """
    months = use_case.labels.maturity_months
    frame = _read(features)
    # A table that was closed before the training date knows no more than on its last day.
    reach = use_case.data.known_until or _last_event(frame)
    known_until = min(as_of, reach)
    labelled = with_label(frame, months)
    past = labelled.filter(pl.col("event_time") <= as_of)
    mature = past.filter(pl.col("matures") <= known_until)
    if mature.is_empty():
        raise _nothing_mature(labelled, months, as_of, reach)
    known = _known(frame, mature, use_case, known_until)
    window = _in_window(known, use_case, as_of)
    end = _months_after(as_of, BACKTEST_MONTHS)
    year = labelled.filter(pl.col("event_time").is_between(as_of, end, closed="right"))
    backtest = year.filter(pl.col("matures") <= reach)
    dataset = _split(window, backtest, use_case)
    splits = _reports(dataset)
    with whole_file(target) as scratch:
        dataset.write_parquet(scratch)
    immature = past.filter(pl.col("matures") > known_until)
    return LabelReport(
        as_of=as_of,
        maturity_months=months,
        known_until=known_until,
        rows=len(frame),
        mature=len(mature),
        immature=len(immature),
        immature_bad=len(immature.filter((pl.col("outcome") == 1) & (pl.col("outcome_time") <= known_until))),
        weighed=len(known) - len(mature),
        too_old=len(known) - len(window),
        later=len(frame) - len(past) - len(year),
        backtest_immature=len(year) - len(backtest),
        splits=splits,
    )


def _read(features: Path) -> pl.DataFrame:
    frame = pl.read_parquet(features)
    missing = [c for c in ("row_id", "event_time", "outcome", "outcome_time") if c not in frame.columns]
    if missing:
        raise ContractViolation(f"{features.name} lacks column {', '.join(missing)}; write it with build_features")
    taken = [c for c in OWN if c in frame.columns]
    if taken:
        raise ContractViolation(
            f"{features.name} has column {', '.join(taken)}, a name that labelling needs ({', '.join(OWN)}); name it "
            "otherwise in the table and the use case"
        )
    if frame.is_empty():
        raise FairleadError(f"{features.name} has no rows to label")
    frame = frame.with_columns(pl.col("event_time", "outcome_time").cast(pl.Date))
    unclear = frame.filter(
        pl.col("event_time").is_null()
        | pl.col("outcome").is_null()
        | ((pl.col("outcome") == 1) & pl.col("outcome_time").is_null())
    )
    if len(unclear):
        raise ContractViolation(
            f"{len(unclear)} rows lack an event time, an outcome, or the time of a bad outcome, for example row "
            f"{unclear['row_id'][0]}; such rows cannot be labelled: quarantine them with check_rows"
        )
    return frame


def with_label(frame: pl.DataFrame, months: int) -> pl.DataFrame:
    """Add ``label`` (1.0 bad, 0.0 good, in hindsight) and ``matures``, the day from which it is known for sure.

    Args:
        frame: event_time, outcome and outcome_time.
        months: time that an outcome has to show.
    """
    matures = pl.col("event_time").dt.offset_by(f"{months}mo")
    bad = (pl.col("outcome") == 1) & (pl.col("outcome_time") <= matures)
    return frame.with_columns(label=bad.fill_null(value=False).cast(pl.Float64), matures=matures)


def _known(frame: pl.DataFrame, mature: pl.DataFrame, use_case: UseCase, known_until: date) -> pl.DataFrame:
    """Return the rows that something is known of, with label and weight."""
    labels = use_case.labels
    if labels.immature == "weigh":
        weighed = weigh(frame, known_until, labels.maturity_months, labels.minimum_developed)
        return weighed.drop("matures", "mature", "developed")
    # The bad ones among the immature rows go too: bad outcomes are known early and good ones late, so keeping the early
    # ones as they are would fill the newest rows with bad ones only and teach the model that recent means bad.
    return mature.drop("matures").with_columns(weight=pl.lit(1.0))


def _in_window(known: pl.DataFrame, use_case: UseCase, as_of: date) -> pl.DataFrame:
    window = use_case.training.window
    if window.policy != "sliding" or window.months is None:
        return known
    kept = known.filter(pl.col("event_time") > _months_after(as_of, -window.months))
    if kept.is_empty():
        raise FairleadError(
            f"training.window {window} before {as_of} holds none of the {len(known)} rows with a label, the newest of "
            f"{_last_event(known)}; take more months"
        )
    return kept


def _split(window: pl.DataFrame, backtest: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Put the rows of the window into their splits and the backtest after them."""
    training = use_case.training
    shares = training.calibration_share, training.test_share
    if training.split == "shuffled":
        places = place(window["row_id"], training.seed)
        window = window.with_columns(split=shuffled(places, *shares)).select(pl.all().sort_by(places))
    else:
        window = window.with_columns(split=chronological(window["event_time"], *shares)).sort("event_time", "row_id")
    year = backtest.with_columns(weight=pl.lit(1.0), split=pl.lit(BACKTEST)).select(window.columns)
    return pl.concat([window, year.sort("event_time", "row_id")])


def _last_event(frame: pl.DataFrame) -> date:
    last: date = frame.select(pl.col("event_time").max()).item()
    return last


def _months_after(day: date, months: int) -> date:
    result: date = pl.Series([day]).dt.offset_by(f"{months}mo").item()
    return result


def _nothing_mature(labelled: pl.DataFrame, months: int, as_of: date, reach: date) -> FairleadError:
    first = labelled.select(pl.col("matures").min()).item()
    if reach < as_of:
        return FairleadError(
            f"no row is mature at {as_of}: the table knows outcomes up to {reach}, and with labels.maturity_months "
            f"{months} the first one matures on {first}; bring a newer table, or say in "
            "data.known_until when this one was drawn"
        )
    return FairleadError(
        f"no row is mature at {as_of}: with labels.maturity_months {months} the first one matures on {first}; "
        "choose a later training date or a shorter maturity"
    )


def _report(frame: pl.DataFrame) -> SplitReport:
    days = frame["event_time"].to_list()
    return SplitReport(
        rows=len(frame),
        bad=int(frame["label"].sum()),
        expected_bad=float((frame["label"] * frame["weight"]).sum()),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
    )


def _reports(dataset: pl.DataFrame) -> dict[str, SplitReport]:
    splits = {name: _report(dataset.filter(pl.col("split") == name)) for name in (TRAIN, CALIBRATION, TEST, BACKTEST)}
    for name in (TRAIN, CALIBRATION, TEST):
        found = splits[name]
        if found.bad in (0, found.rows):
            raise FairleadError(
                f"split {name!r} ({found.first_day} to {found.last_day}) holds {found.bad} bad of {found.rows} rows; "
                "both classes are needed: choose another training date, larger shares or a longer maturity"
            )
    return splits
