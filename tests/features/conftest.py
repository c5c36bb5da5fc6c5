"""A small table with the shape that the feature store is made for, and a store built of real loans."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.core.use_case import UseCase, load
from components.data.columns import schema
from components.data.expectations import check
from components.features.catalogue import catalogue
from components.features.rows import from_frame, request_fields
from components.features.store import FeatureReport, apply_on_demand, build_features, materialize
from components.features.transform import Transform, fit, select

SAMPLE = Path(__file__).parents[2] / "components" / "data" / "samples" / "sba_ca_1997_2012.parquet"
END = date(2004, 1, 2)

SMALL = """
name: small
title: Which orders come back?
intended_use: tests
limits: [it is made up]
as_of: 2020-12-31
data:
  source: none.parquet
  row_id: id
  event_time: day
  quarantine_limit: 0.5
  columns:
    id: {kind: int}
    day: {kind: date}
    came_back: {kind: date, nullable: true}
    back: {kind: int}
    shop: {kind: category, nullable: true}
    item: {kind: int, nullable: true}
labels: {outcome: back, outcome_time: came_back, maturity_months: 2}
features:
  inputs: [day, shop, item]
  entities:
    - {name: seller, column: shop, window_months: 1}
    - {name: thing, column: item, window_months: 5}
  names: []
training: {cost_false_negative: 1, cost_false_positive: 1}
gates: {floors: []}
"""

Order = tuple[date, date | None, str | None, int | None]
"""Day, day on which it came back, shop, item."""


@dataclass(frozen=True)
class Built:
    """A store with everything in it: histories, online state at ``END``, a transform fitted on the rows before."""

    clean: Path
    store: Path
    features: Path
    report: FeatureReport
    transform: Transform


@pytest.fixture(scope="session")
def small() -> UseCase:
    """A use case of two entities, over tables small enough to count by hand."""
    return load(SMALL)


@pytest.fixture(scope="session")
def orders() -> Callable[[list[Order]], pl.DataFrame]:
    """Make the clean table of ``small``; an order that came back is a bad one."""

    def table(rows: list[Order]) -> pl.DataFrame:
        columns: dict[str, list[Any]] = {
            "id": list(range(100, 100 + len(rows))),
            "day": [r[0] for r in rows],
            "came_back": [r[1] for r in rows],
            "back": [int(r[1] is not None) for r in rows],
            "shop": [r[2] for r in rows],
            "item": [r[3] for r in rows],
        }
        types = {"id": pl.Int64, "day": pl.Date, "came_back": pl.Date, "back": pl.Int64, "shop": pl.String}
        return pl.DataFrame(columns, schema={**types, "item": pl.Int64})

    return table


@pytest.fixture(scope="session")
def count_by_hand() -> Callable[[list[Order], int, int, int], tuple[float | None, float | None, date | None]]:
    """Count (rows, bad ones, day of the latest bad one) known to row ``at``, one row after the other."""

    def count(rows: list[Order], at: int, key: int, months: int) -> tuple[float | None, float | None, date | None]:
        today, own = rows[at][0], rows[at][key]
        same = [r for r in rows if own is not None and r[key] == own]
        seen = [r[0] for r in same if r[0] < today <= months_later(r[0], months)]
        bad = [max(r[0], r[1]) for r in same if r[1] is not None]
        bad = [day for day in bad if day < today <= months_later(day, months)]
        if not seen and not bad:
            return None, None, None
        return float(len(seen)), float(len(bad)), max(bad, default=None)

    return count


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@pytest.fixture(scope="session")
def clean_sba(sba: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All rows of the sample that meet the expectations."""
    target = tmp_path_factory.mktemp("clean") / "clean.parquet"
    raw = pl.read_parquet(SAMPLE, columns=list(sba.data.columns))
    check(raw, sba.data).clean.select(list(schema(sba.data))).write_parquet(target)
    return target


@pytest.fixture(scope="session")
def built(sba: UseCase, clean_sba: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    store, features = folder / "store", folder / "features.parquet"
    report = build_features(clean_sba, sba, store, features)
    materialize(store, sba, END)
    table = pl.read_parquet(features).filter(pl.col("event_time") < date(2001, 1, 1))
    rows = from_frame(table, request_fields(sba))
    transform = fit(select(sba.features.names, catalogue(sba.name)), rows, table["outcome"].cast(pl.Float64).to_numpy())
    (folder / "transform.json").write_text(transform.to_json(), encoding="utf-8")
    apply_on_demand(store, sba, folder / "transform.json")
    return Built(clean_sba, store, features, report, transform)
