"""The command, typed for real in a home in which a model reigns and has answered real loans."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from components.core.config import Settings
from components.registry.registry import Registry
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress, Run
from pipelines import retraining_places
from pipelines.cli import main
from pipelines.retraining_runs import records_of, trigger_of
from pipelines.rollout_around import predictions_of
from tests.monitoring.served import NOW, another, crown
from tests.pipelines.watched_home import (
    empty_store,
    features,
    judged_bundle,
    loans,
    log,
    register,
    reigning,
    settings,
    short_log,
    smoke,
    use_case_file,
)

__all__ = [
    "empty_store",
    "features",
    "judged_bundle",
    "loans",
    "log",
    "register",
    "reigning",
    "settings",
    "short_log",
    "smoke",
    "use_case_file",
]

DAY = NOW.isoformat()
DEADLINE = 120.0

Type = Callable[..., str]


@pytest.fixture
def type_(
    reigning: Settings, use_case_file: Path, features: Path, short_log: Path, monkeypatch: pytest.MonkeyPatch
) -> Type:
    monkeypatch.setenv("FAIRLEAD_HOME", str(reigning.home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "tester")
    predictions_of(reigning).symlink_to(short_log)

    def call(*words: str, code: int = 0) -> str:
        given = ["--use-case", str(use_case_file), "--features", str(features)]
        result = CliRunner().invoke(main, ["watch", *given, *words])
        assert result.exit_code == code, result.output
        return result.output

    return call


def test_a_day_is_looked_at_once(type_: Type, reigning: Settings, log: Path) -> None:
    said = type_("--now", DAY, "--log", f"sqlite:///{log}")
    assert f"{DAY} version 1: " in said
    assert "a training run is due by" in said
    page = reigning.home / "reports" / f"sba_loans-look-{DAY}.html"
    assert said.endswith(f"report: {page}\n")
    assert "<html" in page.read_text(encoding="utf-8")
    assert records_of(reigning).runs() == []


def test_without_a_word_the_log_of_this_machine_is_looked_at_today(type_: Type) -> None:
    said = type_("--once")
    assert "version 1: 0 rows since" in said
    assert "no data: no prediction of" in said
    assert "the newest is of 2009-12-2" in said


def test_with_retrain_a_run_is_started_once_and_its_version_reigns(
    type_: Type,
    reigning: Settings,
    register: Callable[..., object],
    judged_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Training and rollout are functions here; each process makes its own trigger, as two commands would."""
    asked: list[dict[str, object]] = []

    def train(_: Run) -> Progress:
        register(another(judged_bundle, reigning, tmp_path / "two"))
        return Progress(state="registered", version="2")

    def roll_out(run: Run) -> Progress:
        crown(reigning, 2)
        return Progress(state="promoted", version=run.version)

    runner = MemoryRunner(train, roll_out)

    def trigger(settings: Settings, _case: str, _say: object, **options: object) -> object:
        asked.append(options)
        return trigger_of(settings, runner)

    monkeypatch.setattr(retraining_places, "trigger", trigger)
    said = type_("--now", DAY, "--retrain", "--auto-approve")
    (run,) = records_of(reigning).runs("sba_loans")
    assert f"run {run.key}: promoted" in said
    assert asked[0]["auto_approve"] is True
    champion = Registry(reigning).champion("sba_loans")
    assert champion is not None
    assert champion.version == 2
    assert f"{DAY} version 2: " in type_("--now", DAY, "--retrain")
    assert runner.trained == [run.key]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--now", "soon"), "fairlead: now 'soon' is no day; give an ISO date"),
        (("--now", "2999-01-01"), "fairlead: now 2999-01-01 has not come yet"),
        (("--now", "2008-06-30"), "fairlead: version 1 of sba_loans was trained as of 2008-12-31"),
        (("--now", DAY, "--log", "parquet:///nowhere"), "takes no outcomes; say in which SQLite file"),
        (("--now", DAY, "--log", "kafka://broker/topic"), "kafka"),
    ],
)
def test_what_cannot_be_looked_at_is_told_in_one_line(type_: Type, words: tuple[str, ...], message: str) -> None:
    said = type_(*words, code=1)
    assert message in said
    assert len(said.splitlines()) == 1


def test_too_short_a_pause_is_refused(type_: Type) -> None:
    assert "is not in the range x>=1" in type_("--every", "0", code=2)


def test_watching_goes_on_shows_metrics_and_ends_at_a_signal(
    type_: Type, use_case_file: Path, features: Path, free_port: int, tmp_path: Path
) -> None:
    """In a process of its own, which looks as of today every second."""
    type_("--now", DAY)
    given = ["--use-case", str(use_case_file), "--features", str(features), "--every", "1", "--port", str(free_port)]
    said = tmp_path / "said.txt"
    with said.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "pipelines", "watch", *given], stdout=out, stderr=out)
    try:
        _until(lambda: said.read_text().count(" version 1: ") >= 2, process, said)
        with urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=DEADLINE) as page:
            metrics = page.read().decode()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0, said.read_text()
    assert 'fairlead_look_window_rows{model="sba_loans",use_case="sba_loans"} 0.0' in metrics
    assert f"metrics at http://127.0.0.1:{free_port}/metrics" in said.read_text()


def _until(done: Callable[[], bool], process: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not done():
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < end, said.read_text()
        time.sleep(0.05)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
