"""uv is the pinned one, wherever it lies, and is set up as the user's pip is."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines import uv

VERSION = uv.pinned_version()


def fake(folder: Path, version: str) -> Path:
    """Put a program that says it is uv of some version into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\necho uv {version}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_the_pinned_uv_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake(tmp_path / "bin", VERSION)
    monkeypatch.setenv("PATH", str(program.parent))
    assert uv.find(tmp_path / "home") == program
    assert not (tmp_path / "home").exists()


def test_another_version_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(fake(tmp_path / "bin", "0.1.0").parent))
    own = fake(tmp_path / "home" / "uv" / "bin", VERSION)
    assert uv.find(tmp_path / "home") == own


def test_a_uv_that_cannot_be_fetched_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(
        FairleadError, match=rf"uv {VERSION} could not be fetched.*needs Python 3\.11 with venv and pip"
    ):
        uv.find(tmp_path / "home")


def test_a_lock_without_uv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "uv.txt").write_text("pip==1\n", encoding="utf-8")
    with pytest.raises(FairleadError, match=r"uv\.txt pins no uv"):
        uv.pinned_version(tmp_path)


def test_what_pip_was_told_reaches_uv(tmp_path: Path) -> None:
    told = {"PIP_INDEX_URL": "https://mirror.example/index", "PIP_CERT": "ca.pem", "PIP_CONFIG_FILE": "/dev/null"}
    variables = uv.environment_for_uv(tmp_path, told)
    assert variables["UV_DEFAULT_INDEX"] == "https://mirror.example/index"
    assert variables["SSL_CERT_FILE"] == "ca.pem"


def test_what_pips_file_says_reaches_uv(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/index\n", encoding="utf-8")
    variables = uv.environment_for_uv(tmp_path, {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)})
    assert variables["UV_DEFAULT_INDEX"] == "https://mirror.example/index"


def test_what_uv_was_told_itself_stands(tmp_path: Path) -> None:
    told = {"PIP_INDEX_URL": "https://pip.example/index", "UV_DEFAULT_INDEX": "https://uv.example/index"}
    assert uv.environment_for_uv(tmp_path, told)["UV_DEFAULT_INDEX"] == "https://uv.example/index"


def test_a_folder_of_wheels_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    assert uv.translate({"find-links": str(tmp_path / "absent")}) == {}
    assert uv.translate({"find-links": f"{tmp_path} {tmp_path / 'absent'}"}) == {"UV_FIND_LINKS": str(tmp_path)}


def test_several_indexes_are_searched_as_pip_searches_them() -> None:
    assert uv.translate({"extra-index-url": "https://a.example"})["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_our_processes_keep_byte_code_and_their_own_environment() -> None:
    unwanted = {"PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": "x", "PYTHONPATH": "y", "PYTHONHOME": "z"}
    assert uv.clean_environment({**unwanted, "LANG": "C"}) == {"LANG": "C"}


def test_a_lock_is_held_by_the_child_of_a_process_that_ended(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    taken = f"import fcntl; fcntl.flock(open({str(path)!r}, 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with uv.held(path) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,))  # noqa: S607
    with child:
        assert subprocess.run([sys.executable, "-c", taken], capture_output=True, check=False).returncode == 1
        child.stdin.close()  # type: ignore[union-attr]
    assert subprocess.run([sys.executable, "-c", taken], capture_output=True, check=False).returncode == 0
