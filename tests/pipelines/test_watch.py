"""Watching from look to look: what is kept, told, decided and started, and what a process that dies leaves behind."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from components.core.config import Settings
from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.store import BookStore
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.values import Findings
from components.registry.registry import Registry
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress, Run
from components.training.bundle import Bundle
from pipelines import watch as module
from pipelines.alert_commands import book_path, looks_path
from pipelines.retraining_runs import records_of, trigger_of
from pipelines.watch import Watching, headline, watch_on
from tests.conftest import SAMPLE
from tests.monitoring.alerts.looks import call, findings
from tests.monitoring.served import NOW, another, between, crown, serve
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

Watcher = Callable[..., Watching]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def watcher(reigning: Settings, use_case_file: Path, short_log: Path, features: Path, lines: list[str]) -> Watcher:
    """Make a watcher, as a process does that starts."""

    def make(place: Path = short_log, runner: MemoryRunner | None = None, case: Path = use_case_file) -> Watching:
        trigger = None if runner is None else trigger_of(reigning, runner)
        return Watching(reigning, str(case), f"sqlite:///{place}", "", features, lines.append, trigger)

    return make


@pytest.fixture
def runner(reigning: Settings, register, judged_bundle: Path, tmp_path: Path) -> MemoryRunner:
    """Registers version 2 and promotes it."""

    def train(_: Run) -> Progress:
        register(another(judged_bundle, reigning, tmp_path / "two"))
        return Progress(state="registered", version="2")

    def roll_out(run: Run) -> Progress:
        crown(reigning, 2)
        return Progress(state="promoted", version=run.version, reason="it is better\nby far")

    return MemoryRunner(train, roll_out)


def book(settings: Settings) -> BookStore:
    return AlertBook(book_path(settings)).store


def test_a_look_keeps_findings_and_page_and_tells_and_decides(
    watcher: Watcher, reigning: Settings, log: Path, lines: list[str]
) -> None:
    watching = watcher(log)
    found = watching.look(DAY)
    kept = reigning.home / "findings" / f"sba_loans-{DAY}.json"
    assert Findings.model_validate_json(kept.read_bytes()).model_dump_json() == found.model_dump_json()
    assert watching.report(NOW).read_text(encoding="utf-8").lower().count("<html") == 1
    assert {a.key for a in book(reigning).alerts()} == {c.key for c in found.calls}
    (noted,) = records_of(reigning).decisions("sba_loans")
    assert (noted.action, noted.trigger, noted.as_of) == ("retrain", "performance", NOW)
    assert any(line.startswith(f"{DAY} version 1: {found.window.rows} rows since 2009-01-01") for line in lines)
    assert lines[-1] == "  a training run is due by performance: fairlead retraining run"
    assert b'fairlead_champion_info{model="sba_loans",use_case="sba_loans",version="1"} 1.0' in watching.exporter.text()
    assert len(list(looks_path(reigning).glob("*.json"))) == 1


def test_the_same_look_twice_changes_nothing_and_tells_nobody_twice(
    watcher: Watcher, reigning: Settings, log: Path, lines: list[str], runner: MemoryRunner
) -> None:
    first = watcher(log, runner)
    found = first.look(DAY)
    kept = (reigning.home / "findings" / f"sba_loans-{DAY}.json").read_bytes()
    events, told = book(reigning).events(), [line for line in lines if line.startswith(("raised", "worsened"))]
    crown(reigning, 1)
    again = watcher(log, runner).look(DAY)
    assert again.model_dump_json() == found.model_dump_json()
    assert (reigning.home / "findings" / f"sba_loans-{DAY}.json").read_bytes() == kept
    assert book(reigning).events() == events
    assert [line for line in lines if line.startswith(("raised", "worsened"))] == told
    assert runner.trained == [run.key for run in records_of(reigning).runs("sba_loans")]
    assert len(runner.trained) == 1


class Killed(BaseException):
    """Stands for a signal: nothing catches it."""


KILLED: tuple[tuple[object, str, str], ...] = (
    (AlertBook, "observe", "before"),
    (AlertBook, "observe", "after"),
    (module, "decide_now", "after"),
    (MemoryRunner, "start", "before"),
    (MemoryRunner, "start", "after"),
    (MemoryRunner, "roll_out", "before"),
    (MemoryRunner, "roll_out", "after"),
    (module, "keep", "before"),
)


def test_watchers_that_die_one_after_the_other_are_followed_by_one_that_ends_what_they_began(
    watcher: Watcher, reigning: Settings, runner: MemoryRunner
) -> None:
    for owner, name, when in KILLED:
        with pytest.MonkeyPatch.context() as patch:
            _kill(patch, owner, name, when)
            with pytest.raises(Killed):
                watcher(runner=runner).look(DAY)
    watcher(runner=runner).look(DAY)
    (run,) = records_of(reigning).runs("sba_loans")
    assert (run.state, run.version, runner.trained) == ("promoted", "2", [run.key])
    champion = Registry(reigning).champion("sba_loans")
    assert champion is not None
    assert champion.version == 2
    ids = [event.id for event in book(reigning).events()]
    assert len(ids) == len(set(ids))
    assert book(reigning).waiting() == []


def _kill(patch: pytest.MonkeyPatch, owner: object, name: str, when: str) -> None:
    original = getattr(owner, name)

    def fatal(*args: object, **kwargs: object) -> None:
        if when == "after":
            original(*args, **kwargs)
        raise Killed

    patch.setattr(owner, name, fatal)


def test_with_retraining_the_look_after_is_at_the_new_model(
    watcher: Watcher, reigning: Settings, runner: MemoryRunner, lines: list[str]
) -> None:
    watching = watcher(runner=runner)
    assert watching.look(DAY).version == "1"
    (run,) = records_of(reigning).runs("sba_loans")
    assert f"  run {run.key}: promoted: it is better" in lines
    assert watching.look("2010-01-01").version == "2"
    assert records_of(reigning).decisions("sba_loans")[-1].action == "wait"


def test_a_run_that_waits_is_carried_on_and_no_other_is_started(
    watcher: Watcher, reigning: Settings, lines: list[str]
) -> None:
    open_ = MemoryRunner(
        lambda _: Progress(state="registered", version="1"), lambda _: Progress(state="running", reason="waits")
    )
    watching = watcher(runner=open_)
    watching.look(DAY)
    (run,) = records_of(reigning).runs("sba_loans")
    assert lines[-1] == f"  run {run.key}: rolling out"
    watching.look("2010-03-31")
    assert [r.state for r in records_of(reigning).runs("sba_loans")] == ["rolling_out"]
    assert lines[-1] == f"  run {run.key}: rolling out"
    assert open_.trained == [run.key]
    assert b'fairlead_retraining_runs{model="sba_loans",state="rolling_out",use_case="sba_loans"} 1.0' in (
        watching.exporter.text()
    )


def test_new_labels_are_counted_where_more_of_them_are_known(
    reigning: Settings,
    use_case_file: Path,
    short_log: Path,
    log: Path,
    features: Path,
    loans: pl.DataFrame,
    tmp_path: Path,
) -> None:
    """A young log knows little of what the table knows, and a table that was made long ago nothing new."""
    old = tmp_path / "old.parquet"
    loans.filter(pl.col("event_time") <= date(2004, 7, 22)).with_columns(
        outcome=pl.when(pl.col("outcome_time") <= date(2008, 12, 31)).then(1).otherwise(0)
    ).write_parquet(old)
    counted = []
    for place, table in ((short_log, features), (log, old), (short_log, old)):
        Watching(reigning, str(use_case_file), str(place), "", table, lambda _: None).look(DAY)
        reasons = records_of(reigning).decisions("sba_loans")[-1].reasons
        counted.append(any("new labels since the last training, needed 200" in reason for reason in reasons))
    assert counted == [False, False, True]


def test_rows_that_came_between_two_looks_are_read_on(
    watcher: Watcher, loans: pl.DataFrame, judged_bundle: Path, tmp_path: Path
) -> None:
    path, bundle = tmp_path / "growing.db", Bundle.open(judged_bundle)
    serve(bundle, between(loans, date(2009, 1, 1), date(2009, 3, 31)), path)
    watching = watcher(path)
    first = watching.look("2009-03-31")
    serve(bundle, between(loans, date(2009, 4, 1), date(2009, 6, 30)), path)
    second = watching.look("2009-06-30")
    assert second.window.rows == first.window.rows + len(between(loans, date(2009, 4, 1), date(2009, 6, 30)))


def test_without_a_table_of_features_one_is_made_of_the_source_for_the_model_that_reigns(
    reigning: Settings, use_case_file: Path, short_log: Path, judged_bundle: Path, lines: list[str], tmp_path: Path
) -> None:
    source, case = tmp_path / "loans.parquet", tmp_path / "sba_loans.yaml"
    pl.read_parquet(SAMPLE).gather_every(60).write_parquet(source)
    content = yaml.safe_load(use_case_file.read_text(encoding="utf-8"))
    content["data"] |= {"source": str(source), "sha256": None}
    case.write_text(yaml.safe_dump(content), encoding="utf-8")
    Watching(reigning, str(case), str(short_log), "", None, lines.append).look(DAY)
    contract = Bundle.open(judged_bundle).contract
    made = reigning.home / "history" / contract.data_hash / "sba_loans" / "features.parquet"
    assert len(pl.read_parquet(made)) > 1_000
    assert any(line.startswith(f"{DAY} version 1: ") for line in lines)


def test_a_log_that_holds_nothing_is_no_calm(watcher: Watcher, tmp_path: Path, lines: list[str]) -> None:
    found = watcher(tmp_path / "none.db").look(DAY)
    assert found.severity == "no_data"
    assert f"{DAY} version 1: 0 rows since 2009-01-01; no data; no alert changed" in lines
    assert any("no data: no prediction of 2009-01-01 to 2009-12-31 is in the log, none at all" in s for s in lines)


def test_a_look_back_is_refused(watcher: Watcher) -> None:
    watching = watcher()
    watching.look(DAY)
    with pytest.raises(FairleadError, match="looks have to come in order"):
        watching.look("2009-06-30")


def test_an_earlier_look_that_cannot_be_read_is_left_out(
    watcher: Watcher, reigning: Settings, lines: list[str]
) -> None:
    folder = reigning.home / "findings"
    folder.mkdir()
    (folder / "sba_loans-2009-03-31.json").write_text("{}", encoding="utf-8")
    watcher().look(DAY)
    assert any(line.startswith("  left out of the report: ") and "2009-03-31.json" in line for line in lines)


def test_who_starts_again_shows_the_last_look_before_the_next(watcher: Watcher) -> None:
    watcher().look(DAY)
    assert b"fairlead_look_window_rows{" in watcher().exporter.text()


def test_a_look_that_fails_is_told_and_tried_again_until_it_is_time_to_end(
    settings: Settings, use_case_file: Path, log: Path, features: Path, lines: list[str], register, judged_bundle: Path
) -> None:
    waits: list[float] = []

    def stop(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 1:
            register(judged_bundle)
            crown(settings, 1)
        return len(waits) == 2

    watch_on(Watching(settings, str(use_case_file), str(log), "", features, lines.append), 50.0, stop)
    assert len(waits) == 2
    assert all(0 < seconds <= 50 for seconds in waits)
    assert lines[0].startswith("fairlead: the look failed and is tried again: sba_loans has no champion")
    # Today is long after the last loan that was logged.
    assert any("no data: no prediction of" in line and "the newest is of 2009-12-2" in line for line in lines[1:])


def test_a_mistake_in_the_code_is_not_taken_for_a_passing_one(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = watcher()
    monkeypatch.setattr(module, "look", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watch_on(watching, 1.0, lambda _: pytest.fail("it went on"))


def test_a_look_in_one_line() -> None:
    reds = [call(f"drift/x{i}") for i in range(4)]
    text = headline(findings(*reds, call("missing/Bank", "amber")), 2)
    assert text == (
        "2005-03-31 version 1: 900 rows since 2005-01-01; 4 red (drift/x0, drift/x1, drift/x2 …), 1 amber; "
        "2 alerts changed"
    )
    assert headline(findings(), 0) == "2005-03-31 version 1: 900 rows since 2005-01-01; calm; no alert changed"


def test_what_needs_another_environment_is_asked_for_there(
    watcher: Watcher, log: Path, use_case_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That environment itself is tried by the tests of ``discrepancy``."""
    case, asked = tmp_path / "sba_loans.yaml", []
    content = yaml.safe_load(use_case_file.read_text(encoding="utf-8"))
    content["monitoring"]["drift"]["multivariate"] = ["mmd"]
    case.write_text(yaml.safe_dump(content), encoding="utf-8")

    def measure(reference: pl.DataFrame, window: pl.DataFrame, kinds: object, python: Path) -> Discrepancy:
        asked.append((len(reference), len(window), kinds, python.parts[-4:]))
        return Discrepancy(0.5, 0.0005, len(reference), len(window))

    monkeypatch.setattr(module, "ensure", lambda groups, *_: asked.append(groups))
    monkeypatch.setattr(module, "measure_apart", measure)
    few, enough = watcher(case=case).look("2009-06-30"), watcher(log, case=case).look(DAY)
    results = [r for found in (few, enough) if found.drift for r in found.drift.of("*")]
    assert [(r.test, r.effect, r.severity) for r in results] == [("mmd", None, "no_data"), ("mmd", 0.5, "red")]
    (groups, (rows, window, kinds, python)) = asked
    assert (groups, python) == (["drift"], ("envs", "drift", "bin", "python"))
    assert (rows > 1_000, window) == (True, enough.window.rows)
    assert "bank_rate" in kinds
