import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from components.core.config import Settings, read_settings
from components.core.ledger import Ledger
from components.registry.registry import Registry
from pipelines import demo as demonstration
from pipelines.demo import demo
from tests.pipelines.conftest import Finished


@pytest.fixture
def settings(finished: Finished, tmp_path: Path) -> Settings:
    """A home with the finished run's version and no champion yet."""
    for name in ("mlflow.db", "ledger.db"):
        shutil.copy(finished.settings.home / name, tmp_path / name)
    shutil.copytree(finished.settings.home / "keys", tmp_path / "keys")
    return read_settings({"FAIRLEAD_HOME": str(tmp_path), "FAIRLEAD_ACTOR": "tester"})


def test_it_promotes_once_serves_and_says_where_to_look(
    finished: Finished, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[date] = []

    def train(_settings: Settings, as_of: date, _say: object) -> object:
        trained.append(as_of)
        return finished.run

    # The pipeline itself ran for real, once, for all tests.
    monkeypatch.setattr(demonstration, "train", train)
    lines: list[str] = []
    demo(settings, lines.append)
    assert trained == [date(2002, 12, 31), date(2003, 12, 31)]
    champion = Registry(settings).champion("sba_loans")
    assert champion is not None
    assert champion.version == 1
    (given,) = Ledger(settings.ledger_path).entries("approval.given")
    assert (given.actor, given.payload["reason"]) == ("tester", "first model of the demonstration")
    _tells_the_main_things("\n".join(lines), settings)

    again: list[str] = []
    demo(settings, again.append)
    assert trained[2:] == [date(2003, 12, 31)]
    assert len(Ledger(settings.ledger_path).entries("registry.promoted")) == 1
    assert not any("The reigning model" in line or "is champion" in line for line in again)
    _tells_the_main_things("\n".join(again), settings)


def _tells_the_main_things(text: str, settings: Settings) -> None:
    assert "Serving models:/sba_loans/1 with a KServe model server on 127.0.0.1" in text
    assert re.search(r"99,148 loans used, [\d,]+ in quarantine by rule", text)
    assert re.search(r"AUC +test 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] · backtest 0\.\d{3}", text)
    assert re.search(r"gates +\d+ pass.*; registered as models:/sba_loans/1", text)
    assert len(re.findall(r"\w+ 0\.\d{4} → [01]", text)) == 3
    assert re.search(r"ledger +\d+ entries, unbroken", text)
    report = re.search(r"report +(\S+\.html)", text)
    assert report
    assert Path(report[1]).is_relative_to(settings.home)
    assert "Data quality" in Path(report[1]).read_text(encoding="utf-8")
    assert "make serve ARGS='--bundle models:/sba_loans/1'" in text
