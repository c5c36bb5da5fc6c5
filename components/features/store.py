"""The feature store of a use case: Feast over DuckDB (offline) and SQLite (online) in one directory.

Offline, a row of day *D* gets the state of its entities at *D* 00:00 UTC, boundary included: the latest change at or
before that instant, which by the history's rule knows days before *D* only. Online, the store holds the state at the
``end`` it was last materialised for, and nothing later; a row of the day ``end`` gets the same values on both ways.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import polars as pl
from feast import FeatureStore
from pydantic import BaseModel, ConfigDict

from components.core.artifacts import code_fingerprint, write_whole
from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import UseCase
from components.features.definitions import Definitions, history_path, transform_path
from components.features.history import EVENT_TIMESTAMP, as_instant, history, midnight
from components.features.rows import history_columns

CONFIGURATION_FILE = "feature_store.yaml"

CONFIGURATION = """\
project: fairlead
provider: local
registry: registry.db
offline_store:
  type: duckdb
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""
"""What stands in it, the same for every store directory."""

ROWS_AT_ONCE = 150_000
"""Rows to join in one go: bounds the memory that the join of a large table takes."""

_ROW = "fairlead_row"


class HistoryReport(BaseModel):
    """One entity's history in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: str
    keys: int
    """Entities with a history."""
    changes: int
    """Rows of the history table."""
    rows_without_key: int
    """Rows of the clean table in which the entity is not stated; they are kept, with an empty history."""
    rows_without_history: int
    """Rows whose entity had nothing in its window, those without a key among them."""


class FeatureReport(BaseModel):
    """What ``build_features`` made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_case: str
    rows: int
    """Rows of the clean table, and of the features: always the same number."""
    columns: tuple[str, ...]
    histories: tuple[HistoryReport, ...]
    service: str
    """Feast feature service that the histories came through."""
    version: str
    """Version of the feature definitions, as in the service's tags."""
    code_fingerprint: str


def build_features(clean: Path, use_case: UseCase, store: Path, features: Path) -> FeatureReport:
    """Join every row of the clean table with its entities' histories as they were known before the row.

    Args:
        clean: typed table (parquet), n rows.
        use_case: what to build.
        store: directory of the feature store; made anew from the clean table.
        features: where to write the n rows (parquet), in the order of the clean table: ``row_id``, ``event_time``,
            ``outcome``, ``outcome_time``, inputs and segments under their own names, and for each entity
            ``<entity>_count``, ``<entity>_bad``, ``<entity>_last_bad``; null where it had nothing in its window.

    Raises:
        IntegrityError: the table is empty, or the join lost, doubled or changed a row; no features are written then.
    """
    table = pl.read_parquet(clean)
    _start_anew(store)
    changes = {plan.name: history(table, use_case, plan) for plan in use_case.features.entities}
    for plan in use_case.features.entities:
        last_bad = history_columns(plan.name)[2]
        path = history_path(store, plan.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        changes[plan.name].with_columns(as_instant(pl.col(last_bad))).write_parquet(path)
    apply(store, use_case)
    definitions = Definitions(use_case, store)
    joined = _join(open_store(store), definitions.history_service.name, table, use_case)
    result = table.select(_carried(use_case)).hstack(joined)
    features.parent.mkdir(parents=True, exist_ok=True)
    result.write_parquet(features)
    return FeatureReport(
        use_case=use_case.name,
        rows=result.height,
        columns=tuple(result.columns),
        histories=tuple(
            HistoryReport(
                entity=plan.name,
                keys=changes[plan.name][plan.column].n_unique(),
                changes=changes[plan.name].height,
                rows_without_key=table[plan.column].null_count(),
                rows_without_history=result[history_columns(plan.name)[0]].null_count(),
            )
            for plan in use_case.features.entities
        ),
        service=definitions.history_service.name,
        version=definitions.version,
        code_fingerprint=code_fingerprint("features"),
    )


def open_store(store: Path) -> FeatureStore:
    """Open the Feast store in a directory, as any Feast program would.

    Raises:
        FairleadError: the directory holds no store.
    """
    if not (store / CONFIGURATION_FILE).exists():
        raise FairleadError(f"{store} is not a feature store (no {CONFIGURATION_FILE}); make it with build_features")
    return FeatureStore(repo_path=str(store.absolute()))


def apply(store: Path, use_case: UseCase) -> None:
    """Write the use case's definitions into the store's registry; needed again after the directory was moved."""
    with quietly():
        open_store(store).apply(Definitions(use_case, store).everything())


def apply_on_demand(store: Path, use_case: UseCase, transform: Path) -> None:
    """Give the store a fitted transform, so that it can compute the model's matrix on demand.

    Args:
        store: a store that ``build_features`` made.
        use_case: the same one.
        transform: ``transform.json`` of a bundle.
    """
    open_store(store)
    write_whole(transform_path(store), transform.read_bytes())
    apply(store, use_case)


def online_path(opened: FeatureStore) -> Path | None:
    """Return the file of a store's online half; None where that is a server, such as Redis."""
    path = getattr(opened.config.online_store, "path", None)
    return Path(opened.repo_path) / path if path else None


def materialize(store: Path, use_case: UseCase, end: date) -> None:
    """Fill the online store with the state of every entity at ``end`` 00:00 UTC.

    A file is made anew and put in place in one rename: no state of an earlier (or later) ``end`` stays behind, and who
    reads meanwhile sees the old one whole. A server (Redis, say: whatever ``feature_store.yaml`` names) is written in
    place, entity by entity, and only forward in time, for it keeps what is newer. Read either with
    ``components.features.online``.

    Raises:
        FairleadError: a server holds states of a later ``end``.
    """
    opened = open_store(store)
    start, definitions = min(_first_change(store, use_case), midnight(end)), Definitions(use_case, store).everything()
    target = online_path(opened)
    if target is None:
        with quietly():
            opened.apply(definitions)
            _require_forward(opened, midnight(end))
            opened.materialize(start_date=start, end_date=midnight(end))
        return
    with _scratch_beside(target) as scratch, quietly():
        opened.config.online_store.path = str(scratch)
        opened.apply(definitions)
        opened.materialize(start_date=start, end_date=midnight(end))


def _require_forward(opened: FeatureStore, end: datetime) -> None:
    ends = [until for view in opened.list_batch_feature_views() for _, until in view.materialization_intervals]
    if ends and max(ends) > end:
        raise FairleadError(
            f"the online store holds what was known on {max(ends).date()}, found an end of {end.date()}; it keeps what "
            "is newer: empty it, and build the features anew, to go back"
        )


def _start_anew(store: Path) -> None:
    for name in ("registry.db", "online.db", "transform.json"):
        (store / name).unlink(missing_ok=True)
    shutil.rmtree(store / "history", ignore_errors=True)
    write_whole(store / CONFIGURATION_FILE, CONFIGURATION.encode())


def _carried(use_case: UseCase) -> list[pl.Expr]:
    """Pick what goes through untouched: four columns that every table of features has, inputs and segments."""
    return [
        pl.col(use_case.data.row_id).alias("row_id"),
        pl.col(use_case.data.event_time).alias("event_time"),
        pl.col(use_case.labels.outcome).alias("outcome"),
        pl.col(use_case.labels.outcome_time).alias("outcome_time"),
        *(pl.col(name) for name in dict.fromkeys([*use_case.features.inputs, *use_case.training.segments])),
    ]


def _join(opened: FeatureStore, service: str, table: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Ask Feast for the histories of every row; give them back in the table's order, n rows."""
    plans = use_case.features.entities
    asked = table.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias(_ROW),
        as_instant(pl.col(use_case.data.event_time)).alias(EVENT_TIMESTAMP),
        *dict.fromkeys(p.column for p in plans),
    )
    if asked.is_empty():
        raise IntegrityError("the clean table has no rows; there is nothing to build features of")
    if not plans:
        return pl.DataFrame()
    features = opened.get_feature_service(service)
    parts = []
    # In the order of time, the rows of one part share the stretch of history that they are joined with.
    for part in asked.sort(EVENT_TIMESTAMP).iter_slices(ROWS_AT_ONCE):
        frame = part.to_pandas(use_pyarrow_extension_array=True)
        # Feast tells the event time by pandas' own type of timestamps.
        frame[EVENT_TIMESTAMP] = part[EVENT_TIMESTAMP].to_pandas()
        with quietly():
            answer = opened.get_historical_features(entity_df=frame, features=features).to_arrow()
        got = pl.from_arrow(answer)
        assert isinstance(got, pl.DataFrame)
        parts.append(got)
    joined = pl.concat(parts).sort(_ROW)
    _require_every_row(asked, joined)
    names = [history_columns(p.name) for p in plans]
    return joined.select(
        *(pl.col(name).cast(t) for n in names for name, t in zip(n, (pl.Float64, pl.Float64, pl.Date), strict=True))
    )


def _require_every_row(asked: pl.DataFrame, joined: pl.DataFrame) -> None:
    """Raise unless the join gave back every row once, with the keys and the time that it was asked with."""
    lost = asked.join(joined, on=_ROW, how="anti")[_ROW].to_list()
    doubled = joined.filter(pl.col(_ROW).is_duplicated())[_ROW].unique().sort().to_list()
    if lost or doubled or joined.height != asked.height:
        raise IntegrityError(
            f"the point-in-time join gave {joined.height} rows for {asked.height}: {len(lost)} lost (rows "
            f"{lost[:5]}), {len(doubled)} doubled (rows {doubled[:5]}); the offline engine is not fit for this table"
        )
    for name in asked.columns:
        if not asked[name].equals(joined[name].cast(asked[name].dtype), null_equal=True):
            raise IntegrityError(f"the point-in-time join changed column {name!r} of the rows that it was asked for")


def _first_change(store: Path, use_case: UseCase) -> datetime:
    """Return the time of the earliest change in any history: from there on Feast has to look."""
    first = [
        pl.scan_parquet(history_path(store, p.name)).select(pl.min(EVENT_TIMESTAMP)).collect().item()
        for p in use_case.features.entities
    ]
    return min((t for t in first if t is not None), default=datetime(1970, 1, 1, tzinfo=UTC))


@contextmanager
def _scratch_beside(target: Path) -> Iterator[Path]:
    """Give the path of a scratch file that takes the target's place when the block ends well."""
    with tempfile.TemporaryDirectory(prefix=".online-", dir=target.parent) as folder:
        scratch = Path(folder) / target.name
        yield scratch
        scratch.replace(target)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep Feast's progress off the terminal, and still what it and ibis are known to warn of."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        # Feast says so on each apply of an on-demand view, which is the one kind of view that can run our transform.
        warnings.filterwarnings("ignore", "On demand feature view is an experimental", RuntimeWarning)
        # ibis 12 calls DuckDB 2 by the old name of a method; drop this when it no longer does.
        warnings.filterwarnings("ignore", r"fetch_arrow_table\(\) is deprecated", DeprecationWarning)
        yield
