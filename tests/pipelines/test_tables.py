"""The measured functions on a small part of the real table: what they return is right; how fast is not asked."""

from pathlib import Path

import pandera.pandas as pa
import polars as pl
import pytest

from components.core.use_case import UseCase
from components.features.rows import history_columns
from pipelines.benchmarks import tables
from pipelines.benchmarks.measure import Apart
from tests.conftest import SAMPLE


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    pl.read_parquet(SAMPLE).gather_every(40).write_parquet(folder / "some.parquet")
    assert tables.checked(str(folder / "some.parquet"), folder) == 2_479
    return folder


def test_checks_write_clean_rows_and_quarantine(scratch: Path) -> None:
    clean, bad = (pl.read_parquet(scratch / f"{n}.parquet") for n in ("clean", "quarantine"))
    assert clean.height + bad["row"].n_unique() == 2_479
    assert bad.height > 0


def test_the_peer_finds_fault_with_the_same_rows(scratch: Path) -> None:
    ours, theirs, same = tables.beside_pandas(scratch / "raw.parquet")
    assert same
    assert ours > 0
    assert theirs > 0


def test_the_peer_has_every_rule_of_the_use_case(sba: UseCase) -> None:
    assert set(tables.PANDAS_RULES) == {rule.name for rule in sba.data.rules}


def test_the_peer_finds_what_is_wrong(sba: UseCase, scratch: Path) -> None:
    columns = sba.data.columns
    good = tables.pandas_frame(pl.read_parquet(scratch / "clean.parquet"), columns)
    schema = tables.pandas_schema(columns, pa)
    assert tables.failures(schema, good).empty
    good.loc[3, "GrAppv"] = good.loc[3, "SBA_Appv"] - 1
    assert set(tables.failures(schema, good)["check"]) == {"guarantee_not_above_loan"}


def test_the_join_keeps_every_row_and_polars_agrees(scratch: Path, sba: UseCase) -> None:
    given, kept = tables.joined_by_feast(scratch)
    assert given == kept == pl.read_parquet(scratch / "clean.parquet").height
    assert tables.joined_by_polars(scratch)
    bank = pl.read_parquet(scratch / "asof.parquet")[history_columns(sba.features.entities[0].name)[0]]
    assert bank.drop_nulls().len() > 0


def test_a_difference_to_polars_is_found(scratch: Path) -> None:
    tables.joined_by_feast(scratch)
    features = pl.read_parquet(scratch / "features.parquet")
    features.with_columns(pl.col("bank_count") + 1).write_parquet(scratch / "features.parquet")
    assert not tables.joined_by_polars(scratch)


def test_no_target_is_held_on_another_table() -> None:
    run = Apart(99_148, 40.0, 40.0, 9.0)
    assert not any(f.missed for f in tables._of_the_checks(run, "shipped table", held=False))
    assert [f.missed for f in tables._of_the_checks(run, "national table", held=True)] == [True, False, True]


def test_a_lost_row_is_a_miss() -> None:
    figures = tables._of_the_join(Apart((10, 9), 1, 1, 1), Apart(False, 1, 1, 1), "table")
    assert figures[-1].missed
    assert "DIFFERENT" in figures[-1].what
