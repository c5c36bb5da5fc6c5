"""Processes that stand for model servers, and an Envoy before them."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import FairleadError
from components.rollout.planes.envoy_admin import Admin
from components.rollout.planes.envoy_config import Proxy
from components.rollout.planes.envoy_process import command, prepare
from components.serving.process import free_port


@dataclass(frozen=True)
class Upstream:
    """A running server."""

    port: int
    process: "subprocess.Popen[str]"

    def seen(self, kind: str = "") -> list[str]:
        """Ids of the requests that it got; with ``/mirrored`` those of copies alone."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/seen{kind}", timeout=5) as answer:
            return list(json.loads(answer.read()))


@contextmanager
def upstream(variant: str, status: int = 200) -> Iterator[Upstream]:
    """Run such a server for as long as the block lasts."""
    arguments = [sys.executable, str(Path(__file__).with_name("upstream_server.py")), variant, str(status)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Upstream(int(process.stdout.readline()), process)
        finally:
            process.kill()


@contextmanager
def envoy(proxy: Proxy) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Envoy on files that were prepared, until its listener answers; the block's end stops it."""
    with (proxy.folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command(proxy), stdout=log, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                Admin(proxy.admin_port or proxy.admin_socket, timeout=1).traffic()
                break
            except FairleadError:
                assert process.poll() is None, (proxy.folder / "envoy.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def new_proxy(folder: Path, **options: object) -> Proxy:
    """A proxy on free ports with its files prepared, checked often so that tests are quick."""
    values = {"folder": folder, "port": free_port(), "health_seconds": 0.1, **options}
    proxy = Proxy.model_validate(values)
    prepare(proxy)
    return proxy
