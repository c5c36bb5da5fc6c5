"""The leakage check on the real table, and on columns planted in it."""

from datetime import timedelta
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError, GateFailed
from components.core.use_case import Exclusion, UseCase, load
from components.judgement.leakage import check_leakage, judge_columns, purity, require
from components.judgement.leakage_report import LeakageReport

SAMPLE = Path(__file__).parents[2] / "components/data/samples/sba_ca_1997_2012.parquet"
USE_CASE = load("sba_loans")
LABELS = {"y", "ChgOffDate"}
KNOWN_LEAKS = {"Term", "ChgOffDate", "ChgOffPrinGr", "DisbursementDate", "y"}


@pytest.fixture(scope="module")
def clean() -> pl.DataFrame:
    """The real table as validation leaves it, as far as leakage is concerned."""
    raw = pl.read_parquet(SAMPLE, columns=list(USE_CASE.data.columns))
    charged_off = (pl.col("y") == 1) == pl.col("ChgOffDate").is_not_null()
    return raw.with_columns(pl.col("Bank").cast(pl.String), pl.col("ApprovalDate").cast(pl.Date)).filter(charged_off)


def without_exclusions(use_case: UseCase = USE_CASE) -> UseCase:
    features = use_case.features.model_copy(update={"exclude": ()})
    return use_case.model_copy(update={"features": features})


def planted(clean: pl.DataFrame, column: pl.Series) -> LeakageReport:
    few = USE_CASE.leakage.model_copy(update={"sample": 20_000})
    return judge_columns(clean.with_columns(column.alias("planted")), USE_CASE.model_copy(update={"leakage": few}))


def found_by(report: LeakageReport, column: str) -> set[str]:
    return {f.check for f in report.findings if f.leaks and f.column == column}


def test_finds_the_leaks_of_the_real_table_without_hints_and_no_others(clean: pl.DataFrame) -> None:
    report = judge_columns(clean, without_exclusions())
    assert set(report.flagged) == KNOWN_LEAKS
    assert {f.column for f in report.leaks} == KNOWN_LEAKS - LABELS
    assert found_by(report, "Term") == {"order", "pattern"}
    assert found_by(report, "DisbursementDate") == {"future"}
    assert found_by(report, "ChgOffPrinGr") == {"order", "pattern", "one_outcome"}
    assert found_by(report, "ChgOffDate") == {"future", "pattern", "missing", "one_outcome"}


def test_passes_the_real_table_with_the_shipped_exclusions(clean: pl.DataFrame, tmp_path: Path) -> None:
    clean.write_parquet(tmp_path / "clean.parquet")
    started = process_time()
    report = check_leakage(tmp_path / "clean.parquet", USE_CASE, tmp_path / "report.json")
    assert process_time() - started < 20  # about 1 s of computing, the rest is room for a busy machine
    assert report.verdict == "pass"
    assert report.sampled == 50_000
    assert report.rows == clean.height
    assert LeakageReport.model_validate_json((tmp_path / "report.json").read_text()) == report
    reasons = {f.column: f.reason for f in report.findings if f.leaks}
    assert reasons["y"] == "by definition: the outcome"
    assert "shortened" in reasons["Term"]


def test_stops_when_the_exclusion_of_a_leak_is_removed(clean: pl.DataFrame, tmp_path: Path) -> None:
    kept = tuple(e for e in USE_CASE.features.exclude if e.column != "Term")
    features = USE_CASE.features.model_copy(update={"exclude": kept, "inputs": (*USE_CASE.features.inputs, "Term")})
    clean.write_parquet(tmp_path / "clean.parquet")
    with pytest.raises(GateFailed, match=r"Term +\| pattern \| 0\.9[78]\d+ +\| 0\.85 .*\| add it to features\.exclude"):
        check_leakage(
            tmp_path / "clean.parquet", USE_CASE.model_copy(update={"features": features}), tmp_path / "report.json"
        )
    written = LeakageReport.model_validate_json((tmp_path / "report.json").read_text())
    assert [(f.column, f.check) for f in written.leaks] == [("Term", "order"), ("Term", "pattern")]


def test_the_outcome_is_no_input_even_by_definition(clean: pl.DataFrame) -> None:
    features = USE_CASE.features.model_copy(update={"inputs": (*USE_CASE.features.inputs, "y")})
    report = judge_columns(clean, USE_CASE.model_copy(update={"features": features}))
    assert {f.column for f in report.leaks} == {"y"}


def test_excluding_a_column_that_does_not_leak_is_fine(clean: pl.DataFrame) -> None:
    inputs = tuple(c for c in USE_CASE.features.inputs if c != "State")
    exclude = (*USE_CASE.features.exclude, Exclusion(column="State", reason="all alike"))
    features = USE_CASE.features.model_copy(update={"inputs": inputs, "exclude": exclude})
    assert judge_columns(clean, USE_CASE.model_copy(update={"features": features})).verdict == "pass"


def test_catches_a_noisy_copy_of_the_outcome(clean: pl.DataFrame) -> None:
    rng = np.random.default_rng(0)
    y = clean["y"].to_numpy()
    swapped = rng.permutation(len(y))[: len(y) // 10]
    copy = y.copy()
    copy[swapped] = 1 - copy[swapped]
    for column in (y, 1 - y, copy, 1 - copy):
        assert {"order", "pattern"} <= found_by(planted(clean, pl.Series(column)), "planted")


def test_catches_text_that_spells_the_outcome(clean: pl.DataFrame) -> None:
    status = clean.select(pl.when(pl.col("y") == 1).then(pl.lit("CHGOFF")).otherwise(pl.lit("P I F"))).to_series()
    assert "pattern" in found_by(planted(clean, status), "planted")


def test_catches_a_value_that_only_one_outcome_has(clean: pl.DataFrame) -> None:
    rng = np.random.default_rng(1)
    fee = np.where((clean["y"].to_numpy() == 1) & (rng.random(clean.height) < 0.3), 100.0, 0.0)
    # Three bad rows in ten have it: too few to rank by, but no good row has it.
    assert found_by(planted(clean, pl.Series(fee)), "planted") == {"one_outcome"}


def test_catches_an_outcome_told_by_what_is_missing(clean: pl.DataFrame) -> None:
    note = clean.select(pl.when(pl.col("y") == 0).then(pl.lit("paid"))).to_series()
    assert {"missing", "one_outcome"} <= found_by(planted(clean, note), "planted")


def test_catches_dates_after_the_event(clean: pl.DataFrame) -> None:
    later = clean["ApprovalDate"] + timedelta(days=1)
    assert found_by(planted(clean, later), "planted") == {"future"}
    assert found_by(planted(clean, clean["ApprovalDate"] - timedelta(days=400)), "planted") == set()


def test_catches_a_date_whose_distance_from_the_event_tells(clean: pl.DataFrame) -> None:
    gap = pl.when(pl.col("y") == 1).then(10).otherwise(20)
    before = clean.select(pl.col("ApprovalDate") - pl.duration(days=gap)).to_series()
    assert "order" in found_by(planted(clean, before), "planted")


def test_catches_a_relation_that_goes_up_and_down(clean: pl.DataFrame) -> None:
    rng = np.random.default_rng(3)
    middle = clean["y"].to_numpy() == 1
    hump = np.where(middle, rng.uniform(0.4, 0.6, clean.height), rng.random(clean.height))
    assert found_by(planted(clean, pl.Series(hump)), "planted") == {"pattern"}


def test_leaves_random_columns_and_identifiers_alone(clean: pl.DataFrame) -> None:
    rng = np.random.default_rng(2)
    for column in (
        pl.Series(rng.random(clean.height)),
        pl.Series(rng.integers(0, 40_000, clean.height)),
        pl.Series([f"borrower-{i}" for i in rng.permutation(clean.height)]),
        pl.Series([None] * clean.height, dtype=pl.Float64),
        pl.Series(np.where(rng.random(clean.height) < 0.001, 1.0, np.nan)),
    ):
        assert found_by(planted(clean, column), "planted") == set()


def test_a_handful_of_rows_proves_nothing() -> None:
    labels = np.repeat([0.0, 1.0], [1000, 200])
    present = np.zeros(1200, dtype=bool)
    present[-3:] = True
    assert purity(present, labels) < 0.99


def test_too_few_rows_of_an_outcome_is_no_data_and_stops(clean: pl.DataFrame) -> None:
    good = pl.concat([clean.filter(pl.col("y") == 0).head(500), clean.filter(pl.col("y") == 1).head(19)])
    report = judge_columns(good, USE_CASE)
    assert report.verdict == "no_data"
    with pytest.raises(GateFailed, match="no data"):
        require(report)


def test_a_table_without_the_outcome_is_an_error(clean: pl.DataFrame) -> None:
    with pytest.raises(FairleadError, match="needs column 'y'"):
        judge_columns(clean.drop("y"), USE_CASE)
    with pytest.raises(FairleadError, match=r"values \[2\.0\]; allowed: 0, 1"):
        judge_columns(clean.with_columns(y=pl.lit(2)), USE_CASE)


def test_the_same_seed_gives_the_same_report(clean: pl.DataFrame) -> None:
    assert judge_columns(clean, USE_CASE) == judge_columns(clean, USE_CASE)


def test_an_entity_may_not_stand_on_a_leak(clean: pl.DataFrame) -> None:
    entity = USE_CASE.features.entities[0].model_copy(update={"column": "Term"})
    features = USE_CASE.features.model_copy(update={"entities": (entity,)})
    assert {f.column for f in judge_columns(clean, USE_CASE.model_copy(update={"features": features})).leaks} == {
        "Term"
    }


def test_every_column_but_the_row_id_is_judged(clean: pl.DataFrame) -> None:
    judged = {f.column for f in judge_columns(clean, USE_CASE).findings}
    assert judged == set(USE_CASE.data.columns) - {"LoanNr_ChkDgt"}
