"""The locks in the tree are whole, name no host, and were made from ``pyproject.toml`` as it is."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.locks import LOCKED, flatten, problems

ROOT = Path(__file__).parents[2]


def pins(lock: str) -> dict[str, str]:
    """Return package → version of one lock."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)", lock, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def unmet(requirements: list[str], lock: str) -> list[str]:
    """List the requirements that a lock does not hold, or holds in a version that they do not allow."""
    pinned = pins(lock)
    found = []
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement}: locked is {version}")
    return found


def test_the_locks_are_fresh() -> None:
    assert problems(ROOT) == []


@pytest.mark.parametrize("group", LOCKED)
def test_a_lock_satisfies_its_group(group: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    lock = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    assert unmet(flatten(group, groups), lock) == []


def test_every_group_is_locked_or_part_of_one() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert set(groups) == {*LOCKED, "core"}
    assert {p.stem for p in (ROOT / "requirements").glob("*.txt")} == set(LOCKED)


def test_the_development_tools_keep_to_the_versions_of_the_platform() -> None:
    platform, dev = (
        pins((ROOT / "requirements" / f"{n}.txt").read_text(encoding="utf-8")) for n in ("platform", "dev")
    )
    assert {n: (dev[n], platform[n]) for n in dev.keys() & platform.keys() if dev[n] != platform[n]} == {}


def test_what_a_lock_lacks_is_found() -> None:
    lock = "a==1.0 \\\n    --hash=sha256:00\nb-c[x]==2.0 ; sys_platform != 'win32' \\\n    --hash=sha256:00\n"
    assert unmet(["a>=1", "B_c>=2,<3"], lock) == []
    assert unmet(["a>=2", "d"], lock) == ["a>=2: locked is 1.0", "d: locked is None"]
