"""The check of the locks: what makes one stale, and what must not stand in one."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines import locks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project file and the locks, recorded as fresh."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "requirements" / "inputs.json").write_text(json.dumps(locks.record(tmp_path)), encoding="utf-8")
    assert locks.problems(tmp_path) == []
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_changed_group_makes_its_lock_stale_and_no_other(checkout: Path) -> None:
    change(checkout / "pyproject.toml", '"alibi==0.9.4"', '"alibi==0.9.3"')
    assert locks.problems(checkout) == [
        "requirements/explain.txt is older than its group in pyproject.toml; run: make lock"
    ]


def test_a_change_in_an_included_group_is_seen(checkout: Path) -> None:
    change(checkout / "pyproject.toml", '"pyyaml>=6"', '"pyyaml>=6.0.1"')
    stale = {line.split()[0] for line in locks.problems(checkout)}
    assert stale == {f"requirements/{group}.txt" for group in ("platform", "tfdv", "explain")}


def test_other_changes_of_the_project_file_leave_the_locks_fresh(checkout: Path) -> None:
    change(checkout / "pyproject.toml", "line-length = 120", "line-length = 100")
    assert locks.problems(checkout) == []


def test_a_lock_changed_by_hand_is_found(checkout: Path) -> None:
    lock = checkout / "requirements" / "explain.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    assert locks.problems(checkout) == ["requirements/explain.txt was changed by hand; run: make lock"]


def test_a_moved_platform_makes_the_development_tools_stale(checkout: Path) -> None:
    change(checkout / "requirements" / "platform.txt", "kfp==2.17.0", "kfp==2.17.1")
    assert any(line.startswith("requirements/dev.txt is older") for line in locks.problems(checkout))


@pytest.mark.parametrize("content", [None, "{", ""])
def test_a_missing_record_says_what_to_run(checkout: Path, content: str | None) -> None:
    record = checkout / "requirements" / "inputs.json"
    record.unlink() if content is None else record.write_text(content, encoding="utf-8")
    (problem,) = locks.problems(checkout)
    assert problem.endswith("write it with: make lock")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("a==1\n", "has no hash"),
        ("a>=1 --hash=sha256:00\n", "is not a pinned version"),
        ("./wheels/a.whl --hash=sha256:00\n", "is not a pinned version"),
        ("--find-links wheels\n", "is not a pinned version"),
        ("-e .\n", "is not a pinned version"),
        ("--index-url https://packages.example/simple\n", "names an address"),
        ("a @ https://packages.example/a.whl --hash=sha256:00\n", "names an address"),
    ],
)
def test_what_must_not_stand_in_a_lock_is_found(entry: str, fault: str) -> None:
    assert any(fault in line for line in locks.faults("a.txt", entry))


def test_markers_extras_and_notes_may_stand_in_a_lock() -> None:
    entry = "a-b[c,d]==1.0+cpu ; sys_platform != 'win32' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
    lock = f"# a note\n{entry}    # via\n    #   e\n"
    assert locks.faults("a.txt", lock) == []
