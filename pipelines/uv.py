"""uv, which installs environments: found at the pinned version or fetched by pip, and set up as the user's pip is."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import FairleadError

ROOT = Path(__file__).parents[1]
"""The checkout: where ``pyproject.toml`` and ``requirements/`` are."""

uv_names = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""pip's option → the variable that tells uv the same."""


def pinned_version(root: Path = ROOT) -> str:
    """Return the version of uv that ``requirements/uv.txt`` pins."""
    lock = root / "requirements" / "uv.txt"
    found = re.search(r"^uv==([\w.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise FairleadError(f"{lock} pins no uv; write it anew with: make lock")
    return found[1]


def find(home: Path, root: Path = ROOT) -> Path:
    """Return a uv of exactly the pinned version: the one on the PATH, the one fetched before, or one fetched now.

    Args:
        home: directory for what Fairlead writes on this machine; a fetched uv is kept in ``home/uv``.
        root: the checkout whose ``requirements/uv.txt`` holds version and hashes.

    Raises:
        FairleadError: pip could not fetch it; carries pip's last lines.
    """
    wanted = pinned_version(root)
    own = home / "uv" / "bin" / "uv"
    on_path = shutil.which("uv")
    for candidate in ([Path(on_path)] if on_path else []) + [own]:
        if _version(candidate) == wanted:
            return candidate
    with held(home / ".uv.lock"):
        if _version(own) != wanted:  # nobody fetched it while we waited
            _fetch(home / "uv", root)
    return own


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on a file, waiting for whoever holds it; gives the descriptor, to be passed to children.

    A child that has it keeps the lock until it ends, even when its parent was killed.
    """
    import fcntl  # not on Windows, where `help` should still work

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield f.fileno()


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a Python process of ours: byte code is written, no other environment is active.

    With byte code kept, the heavy imports take a third of the time from the second process on.
    """
    unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
    return {k: v for k, v in environment.items() if k not in unwanted}


def environment_for_uv(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for uv: ours, plus what the user told pip, where uv was not told otherwise.

    uv does not read pip's configuration, and pip is what people behind a mirror or a proxy have set up.
    """
    result = clean_environment(environment) | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for name, value in translate(_pip_configuration(home, environment)).items():
        result.setdefault(name, value)
    return result


def translate(pip: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's options into uv's variables; what uv has no word for is left out.

    >>> translate({"timeout": "60", "no-color": "true"})
    {'UV_HTTP_TIMEOUT': '60'}
    """
    result = {uv_names[name]: value for name, value in pip.items() if name in uv_names and value}
    # pip overlooks a folder of wheels that is not there; uv stops.
    links = [link for link in result.pop("UV_FIND_LINKS", "").split() if "://" in link or Path(link).is_dir()]
    if links:
        result["UV_FIND_LINKS"] = ",".join(links)
    if "UV_EXTRA_INDEX_URL" in result:
        # pip looks in all places for a version; safe here, for the hashes decide what may be installed.
        result["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return result


def parse_configuration(listing: str) -> dict[str, str]:
    """Read ``pip config list``: option → value; section ``install`` overrides ``global``, variables override both.

    >>> parse_configuration("global.timeout='5'\\n:env:.timeout='9'")
    {'timeout': '9'}
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in sections and value:
            sections[section][name] = str(ast.literal_eval(value))
    return sections["global"] | sections["install"] | sections[":env:"]


def _pip_configuration(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    pythons = [home / "uv" / "bin" / "python", Path(sys.executable), Path(getattr(sys, "_base_executable", ""))]
    for python in pythons:
        if python.is_file():
            command = [str(python), "-m", "pip", "config", "list"]
            done = subprocess.run(command, capture_output=True, text=True, env=dict(environment), check=False)
            if done.returncode == 0:
                return parse_configuration(done.stdout)
    prefix = "PIP_"
    return {k.removeprefix(prefix).lower().replace("_", "-"): v for k, v in environment.items() if k.startswith(prefix)}


def _version(uv: Path) -> str | None:
    try:
        done = subprocess.run([str(uv), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and len(words) > 1 else None


def _fetch(target: Path, root: Path) -> None:
    print(f"uv: fetching {pinned_version(root)} with pip into {target}", flush=True)
    lock = str(root / "requirements" / "uv.txt")
    pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(target)],
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(os.environ), check=False)
        if done.returncode:
            raise FairleadError(
                f"uv {pinned_version(root)} could not be fetched ({' '.join(command[1:4])} ended with "
                f"{done.returncode}). It needs Python 3.11 with venv and pip (Debian: python3.11-venv) and a "
                f"package index that pip is set up for; or put that uv on the PATH.\n{tail(done.stdout + done.stderr)}"
            )


def tail(text: str, lines: int = 20) -> str:
    """Return the last lines of a program's output."""
    return "\n".join(text.strip().splitlines()[-lines:])
