"""The command, on the real table of credit card clients, in a home of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.data.privacy_budget import read_budget
from components.data.private_statistics import PrivateReport
from pipelines.statistics_command import statistics

Call = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def call(home: Path) -> Call:
    settings = read_settings({"FAIRLEAD_HOME": str(home), "USER": "tester"})

    def typed(*words: str) -> str:
        result = CliRunner().invoke(statistics, ["card_default", *words], obj=settings)
        if result.exception is not None:
            raise result.exception
        return result.output

    return typed


def test_it_prints_writes_and_says_what_was_spent(call: Call, home: Path, tmp_path: Path) -> None:
    target = tmp_path / "told.json"
    said = call(
        "--epsilon", "1", "--column", "sex", "--column", "limit", "--bounds", "limit=0:1e6", "--target", str(target)
    )
    lines = said.splitlines()
    assert lines[0].startswith("guarded: tables that differ by one row; pure differential privacy")
    assert any(line.startswith("rate of default where sex=2") for line in lines)
    assert not any("age" in line.split("  ")[0] for line in lines)
    assert lines[-2] == "spent: epsilon 1, delta 0; left of table aeb8a46dba12…: epsilon 2, delta 1e-05"
    assert lines[-1] == f"report: {target}"
    report = PrivateReport.model_validate_json(target.read_text(encoding="utf-8"))
    values = {s.name: s.value or 0.0 for s in report.statistics}
    assert values["rows"] == pytest.approx(30_000, abs=300)
    assert values["mean limit"] == pytest.approx(167_484, abs=20_000)
    (budget,) = (home / "privacy").glob("*.json")
    kept = read_budget(budget)
    assert kept is not None
    assert [s.what for s in kept.spent] == ["a report of 7 questions on card_default"]


def test_a_report_that_would_overspend_is_refused_and_tells_nothing(call: Call, home: Path) -> None:
    call("--epsilon", "0.4", "--column", "sex", "--total-epsilon", "0.5")
    before = (home / "reports" / "card_default-statistics.json").read_bytes()
    with pytest.raises(
        FairleadError, match=r"would spend epsilon 0.4, delta 0 of table aeb8a46dba12…; left of epsilon 0.5"
    ):
        call("--epsilon", "0.4", "--column", "sex")
    assert (home / "reports" / "card_default-statistics.json").read_bytes() == before
    assert json.loads(before)["epsilon"] == 0.4


def test_gaussian_noise_spends_delta_too(call: Call) -> None:
    said = call("--epsilon", "0.5", "--delta", "1e-6", "--column", "marriage")
    assert "zero-concentrated differential privacy" in said
    assert "spent: epsilon 0.5, delta 1e-06; left of table aeb8a46dba12…: epsilon 2.5, delta 9e-06" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--epsilon is missing: say how much privacy the report may lose"),
        (("--epsilon", "0"), "epsilon 0 must be above 0"),
        (("--epsilon", "1", "--column", "wage"), "unknown column 'wage'; allowed: client,"),
        (("--epsilon", "1", "--bounds", "limit"), "are not COLUMN=LOW:HIGH"),
        (("--epsilon", "0.01"), "ask fewer, or give more"),
        (("--epsilon", "1", "--source", "none.csv"), "source none.csv does not exist"),
    ],
)
def test_what_is_refused_spends_nothing(call: Call, home: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        call(*words)
    assert not (home / "privacy").exists()
