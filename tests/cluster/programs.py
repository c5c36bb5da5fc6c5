"""Programs of a real cluster, built by Go from public modules and kept by version: nothing of them is in the tree.

Each folder of ``programs/`` is a Go module with ``programs.yaml``, which names what is built from it.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from components.core.config import read_settings

MODULES = Path(__file__).with_suffix("")
BUILD_SECONDS = 3600.0


@dataclass(frozen=True)
class Source:
    """One Go module.

    Args:
        folder: with go.mod and programs.yaml.
        version: of what is built.
        packages: program → Go package.
        stamps: variables that the linker sets.
    """

    folder: Path
    version: str
    packages: dict[str, str]
    stamps: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """The folder of its programs."""
        return cache_folder() / f"{self.folder.name}-{self.version}"


def cache_folder() -> Path:
    """Return the folder that keeps what a cluster here needs, from run to run."""
    return (read_settings().home / "kubernetes").absolute()


@cache
def sources() -> dict[str, Source]:
    """Return all modules by name."""
    found = {}
    for file in sorted(MODULES.glob("*/programs.yaml")):
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        stamps = tuple(said.get("stamps", ()))
        found[file.parent.name] = Source(file.parent, str(said["version"]), said["programs"], stamps)
    return found


def version(module: str) -> str:
    """Return the version of a module's programs."""
    return sources()[module].version


def missing(*names: str) -> str:
    """Say what lacks to have programs here; empty when nothing does.

    Args:
        names: of programs; kubectl is needed with any.
    """
    if shutil.which("kubectl") is None:
        return "kubectl is not on the PATH"
    unbuilt = [name for name in names if not (_source_of(name).target / name).exists()]
    if unbuilt and shutil.which("go") is None:
        return f"Go is not on the PATH, and {', '.join(unbuilt)} was not built before"
    return ""


def program(name: str) -> Path:
    """Return a program's path; builds it when it is not there, which takes minutes and gigabytes of Go's caches.

    Raises:
        KeyError: no module names it.
        RuntimeError: Go cannot build it; tells Go's last words.
    """
    source = _source_of(name)
    found = source.target / name
    if not found.exists():
        with _alone(source):
            if not found.exists():
                _build(source, name)
    return found


def module_folder(module: str) -> Path:
    """Fetch a public Go module and return the folder that it was unpacked into.

    Args:
        module: PATH@VERSION.

    Raises:
        FileNotFoundError: it cannot be had; tells Go's word on it.
    """
    command = ["go", "mod", "download", "-json", module]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=MODULES / "kubernetes", timeout=300)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"Go module {module} cannot be had: Go is not on the PATH") from error
    found = json.loads(done.stdout or "{}")
    if "Dir" not in found:
        raise FileNotFoundError(f"Go module {module} cannot be had: {found.get('Error') or done.stderr}")
    return Path(found["Dir"])


def _source_of(name: str) -> Source:
    return next(source for source in sources().values() if name in source.packages)


def _build(source: Source, name: str) -> None:
    source.target.mkdir(parents=True, exist_ok=True)
    draft = source.target / f"{name}.new"
    stamps = " ".join(f"-X {stamp}" for stamp in source.stamps)
    command = [
        "nice",
        "-n",
        "19",
        "go",
        "build",
        "-ldflags",
        f"-s -w {stamps}",
        "-o",
        str(draft),
        source.packages[name],
    ]
    print(f"building {name} {source.version} with Go; kept in {source.target}", file=sys.stderr, flush=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    if "go1.26" not in _go_version():
        # Go 1.27 reads JSON anew, which breaks a part of Kubernetes' OpenAPI.
        environment["GOEXPERIMENT"] = "nojsonv2"
    done = subprocess.run(
        command, cwd=source.folder, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"Go cannot build {name} {source.version}:\n{done.stderr[-3000:]}")
    draft.replace(source.target / name)


@cache
def _go_version() -> str:
    command = ["go", "version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def _alone(source: Source) -> Iterator[None]:
    """Let one process at a time build a module's programs."""
    source.target.mkdir(parents=True, exist_ok=True)
    with (source.target / ".lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def main(modules: list[str]) -> int:
    """Build modules' programs before the tests that need them, which have less time; returns the exit status."""
    wanted = [name for module in modules or sources() for name in sources()[module].packages]
    lacking = missing(*wanted)
    if lacking:
        print(f"nothing is built: {lacking}")
        return 0  # the tests tell the same when they skip
    for name in wanted:
        program(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
