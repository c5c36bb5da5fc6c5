import shutil
import subprocess
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines.benchmarks.serving import wrk

LINE = '{"requests": 100, "seconds": 2.0, "refused": 7, "broken": 2, "p50_ms": 1.5, "p99_ms": 9.0}'


def test_the_scripts_line_is_read_among_what_wrk_writes() -> None:
    found = wrk.parse(f"Running 2s test\n  8 connections\n\nmeasured {LINE}\nRequests/sec: 50\n")
    assert (found.answered, found.failed, found.p99_ms) == (93, 9, 9.0)


def test_output_without_the_line_is_refused_and_shown() -> None:
    with pytest.raises(FairleadError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1")


def test_the_one_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/somewhere/{name}")
    assert wrk.find(tmp_path) == Path("/somewhere/wrk")


def test_the_one_fetched_before_is_taken_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "tools" / "wrk" / "usr" / "bin" / "wrk"
    own.parent.mkdir(parents=True)
    own.touch()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert wrk.find(tmp_path) == own


def test_without_wrk_and_without_debian_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FairleadError, match="apt-get install wrk"):
        wrk.find(tmp_path)


def test_a_package_that_cannot_be_fetched_says_why_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "wrk" else f"/usr/bin/{name}")
    failed = subprocess.CompletedProcess([], 100, "", "E: no network")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(FairleadError, match=r"E: no network\n.*apt-get install wrk"):
        wrk.find(tmp_path)
