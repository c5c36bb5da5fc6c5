"""The four Python environments: made from the locks when first needed, in parallel, and repaired when broken off.

Needs nothing but Python 3.11: ``python3.11 -m pipelines.environments ensure`` is how everything else gets installed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from components.core.errors import FairleadError, unknown
from pipelines import uv

GROUPS = ("platform", "tfdv", "explain", "drift")
"""Dependency groups that cannot share an environment; each has one of its own, and an image."""

PEERS = "peers/"
"""``peers/NAME``: an environment for what a benchmark measures beside ours, from ``requirements/peers/NAME.txt``."""

_HOME = uv.ROOT / ".fairlead"
_STAMP = ".fairlead.json"
_HEARTBEAT_SECONDS = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """One environment on disk and the locks that it was, or is to be, made from."""

    name: str
    home: Path
    root: Path = field(default_factory=lambda: uv.ROOT)

    @property
    def path(self) -> Path:
        return self.home / "envs" / self.name

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def holds(self, locks: Iterable[str]) -> bool:
        """Whether the environment was made to the end, here, from these locks as they are now."""
        made = self._stamp()
        return made is not None and self.python.exists() and self._wanted(locks).items() <= made.items()

    def locks_held(self) -> set[str]:
        """Which locks it was made from, whatever they have become since."""
        return {key.removeprefix("lock ") for key in self._stamp() or {} if key.startswith("lock ")}

    def write_stamp(self, locks: Iterable[str]) -> None:
        """Record that it is whole. The last thing done: without it the environment counts as broken off."""
        scratch = self.path / f"{_STAMP}.new"
        scratch.write_text(json.dumps(self._wanted(locks), indent=1) + "\n", encoding="utf-8")
        scratch.replace(self.path / _STAMP)

    def remove_stamp(self) -> None:
        """Record that it is being changed."""
        (self.path / _STAMP).unlink(missing_ok=True)

    def packages(self) -> int:
        """How many distributions are installed."""
        return sum(1 for _ in self.path.glob("lib/python3*/site-packages/*.dist-info"))

    def _stamp(self) -> dict[str, str] | None:
        try:
            text = (self.path / _STAMP).read_text(encoding="utf-8")
            return {str(k): str(v) for k, v in json.loads(text).items()}
        except (OSError, ValueError, AttributeError):
            return None

    def _wanted(self, locks: Iterable[str]) -> dict[str, str]:
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return {
            # Scripts and the editable install name the checkout: a moved one needs them anew.
            "root": str(self.root),
            "project": hashlib.sha256(json.dumps(project, sort_keys=True).encode()).hexdigest(),
            **{f"lock {name}": _hash(_lock(self.root, name)) for name in locks},
        }


def interpreter(group: str, home: Path = _HOME) -> Path:
    """Return where the Python of a group's environment is, made or not.

    >>> interpreter("tfdv", Path("home")).as_posix()
    'home/envs/tfdv/bin/python'
    """
    return Environment(_environment_name(group), home).python


def missing(groups: Iterable[str], home: Path = _HOME) -> list[str]:
    """List the groups that are not installed, not whole, or not as their lock says."""
    return [g for g in groups if not Environment(_environment_name(g), home).holds(_locks(g))]


def ensure(groups: Sequence[str], home: Path = _HOME, say: Say | None = None) -> None:
    """Make the environments of some groups, in parallel, unless they are there; wait for one that is being made.

    Safe to call from several processes at once: the first makes an environment, the others wait for it.

    Args:
        groups: those of ``GROUPS``, or ``dev`` for the development tools in the platform environment.
        home: directory for what Fairlead writes on this machine; environments are kept in ``home/envs``.
        say: takes each line of progress; printed when not given.

    Raises:
        FairleadError: an unknown group, or an installation failed; carries uv's last lines.
    """
    needed: dict[str, set[str]] = {}
    for group in missing(groups, home):
        needed.setdefault(_environment_name(group), set()).update(_locks(group))
    if not needed:
        return
    installer = _Installer(home, say or _print)
    with ThreadPoolExecutor(max_workers=len(needed)) as pool:
        made = [pool.submit(installer.make, name, locks) for name, locks in needed.items()]
    failures = [str(error) for error in (m.exception() for m in made) if error is not None]
    if failures:
        raise FairleadError("\n".join(failures)) from next(e for e in (m.exception() for m in made) if e)


class _Installer:
    """Makes environments with uv; several at a time."""

    def __init__(self, home: Path, say: Say) -> None:
        self.home = home
        self.say = say
        self.uv = uv.find(home)
        self.variables = uv.environment_for_uv(home, os.environ)
        self._one_line = threading.Lock()

    def make(self, name: str, locks: set[str]) -> None:
        """Bring one environment to what the locks say; alone, whatever other processes do."""
        environment = Environment(name, self.home)
        with uv.held(self.home / "envs" / f".{name}.lock") as lock:
            if environment.holds(locks):  # made by another process while we waited
                return
            start = time.monotonic()
            self._bring_up(environment, locks, lock)
            self._tell(f"{name}: ready, {environment.packages()} packages, {time.monotonic() - start:.1f} s")

    def _bring_up(self, environment: Environment, locks: set[str], lock: int) -> None:
        held = environment.locks_held()
        if held and environment.holds(held):
            new, what = locks - held, "adding"
        else:
            # No stamp, another lock, another place: a new start is certain, and quick from uv's cache.
            new, what = locks | held, "installing"
        environment.remove_stamp()
        files = [_lock(environment.root, name) for name in sorted(new, key=_platform_first)]
        self._tell(f"{environment.name}: {what} {sum(map(_pins, files))} locked packages")
        if what == "installing":
            self._run(environment.name, lock, "venv", "--clear", "--python", sys.executable, str(environment.path))
        # The locks are complete: nothing is left to resolve, and what a build takes is locked too, so that nothing
        # outside them can come in.
        built = ("--require-build-hashes", "--build-constraints", str(environment.root / "requirements" / "build.txt"))
        into = ("--python", str(environment.python), "--no-deps")
        for file in files:
            self._run(environment.name, lock, "pip", "install", *into, "--require-hashes", *built, "-r", str(file))
        if what == "installing":
            self._run(environment.name, lock, "pip", "install", *into, "-e", str(environment.root))
        environment.write_stamp(locks | held)

    def _run(self, name: str, lock: int, *arguments: str) -> None:
        """Run uv with a sign of life now and then; the lock goes along, should we be killed before it ends."""
        start = time.monotonic()
        with subprocess.Popen(
            [str(self.uv), *arguments],
            cwd=uv.ROOT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
        ) as process:
            while True:
                try:
                    output, _ = process.communicate(timeout=_HEARTBEAT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    self._tell(f"{name}: still at it after {time.monotonic() - start:.0f} s")
        if process.returncode:
            raise FairleadError(
                f"environment {name}: uv {' '.join(arguments[:2])} ended with {process.returncode}. Needed are a "
                "package index (pip's configuration is used) and about 3 GB of disk; what was downloaded is kept, "
                f"so run the same command again once mended.\n{uv.tail(output)}"
            )

    def _tell(self, line: str) -> None:
        with self._one_line:
            self.say(line)


def _environment_name(group: str) -> str:
    if group == "dev":
        return "platform"
    if group in GROUPS or (group.startswith(PEERS) and _lock(uv.ROOT, group).is_file()):
        return group
    raise unknown("dependency group", group, [*GROUPS, "dev"])


def _locks(group: str) -> set[str]:
    return {"platform", "dev"} if group == "dev" else {group}


def _lock(root: Path, name: str) -> Path:
    return root / "requirements" / f"{name}.txt"


def _platform_first(name: str) -> tuple[bool, str]:
    return name == "dev", name


def _pins(lock: Path) -> int:
    return sum("==" in line and not line.startswith((" ", "#")) for line in lock.read_text("utf-8").splitlines())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _print(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.environments", description="Make Fairlead's environments."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    ensured = commands.add_parser("ensure", help="make the environments that are missing, and wait for them")
    ensured.add_argument(
        "groups", nargs="*", metavar="GROUP", help="platform, tfdv, explain, drift, dev (default: the first 4)"
    )
    commands.add_parser("status", help="tell which environments are ready")
    given = parser.parse_args(arguments)
    home = Path(os.environ.get("FAIRLEAD_HOME") or ".fairlead").absolute()
    if sys.version_info[:2] != (3, 11):
        version = ".".join(map(str, sys.version_info[:2]))
        print(
            f"found Python {version}; Fairlead's locks are for Python 3.11: make PYTHON=/path/to/python3.11",
            file=sys.stderr,
        )
        return 1
    if given.command == "status":
        for group in (*GROUPS, "dev"):
            print(f"{group:9} {'missing' if missing([group], home) else 'ready'}")
        return 0
    try:
        ensure(given.groups or GROUPS, home)
    except FairleadError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
