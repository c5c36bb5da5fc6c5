"""Environments: made once, by one process, remade when anything they were made from changed or was broken off.

A stand-in for uv records what it is asked and makes a folder with an interpreter, which takes no network and no time;
that the real one installs the real locks is shown by the environment that runs this test.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines import environments, uv

ROOT = Path(__file__).parents[2]

STAND_IN = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
if words == ["--version"]:
    print("uv {version} (stand-in)"); raise SystemExit
home = pathlib.Path({home!r})
with (home / "calls.jsonl").open("a") as f:
    f.write(json.dumps(words) + "\\n")
if (home / "broken").exists() and (home / "broken").read_text() in " ".join(words):
    print("no such package"); raise SystemExit(2)
if words[0] == "venv":
    (pathlib.Path(words[-1]) / "bin").mkdir(parents=True, exist_ok=True)
    link = pathlib.Path(words[-1]) / "bin" / "python"
    link.unlink(missing_ok=True); link.symlink_to(sys.executable)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the stand-in, over a checkout of its own."""
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    checkout.mkdir()
    shutil.copy(ROOT / "pyproject.toml", checkout)
    shutil.copytree(ROOT / "requirements", checkout / "requirements")
    program = home / "uv" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    text = STAND_IN.format(python=sys.executable, version=uv.pinned_version(), home=str(home))
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(uv, "ROOT", checkout)
    # Asking pip takes a second each time; test_uv.py asks it.
    monkeypatch.setattr(uv, "_pip_configuration", lambda _home, _environment: {})
    return home


def calls(home: Path) -> list[list[str]]:
    """What uv was asked since the last time we looked."""
    path = home / "calls.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [json.loads(line) for line in lines]


def locks_installed(home: Path) -> list[str]:
    return [Path(words[-1]).stem for words in calls(home) if "-r" in words]


def test_all_are_made_then_none(home: Path) -> None:
    said: list[str] = []
    environments.ensure(environments.GROUPS, home, said.append)
    assert sorted(locks_installed(home)) == ["drift", "explain", "platform", "tfdv"]
    assert sum(": ready, " in line for line in said) == 4
    environments.ensure(environments.GROUPS, home, said.append)
    assert calls(home) == []
    assert environments.missing([*environments.GROUPS, "dev"], home) == ["dev"]


def test_nothing_outside_the_lock_can_come_in(home: Path) -> None:
    environments.ensure(["tfdv"], home, print)
    venv, install, own = calls(home)
    assert venv[:2] == ["venv", "--clear"]
    assert {"--no-deps", "--require-hashes", "--require-build-hashes"} <= set(install)
    assert own[-2:] == ["-e", str(uv.ROOT)]


def test_development_tools_are_added_to_the_platform(home: Path) -> None:
    environments.ensure(["platform"], home, print)
    calls(home)
    environments.ensure(["dev"], home, print)
    (added,) = calls(home)
    assert added[-1].endswith("dev.txt")
    assert environments.missing(["platform", "dev"], home) == []


def test_development_tools_bring_the_platform(home: Path) -> None:
    environments.ensure(["dev", "platform"], home, print)
    assert locks_installed(home) == ["platform", "dev"]


def test_a_changed_lock_makes_its_environment_anew_and_keeps_the_tools_in(home: Path) -> None:
    environments.ensure(["dev", "tfdv"], home, print)
    calls(home)
    lock = uv.ROOT / "requirements" / "platform.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    environments.ensure(["platform", "tfdv"], home, print)
    assert locks_installed(home) == ["platform", "dev"]
    assert environments.missing(["dev"], home) == []


@pytest.mark.parametrize("stage", ["venv", "platform.txt", "dev.txt", "-e"])
def test_what_was_broken_off_is_made_anew(home: Path, stage: str) -> None:
    (home / "broken").write_text(stage, encoding="utf-8")
    with pytest.raises(FairleadError, match=r"environment platform: uv .* ended with 2(.|\n)*no such package"):
        environments.ensure(["dev"], home, print)
    assert environments.missing(["platform"], home) == ["platform"]
    (home / "broken").unlink()
    calls(home)
    environments.ensure(["dev"], home, print)
    assert calls(home)[0][:2] == ["venv", "--clear"]
    assert environments.missing(["dev"], home) == []


def test_adding_tools_that_was_broken_off_is_not_taken_for_whole(home: Path) -> None:
    environments.ensure(["platform"], home, print)
    (home / "broken").write_text("dev.txt", encoding="utf-8")
    with pytest.raises(FairleadError):
        environments.ensure(["dev"], home, print)
    assert environments.missing(["platform"], home) == ["platform"]


def test_one_failure_does_not_stop_the_others(home: Path) -> None:
    (home / "broken").write_text("explain.txt", encoding="utf-8")
    with pytest.raises(FairleadError, match="environment explain"):
        environments.ensure(environments.GROUPS, home, print)
    assert environments.missing(environments.GROUPS, home) == ["explain"]


@pytest.mark.parametrize("stamp", ["", "{", "[]", "null"])
def test_a_stamp_that_cannot_be_read_counts_as_none(home: Path, stamp: str) -> None:
    environments.ensure(["tfdv"], home, print)
    (home / "envs" / "tfdv" / ".fairlead.json").write_text(stamp, encoding="utf-8")
    assert environments.missing(["tfdv"], home) == ["tfdv"]


def test_a_vanished_interpreter_is_noticed(home: Path) -> None:
    environments.ensure(["tfdv"], home, print)
    python = environments.interpreter("tfdv", home)
    python.unlink()
    python.symlink_to(home / "gone")
    assert environments.missing(["tfdv"], home) == ["tfdv"]


def test_two_processes_make_an_environment_once(home: Path) -> None:
    """The second waits for the first, whose stand-in takes its time, and then finds it made."""
    program = home / "uv" / "bin" / "uv"
    slow = program.read_text(encoding="utf-8").replace(
        'if words[0] == "venv":', 'import time; time.sleep(0.3)\nif words[0] == "venv":'
    )
    program.write_text(slow, encoding="utf-8")
    code = (
        f"from pathlib import Path; from pipelines.environments import ensure; ensure(['explain'], Path({str(home)!r}))"
    )
    pair = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(2)]
    assert [process.wait(60) for process in pair] == [0, 0]
    assert len(calls(home)) == 3


def test_an_unknown_group_names_the_known_ones(home: Path) -> None:
    with pytest.raises(
        FairleadError, match="unknown dependency group 'gpu'; allowed: platform, tfdv, explain, drift, dev"
    ):
        environments.ensure(["gpu"], home)


def test_the_command_tells_what_is_ready(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    assert environments.main(["ensure", "tfdv"]) == 0
    assert environments.main(["status"]) == 0
    words = capsys.readouterr().out.split("\n")[-6:-1]
    assert [line.split() for line in words] == [
        ["platform", "missing"],
        ["tfdv", "ready"],
        ["explain", "missing"],
        ["drift", "missing"],
        ["dev", "missing"],
    ]


def test_the_command_fails_with_uvs_last_words(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    (home / "broken").write_text("tfdv.txt", encoding="utf-8")
    assert environments.main(["ensure", "tfdv"]) == 1
    assert "no such package" in capsys.readouterr().err


def test_another_python_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert environments.main(["status"]) == 1
    assert "found Python 3.12" in capsys.readouterr().err
