"""The locks under ``requirements/``: written by uv, named by no host, and checked fresh without a network."""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError
from pipelines import uv

LOCKED = ("platform", "tfdv", "explain", "drift", "dev", "build", "uv")
"""Dependency groups with a lock; ``dev`` is installed over ``platform`` and keeps to its versions, ``build`` is what
packages without a wheel are built with, ``uv`` installs them all."""

_RECORD = "inputs.json"


def write(root: Path, home: Path, upgrade: bool = False) -> None:
    """Resolve every group anew and write its lock, keeping the versions that still fit unless told to upgrade.

    Needs the package index. Writes ``requirements/inputs.json`` last: what each lock was made from.

    Raises:
        FairleadError: a group cannot be resolved; carries uv's last lines.
    """
    # The lock of uv has to be there to make it anew; every other one could be lost.
    program = str(uv.find(home, root))
    for group in LOCKED:
        command = [program, "pip", "compile", "--quiet", "--group", group, "--universal", "--python-version", "3.11"]
        command += [
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-header",
            "--output-file",
            f"requirements/{group}.txt",
        ]
        command += ["--constraint", "requirements/platform.txt"] if group == "dev" else []
        command += ["--upgrade"] if upgrade else []
        print(f"{group}: resolving", flush=True)
        variables = uv.environment_for_uv(home, os.environ)
        done = subprocess.run(
            [*command, "pyproject.toml"], cwd=root, env=variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise FairleadError(f"group {group} cannot be locked:\n{uv.tail(done.stdout + done.stderr)}")
    text = json.dumps(record(root), indent=1)
    (root / "requirements" / _RECORD).write_text(text + "\n", encoding="utf-8")


def record(root: Path) -> dict[str, dict[str, str]]:
    """Return, for each group, the hash of what its lock is made from and the hash of the lock."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    result = {}
    for group in LOCKED:
        inputs: dict[str, Any] = {
            "requirements": flatten(group, project["dependency-groups"]),
            "python": project["project"]["requires-python"],
            "dependencies": project["project"]["dependencies"],
            "environments": project["tool"]["uv"].get("environments"),
            "overrides": project["tool"]["uv"].get("override-dependencies"),
        }
        if group == "dev":
            inputs["constraints"] = _pins(root / "requirements" / "platform.txt")
        made_from = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        lock = hashlib.sha256((root / "requirements" / f"{group}.txt").read_bytes()).hexdigest()
        result[group] = {"inputs": made_from, "lock": lock}
    return result


def flatten(group: str, groups: Mapping[str, Sequence[Any]]) -> list[str]:
    """List a group's own requirements and those of the groups it includes, sorted, each once.

    >>> flatten("a", {"a": [{"include-group": "b"}, "x>=1"], "b": ["y"]})
    ['x>=1', 'y']
    """
    result: set[str] = set()
    for entry in groups[group]:
        if isinstance(entry, str):
            result.add(" ".join(entry.split()))
        else:
            result.update(flatten(entry["include-group"], groups))
    return sorted(result)


def problems(root: Path) -> list[str]:
    """List what is wrong with the locks; empty when each is whole and was made from ``pyproject.toml`` as it is."""
    path = root / "requirements" / _RECORD
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"requirements/{_RECORD} cannot be read ({error}); write it with: make lock"]
    found = []
    for group, now in record(root).items():
        before = recorded.get(group, {})
        if before.get("inputs") != now["inputs"]:
            found.append(f"requirements/{group}.txt is older than its group in pyproject.toml; run: make lock")
        elif before.get("lock") != now["lock"]:
            found.append(f"requirements/{group}.txt was changed by hand; run: make lock")
        found += faults(f"requirements/{group}.txt", (root / "requirements" / f"{group}.txt").read_text("utf-8"))
    return found


def faults(name: str, lock: str) -> list[str]:
    """List the entries of a lock that are not pinned with a hash, and anything that names a host.

    >>> faults("x.txt", "a==1 \\\\\\n    --hash=sha256:00\\nb==2\\n")
    ['x.txt: b==2 has no hash']
    """
    found = []
    for entry in lock.replace("\\\n", " ").splitlines():
        text = entry.split(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        requirement = text.split(" --hash")[0].strip()
        if not re.match(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?==", requirement):
            found.append(f"{name}: {requirement!r} is not a pinned version")
        elif " --hash=sha256:" not in text:
            found.append(f"{name}: {requirement} has no hash")
    found += [f"{name}: names an address: {line.strip()}" for line in lock.splitlines() if "://" in line]
    return found


def _pins(lock: Path) -> list[str]:
    return sorted(
        line.split()[0] for line in lock.read_text(encoding="utf-8").splitlines() if re.match(r"[A-Za-z0-9].*==", line)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.locks", description="Write or check the locks.")
    commands = parser.add_subparsers(dest="command", required=True)
    written = commands.add_parser("write", help="resolve every group and write its lock (needs the package index)")
    written.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    commands.add_parser("check", help="tell whether the locks fit pyproject.toml (needs nothing)")
    given = parser.parse_args(arguments)
    home = Path(os.environ.get("FAIRLEAD_HOME") or ".fairlead").absolute()
    try:
        if given.command == "write":
            write(uv.ROOT, home, given.upgrade)
        found = problems(uv.ROOT)
    except FairleadError as error:
        found = [str(error)]
    print("\n".join(found) or "locks: fresh", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
