import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.pipelines.conftest import Finished


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for command in ("run", "compile", "submit", "schedule", "demo", "bench", "versions", "promote", "replay", "audit"):
        assert f"\n  {command}" in result.output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "training", "--use-case", "nope"], "unknown use case 'nope'"),
        (["run", "training", "--as-of", "soon"], "as_of 'soon' is no date"),
        (["submit", "training"], "no Kubeflow Pipelines endpoint"),
        (["approve", "nothing"], "nothing"),
    ],
)
def test_our_errors_are_one_line_and_no_trace(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_TRAKING_URI", "sqlite:///x")
    result = CliRunner().invoke(main, ["versions", "sba_loans"])
    assert result.exit_code == 1
    assert "unknown setting FAIRLEAD_TRAKING_URI" in result.output


def test_repaired_rows_are_tried_and_a_run_is_left_as_it_is(finished: Finished, tmp_path: Path) -> None:
    quarantine, clean = (finished.run.artifact("check_rows", name) for name in ("quarantine", "clean"))
    bad = pl.read_parquet(quarantine).filter(pl.col("column") == "RevLineCr").head(5)
    rows = pl.DataFrame([{**json.loads(row), "RevLineCr": "Y"} for row in bad["original"]])
    rows.write_parquet(tmp_path / "repaired.parquet")
    before = clean.read_bytes(), quarantine.read_bytes()
    arguments = ["--quarantine", str(quarantine), "--clean", str(clean)]
    result = CliRunner().invoke(main, ["replay", str(tmp_path / "repaired.parquet"), *arguments])
    assert result.output.startswith("5 of 5 rows join, 0 fail again"), result.output
    assert "--repaired" in result.output
    assert (clean.read_bytes(), quarantine.read_bytes()) == before
