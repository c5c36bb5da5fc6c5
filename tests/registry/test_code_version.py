import subprocess

import pytest

from components.core.artifacts import code_fingerprint
from components.registry import code_version as module
from components.registry.code_version import code_version


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    git("add", "a.py")
    git("commit", "-q", "-m", "Add a")
    return tmp_path, git("rev-parse", "HEAD")


@pytest.fixture
def code_in(monkeypatch):
    return lambda folder: monkeypatch.setattr(module.components, "__file__", str(folder / "__init__.py"))


def test_a_clean_checkout_is_named_by_its_commit(checkout, code_in):
    folder, commit = checkout
    code_in(folder)
    assert code_version() == f"commit:{commit}"


def test_a_checkout_with_changes_is_named_by_its_fingerprint(checkout, code_in):
    folder, _ = checkout
    (folder / "a.py").write_text("x = 2\n")
    assert module._clean_commit(folder) is None
    (folder / "a.py").write_text("x = 1\n")
    (folder / "b.py").write_text("new\n")
    code_in(folder)
    assert code_version() == f"fingerprint:{code_fingerprint(*module.PACKAGES)}"


def test_code_outside_any_checkout_is_named_by_its_fingerprint(tmp_path, code_in):
    code_in(tmp_path)
    assert code_version().startswith("fingerprint:")


def test_without_git_there_is_a_fingerprint(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_version() == f"fingerprint:{code_fingerprint(*module.PACKAGES)}"
