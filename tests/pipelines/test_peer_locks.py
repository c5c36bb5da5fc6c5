import shutil
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.benchmarks import peer_locks
from pipelines.benchmarks.peer_locks import lock, main, problems, requirements
from pipelines.environments import interpreter

ROOT = Path(__file__).parents[2]


def test_the_locks_are_whole() -> None:
    assert problems(ROOT) == []
    assert {path.stem for path in (ROOT / "requirements" / "peers").glob("*.txt")} == set(requirements)


@pytest.mark.parametrize("name", requirements)
def test_a_lock_satisfies_what_its_peer_asks_for(name: str) -> None:
    lines = lock(ROOT, name).read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(line.partition("==")[0]): line.split()[0].partition("==")[2] for line in lines if "==" in line}  # fmt: skip  # noqa: E501
    for requirement in map(Requirement, requirements[name]):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_what_is_missing_or_names_a_host_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "requirements" / "peers", tmp_path / "requirements" / "peers")
    first, second, *_ = requirements
    lock(tmp_path, first).unlink()
    with lock(tmp_path, second).open("a") as file:
        file.write("--index-url https://example.org\nloose>=1\n")
    found = problems(tmp_path)
    assert f"requirements/peers/{first}.txt is missing; write it with: make lock" in found
    assert any("names an address" in line for line in found)
    assert any("'loose>=1' is not a pinned version" in line for line in found)


def test_checking_by_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "peers' locks: whole\n"
    monkeypatch.setattr(peer_locks, "problems", lambda _: ["a.txt is missing"])
    assert main(["check"]) == 1
    assert "missing" in capsys.readouterr().err


def test_a_peers_environment_has_a_place_of_its_own(tmp_path: Path) -> None:
    assert interpreter("peers/ray", tmp_path) == tmp_path / "envs" / "peers" / "ray" / "bin" / "python"
