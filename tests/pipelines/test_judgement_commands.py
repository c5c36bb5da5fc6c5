"""Checks and cards of a registered version, as a user types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.pipelines.conftest import Finished


@pytest.fixture
def run(in_home: Path):
    assert in_home.is_dir()

    def call(*words: str):
        return CliRunner().invoke(main, list(words))

    return call


def test_one_check_of_a_registered_version(run, finished: Finished, tmp_path) -> None:
    dataset = str(finished.run.artifact("label_rows", "dataset"))
    page = tmp_path / "page.html"
    done = run("check", "explanations", "sba_loans", "1", "--dataset", dataset, "--report", str(page))
    assert done.exit_code == 0, done.output
    assert "checking explanations" in done.output
    assert "local_accuracy" in done.output
    assert "What moves the scores" in page.read_text(encoding="utf-8")


def test_an_unknown_check_or_version_is_told(run) -> None:
    assert "'luck' is not one of 'explanations'" in run("check", "luck", "sba_loans", "1").output
    done = run("check", "explanations", "sba_loans", "77")
    assert done.exit_code == 1
    assert "unknown version of sba_loans '77'; allowed: 1 (challenger)" in done.output


def test_the_card_in_all_its_forms(run, tmp_path) -> None:
    assert "## Lineage" in run("card", "sba_loans", "challenger").output
    for form in ("html", "json"):
        done = run("card", "sba_loans", "1", "--format", form, "--target", str(tmp_path / form))
        assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "json").read_text())["card"]["name"] == "sba_loans"
    assert (
        "<h2>Datasheet" in (tmp_path / "html").read_text() or "Datasheet</summary>" in (tmp_path / "html").read_text()
    )
