"""Outcomes from the command line: a table of them, once or twice, and what is wrong with others."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from components.serving.outcomes import read_outcomes
from pipelines.cli import main

HEAD = "request_id,label,known_at\n"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path / "home"))

    def run(text: str, code: int = 0, name: str = "o.csv") -> str:
        (tmp_path / name).write_text(text)
        done = CliRunner().invoke(main, ["outcomes", str(tmp_path / name)])
        assert done.exit_code == code, done.output
        return done.output

    return run


def test_a_table_is_recorded_once_and_corrected_later(told, tmp_path: Path) -> None:
    text = HEAD + "7080574003,1,2026-01-01T00:00:00Z\nb,0,2026-01-02T01:00:00+01:00\n"
    assert told(text).startswith("2 outcomes are new")
    assert told(text).startswith("0 outcomes are new")
    assert told(HEAD + "b,1,2026-02-01T00:00:00Z\n").startswith("1 outcomes are new")
    found = read_outcomes(tmp_path / "home" / "predictions.db")
    assert dict(found.select("request_id", "label").iter_rows()) == {"7080574003": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "a,2,2026-01-01T00:00:00Z\n", "another label than 0 or 1"),
        (HEAD + "a,1,soon\n", "cannot be read"),
        ("request_id,label\na,1\n", "missing column known_at"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_outcome_is_refused(told, text: str, words: str) -> None:
    assert words in told(text, code=1)


def test_another_form_is_refused(told) -> None:
    assert "allowed: .csv, .parquet" in told("x", code=1, name="o.txt")
