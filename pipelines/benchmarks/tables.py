"""Figures of the table: ingest, expectations and quarantine; the point-in-time join; each beside a peer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from components.core import use_case as use_cases
from components.core.use_case import Column, UseCase
from components.data.expectations import check
from components.data.ingest import ingest
from components.data.quarantine import check_rows
from components.features.history import EVENT_TIMESTAMP, as_instant, history
from components.features.rows import history_columns
from components.features.store import build_features
from pipelines.benchmarks.measure import Apart, Figure, Say, apart, times

USE_CASE = "sba_loans"
SAMPLE_ROWS = 100_000
SECONDS, GB = 30.0, 3.0
"""Targets for ingest, expectations and quarantine of the national table."""

PANDAS_RULES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "paid_in_full_has_no_charge_off": lambda t: (t["y"] == 1) | t["ChgOffDate"].isna(),
    "charged_off_has_a_date": lambda t: (t["y"] == 0) | t["ChgOffDate"].notna(),
    "charge_off_follows_approval": lambda t: ~(t["ChgOffDate"] <= t["ApprovalDate"]),
    "disbursement_not_before_approval": lambda t: ~(t["DisbursementDate"] < t["ApprovalDate"]),
    "guarantee_not_above_loan": lambda t: ~(t["SBA_Appv"] > t["GrAppv"]),
}
"""The use case's own rules once more, as somebody would write them for pandas."""


def measure(national: Path, scratch: Path, say: Say) -> list[Figure]:
    """Measure what is done to a table before training.

    Args:
        national: the national table; where it is not there, the table that ships is measured and no target is held.
        scratch: directory to work in.
        say: takes one line of progress.
    """
    source, name = (str(national), "national table") if national.exists() else ("", "shipped table")
    if not source:
        say(f"{national} is not there, so the table that ships is measured; get it with: make data-national")
    say(f"ingest, expectations and quarantine of the {name}, 3 times")
    runs = [apart(checked, source, scratch) for _ in range(3)]
    middle = sorted(runs, key=lambda run: run.seconds)[1]
    say(f"the same checks by pandera on pandas, {SAMPLE_ROWS:,} rows")
    ours, theirs, same = apart(beside_pandas, scratch / "raw.parquet").result
    say(f"the point-in-time join of the {name} through Feast")
    joined = apart(joined_by_feast, scratch)
    say("the same join by polars")
    asof = apart(joined_by_polars, scratch)
    return [
        *_of_the_checks(middle, name, held=bool(source)),
        Figure(
            f"expectations, {SAMPLE_ROWS:,} rows in memory" + ("" if same else ", OTHER ROWS THAN THE PEER"),
            ours,
            "s",
            "pandera on pandas",
            theirs,
        ),
        *_of_the_join(joined, asof, name),
    ]


def _of_the_checks(run: Apart, name: str, held: bool) -> list[Figure]:
    what = f"ingest + expectations + quarantine, {name} ({run.result:,} rows)"
    return [
        Figure(what, run.seconds, "s", "target", SECONDS if held else None, target=held),
        Figure("  time of all cores", run.cpu_seconds, "CPU-s"),
        Figure("  peak memory", run.peak_gb, "GB", "target", GB if held else None, target=held),
    ]


def _of_the_join(joined: Apart, asof: Apart, name: str) -> list[Figure]:
    given, kept = joined.result
    peer = "polars join_asof"
    equal = "equal in every cell" if asof.result else "DIFFERENT"
    return [
        Figure(f"point-in-time join through Feast, {name}", joined.seconds, "s", peer, asof.seconds),
        Figure("  time of all cores", joined.cpu_seconds, "CPU-s", peer, asof.cpu_seconds),
        Figure("  peak memory", joined.peak_gb, "GB", peer, asof.peak_gb),
        Figure(f"  rows lost of {given:,}; polars' answer is {equal}", given - kept, "rows", "target", 0, target=True),
    ]


def checked(source: str, scratch: Path) -> int:
    """Ingest a table, check its rows and write quarantine; returns its rows."""
    data = use_cases.load(USE_CASE).data
    ingest(data, scratch / "raw.parquet", source or None)
    report = check_rows(scratch / "raw.parquet", data, scratch / "clean.parquet", scratch / "quarantine.parquet")
    return report.rows


def beside_pandas(raw: Path, rows: int = SAMPLE_ROWS) -> tuple[float, float, bool]:
    """Time our expectations and pandera's on pandas, on the same rows in memory.

    Returns:
        Seconds of ours, from raw values; seconds of the peer, from values that are typed already; and whether both
        found fault with the same rows.
    """
    import pandera.pandas as pa

    data = use_cases.load(USE_CASE).data
    whole = pl.read_parquet(raw)
    frame = whole.sample(min(rows, whole.height), seed=1)
    breaches = check(frame, data).breaches
    peer = pandas_schema(data.columns, pa)
    typed = pandas_frame(frame, data.columns)
    cases = failures(peer, typed)
    # A column that is not nullable is told by both; the row counts once.
    same = set(breaches["row"].to_list()) == set(cases["index"].dropna().astype(int))
    return times(lambda: check(frame, data), 3), times(lambda: failures(peer, typed), 3), same


def pandas_frame(frame: pl.DataFrame, columns: dict[str, Column]) -> pd.DataFrame:
    """Turn raw rows into pandas with the types that the checks want."""
    coded = [n for n, column in columns.items() if column.kind == "category" and frame.schema[n].is_numeric()]
    return frame.with_columns(pl.col(coded).cast(pl.Int64).cast(pl.String)).to_pandas()


def pandas_schema(columns: dict[str, Column], pa: Any) -> Any:
    """Write the use case's expectations as a schema of pandera on pandas."""

    def checks(column: Column) -> list[Any]:
        numeric = column.kind in ("int", "float")
        found = [pa.Check.ge(column.minimum)] if numeric and column.minimum is not None else []
        found += [pa.Check.le(column.maximum)] if numeric and column.maximum is not None else []
        return found + ([pa.Check.isin(column.values)] if column.values else [])

    return pa.DataFrameSchema(
        {n: pa.Column(nullable=c.nullable, unique=c.unique, checks=checks(c)) for n, c in columns.items()},
        checks=[pa.Check(rule, name=name) for name, rule in PANDAS_RULES.items()],
        strict=True,
    )


def failures(schema: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """List what pandera finds wrong, a row for each case."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases: pd.DataFrame = errors.failure_cases
        return cases
    return pd.DataFrame({"index": []})


def joined_by_feast(scratch: Path) -> tuple[int, int]:
    """Build the features of ``clean.parquet`` as the pipeline does; returns the rows given and the rows got."""
    case = use_cases.load(USE_CASE)
    clean = scratch / "clean.parquet"
    report = build_features(clean, case, scratch / "store", scratch / "features.parquet")
    return pl.scan_parquet(clean).select(pl.len()).collect().item(), report.rows


def joined_by_polars(scratch: Path) -> bool:
    """Build the same by polars alone, from the same histories; returns whether every history cell is equal."""
    case = use_cases.load(USE_CASE)
    rows = with_histories(pl.read_parquet(scratch / "clean.parquet"), case)
    names = [name for plan in case.features.entities for name in history_columns(plan.name)]
    rows.write_parquet(scratch / "asof.parquet")
    return rows.select(names).equals(pl.read_parquet(scratch / "features.parquet", columns=names))


def with_histories(clean: pl.DataFrame, case: UseCase) -> pl.DataFrame:
    """Join each row with the latest state of its entities at or before its own day, by polars."""
    rows = clean.with_columns(as_instant(pl.col(case.data.event_time)).alias("at")).with_row_index("place").sort("at")
    for plan in case.features.entities:
        changes = history(clean, case, plan).sort(EVENT_TIMESTAMP)
        rows = rows.join_asof(
            changes, left_on="at", right_on=EVENT_TIMESTAMP, by=plan.column, check_sortedness=False
        ).drop(EVENT_TIMESTAMP)
    return rows.sort("place").drop("place", "at")
