"""The replay as a whole: what it keeps and says, and that nothing is left running where a part of it fails."""

import multiprocessing
import os
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from pipelines.replay import replay as module
from pipelines.replay.replay import FIRST, LAST, STILL, beside, replay
from pipelines.replay.values import Replayed
from tests.pipelines.replay.recorded import replayed
from tests.retraining.found import drifted, findings
from tests.rollout.test_child import until


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "tester"})


def test_what_runs_beside_is_another_process_and_gives_its_result() -> None:
    with beside() as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
    assert multiprocessing.active_children() == []


def test_where_the_loop_fails_nobody_waits_for_the_other_ways() -> None:
    began, futures = time.monotonic(), []

    def fail() -> None:
        with beside() as pool:
            futures.extend(pool.submit(time.sleep, 120) for _ in range(2))
            until(futures[0].running)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert time.monotonic() - began < 60
    assert multiprocessing.active_children() == []
    until(lambda: all(future.done() for future in futures))
    assert all(future.cancelled() or isinstance(future.exception(), BrokenProcessPool) for future in futures)


def test_an_error_comes_through_and_the_environment_is_as_before(home: Settings, monkeypatch) -> None:
    """Already the first training fails: the settings of the stage are taken back."""

    def fail(settings: Settings, *_: object) -> None:
        assert os.environ["FAIRLEAD_HOME"] == str(settings.home) == str(home.home / "replay")
        raise FairleadError("step tune failed")

    monkeypatch.setattr(module, "history", lambda *_: Path("features.parquet"))
    monkeypatch.setattr(module, "train", fail)
    before = dict(os.environ)
    with pytest.raises(FairleadError, match="step tune failed"):
        replay(home, lambda _: None)
    assert dict(os.environ) == before


@pytest.mark.parametrize("fails", ["open", "loop"])
def test_servers_are_stopped_wherever_it_fails(home: Settings, sba, monkeypatch, fails: str) -> None:
    called: list[str] = []

    def opening(uri: str) -> None:
        called.append(f"open {uri}")
        if fails == "open":
            raise FairleadError("the proxy does not start")

    plane = SimpleNamespace(open=opening, close=lambda: called.append("close"), url="http://127.0.0.1:9")
    monkeypatch.setattr(module, "plane_of", lambda _: plane)
    champion = SimpleNamespace(model_uri="models:/sba_loans/1", contract=SimpleNamespace(inputs=(), entities=()))
    # Without a table of loans the loop cannot begin.
    with pytest.raises((FairleadError, FileNotFoundError)):
        module._live(home, sba, champion, home.home / "no.parquet", lambda _: None)
    assert called == ["open models:/sba_loans/1", "close"]


def test_the_record_and_both_pages_are_kept(home: Settings) -> None:
    home.home.mkdir()
    looks = [findings(drift=[drifted("bank_rate", 0.3)])] * 2
    report = module._keep(replayed(), SimpleNamespace(findings=looks), home)
    assert report == home.home / "replay.html"
    assert Replayed.model_validate_json((home.home / "replay.json").read_bytes()) == replayed()
    for page in ("replay.html", "last-look.html"):
        assert (home.home / page).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_summary_says_what_was_shown_and_where_to_look(home: Settings) -> None:
    home.home.mkdir()
    Ledger(home.ledger_path).append("example", {}, "tester")
    lines = module._summary(replayed(), home, home.home / "replay.html")
    told = "\n".join(lines)
    assert "Done in 272 s." in told
    assert "57,119 answered by 9,314 requests, 3 failed and sent again" in told
    assert "51, the first red one on 2004-06-30; 0 in the still world" in told
    assert "9 times, 5 promoted; the ledger has 1 entries, unbroken" in told
    assert "shown      a red alarm before 2006-01-01" in told
    assert "MISSED     no alarm in a world that stands still" in told
    assert str(home.home / "replay.html") in told
    silent = "\n".join(module._summary(replayed(moments=()), home, home.home / "replay.html"))
    assert "none red" in silent


def test_the_still_world_is_filled_with_loans_that_the_first_model_could_know(sba) -> None:
    months = sba.labels.maturity_months
    assert STILL[0] < STILL[1]
    assert STILL[1].replace(year=STILL[1].year + months // 12) <= sba.as_of < FIRST < LAST
