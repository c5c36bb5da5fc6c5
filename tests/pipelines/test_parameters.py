from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from pipelines.parameters import freshness, parameters


def test_a_shipped_use_case_travels_by_name() -> None:
    assert parameters("sba_loans", "2003-12-31", "")["use_case"] == "sba_loans"


def test_a_file_travels_as_its_text(tmp_path: Path) -> None:
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert parameters(str(tmp_path / "mine.yaml"), "", "")["use_case"] == text


def test_today_becomes_a_date() -> None:
    before = datetime.now(UTC).date().isoformat()
    found = parameters("sba_loans", "today", "")["as_of"]
    assert before <= found <= datetime.now(UTC).date().isoformat()


def test_further_parameters_are_json_or_text() -> None:
    values = parameters("sba_loans", "", "", ('shards=[{"seed": 1}]', "note=plain text"))
    assert values["shards"] == [{"seed": 1}]
    assert values["note"] == "plain text"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope", "", ""), "unknown use case 'nope'; allowed: sba_loans"),
        (("sba_loans", "31.12.2003", ""), "as_of '31.12.2003' is no date"),
        (("sba_loans", "", "", ("shards",)), "--set 'shards' is not of the form NAME=VALUE"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(FairleadError, match=message.replace(".", r"\.")):
        parameters(*arguments)  # type: ignore[arg-type]


def test_a_changed_local_source_is_fresh_again(tmp_path: Path) -> None:
    source = tmp_path / "loans.csv"
    source.write_text("a\n1\n", encoding="utf-8")
    before = freshness(str(source))
    source.write_text("a\n2\n", encoding="utf-8")
    assert freshness(str(source)) != before
    assert freshness("gs://bucket/loans.csv") == ""
