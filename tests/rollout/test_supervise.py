"""What a folder says is wanted runs, and what it no longer says ends."""

import json
import os
from pathlib import Path

import pytest

from components.rollout.supervise import Supervision, main, write
from tests.rollout.test_child import FAIL, SLEEP, gone, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("wanted", "states", "logs"):
        (tmp_path / part).mkdir()
    return tmp_path


def want(folder: Path, name: str, command: list[str]) -> None:
    write(folder / "wanted" / f"{name}.json", json.dumps({"command": command}))


def state(folder: Path, name: str) -> dict[str, object]:
    path = folder / "states" / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def test_what_is_wanted_runs_until_it_is_not(folder: Path) -> None:
    supervision = Supervision(folder)
    want(folder, "a", SLEEP)
    want(folder, "b", FAIL)
    until(lambda: state(folder, "a").get("status") == "running", supervision.look)
    until(lambda: state(folder, "b").get("exit_status") == 3, supervision.look)
    pid = state(folder, "a")["pid"]
    assert isinstance(pid, int)
    (folder / "wanted" / "a.json").unlink()
    until(lambda: state(folder, "a") == {}, supervision.look)
    assert gone(pid)
    supervision.end()
    until(lambda: supervision.done, supervision.look)
    assert list((folder / "states").iterdir()) == []


def test_another_command_under_the_same_name_takes_the_place(folder: Path) -> None:
    supervision = Supervision(folder)
    want(folder, "a", SLEEP)
    until(lambda: state(folder, "a").get("status") == "running", supervision.look)
    first = state(folder, "a")["pid"]
    want(folder, "a", [*SLEEP, "other"])
    until(lambda: state(folder, "a").get("pid") not in (None, first), supervision.look)
    assert isinstance(first, int)
    assert gone(first)
    supervision.end()
    until(lambda: supervision.done, supervision.look)


def test_a_second_supervision_of_a_folder_leaves_it_to_the_first(folder: Path) -> None:
    import fcntl

    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(os.getpid()))
        lock.flush()
        assert main(folder) == 0
    assert (folder / "lock").read_text() == str(os.getpid())
