import json
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.core.use_case import load
from components.data.schema_report import require
from tests.data.validated import report


def test_shipped_table_with_its_known_dirt_passes(validated: Path) -> None:
    found = report(validated, "whole")
    assert found.rows == 99_148
    assert found.anomalies == ()
    assert found.schema_file == "components/data/schemas/sba_loans.pbtxt"
    require(found)


@pytest.mark.parametrize(
    ("name", "column", "kind"),
    [
        ("missing_column", "NoEmp", "missing_column"),
        ("extra_column", "Rating", "extra_column"),
        ("number_now_text", "GrAppv", "wrong_type"),
        ("text_now_number", "Bank", "wrong_type"),
        ("date_now_number", "ApprovalDate", "wrong_type"),
        ("whole_now_broken", "NoEmp", "wrong_type"),
        ("new_code", "LowDoc", "unknown_values"),
        ("no_values", "Bank", "no_values"),
        ("many_missing", "State", "too_many_missing"),
    ],
)
def test_structure_anomaly_blocks(validated: Path, name: str, column: str, kind: str) -> None:
    found = report(validated, name)
    assert [(a.column, a.kind, a.severity) for a in found.anomalies] == [(column, kind, "blocking")]
    with pytest.raises(FairleadError, match=f"{column}: {kind}"):
        require(found)


def test_new_code_is_named_with_its_share(validated: Path) -> None:
    assert "Q (~20%)" in report(validated, "new_code").anomalies[0].reason


@pytest.mark.parametrize("name", ["few", "rare_code", "as_text", "few_wrong"])
def test_rare_dirt_is_left_to_the_row_checks(validated: Path, name: str) -> None:
    assert report(validated, name).anomalies == ()


def test_empty_table_blocks_and_still_tells_its_missing_column(validated: Path) -> None:
    found = report(validated, "empty")
    assert found.rows == 0
    assert [(a.column, a.kind) for a in found.blocking] == [("", "empty_table"), ("NoEmp", "missing_column")]


def test_use_case_without_a_schema_gets_an_inferred_one_that_knows_its_columns(validated: Path) -> None:
    found = report(validated, "other_use_case")
    assert found.schema_file is None
    assert "python -m components.data.schema infer --use-case my_loans --target" in found.note
    assert [(a.column, a.kind) for a in found.blocking] == [("NoEmp", "missing_column")]


def test_unreadable_file_is_named(validated: Path) -> None:
    assert "gone.parquet" in json.loads((validated / "found.json").read_text())["gone"]


def test_infer_writes_a_schema_to_curate(validated: Path) -> None:
    text = (validated / "s").read_text()
    assert text.count("feature {") == len(load("sba_loans").data.columns)
    assert "min_domain_mass: 0.95" in text


def test_statistics_are_written_for_tfdv(validated: Path) -> None:
    assert "num_examples: 99148" in (validated / "whole.pbtxt").read_text()


def test_nothing_reaches_for_the_network_and_examples_hold(validated: Path) -> None:
    found = json.loads((validated / "found.json").read_text())
    assert found["attempts"] == []
    assert found["failed_doctests"] == 0
