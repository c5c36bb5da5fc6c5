"""A real Prometheus and a real Alertmanager around our exporter, our rules and our routes, all on loopback."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from prometheus_client import start_http_server

from components.core.watching import Monitoring
from components.monitoring.alerts.book import AlertBook
from components.monitoring.exporter import Exporter, serve
from components.monitoring.rules import Objectives, text
from components.serving.process import free_port
from tests.monitoring.alerts.looks import day
from tests.monitoring.exposed import Server, looked
from tests.serving.receiver import Receiver, receiving

ALERTMANAGER = Path(__file__).parents[2] / "manifests" / "monitoring" / "alertmanager.yaml"
BINARIES = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager"}
"""Debian's names of the programs and of the packages that bring them."""
MISSING = [package for program, package in BINARIES.items() if not shutil.which(program)]

QUICK = Objectives(scale=1 / 60)
"""Windows and ``for`` of a minute take a second."""
DEADLINE = 60.0


@dataclass
class World:
    """What runs, and what came out at the far end."""

    received: Receiver
    book: AlertBook
    exporter: Exporter
    server: Server
    prometheus: str
    alertmanager: str
    looks: int = 0
    seconds: list[float] = field(default_factory=list)
    """From a look to the webhook, of each alarm that was timed."""

    def look(self, *calls, model="sba_loans", monitoring=None):
        """Take one more look at a model, of the next day."""
        self.looks += 1
        found = looked(*calls, now=day(self.looks), model=model)
        self.book.observe(found.findings, monitoring or Monitoring(raise_after=1, clear_after=1))
        self.exporter.show(found)

    def notified(self, **labels) -> list[str]:
        """List the states that our webhook was told of alerts with these labels, in order."""
        found = []
        for path, _, body in list(self.received.requests):
            for alert in json.loads(body)["alerts"] if path == "/alerts" else ():
                if labels.items() <= alert["labels"].items():
                    found.append(alert["status"])
        return found

    def wait(self, state, **labels) -> float:
        """Wait until the webhook was told of a state; return how many seconds that took."""
        begin = time.monotonic()
        until(lambda: state in self.notified(**labels), f"{state} {labels}; {self.prometheus}")
        return time.monotonic() - begin

    def ask(self, expression) -> list:
        """Evaluate an expression now."""
        found = get(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return found["data"]["result"]


def until(done, what):
    """Poll until something holds."""
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, f"not within {DEADLINE:g} s: {what}"
        threading.Event().wait(0.05)


def get(url):
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        return json.loads(answer.read())


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """Run all of it until the block ends."""
    with ExitStack() as stack:
        received = stack.enter_context(receiving())
        book = AlertBook(folder / "alerts.db")
        exporter, server = Exporter(book.store, ["webhook"]), Server()
        page = stack.enter_context(serve(exporter, 0))
        serving, thread = start_http_server(0, "127.0.0.1", server.registry)
        stack.callback(thread.join)
        stack.callback(serving.server_close)
        stack.callback(serving.shutdown)
        alertmanager = stack.enter_context(_alertmanager(folder, received.url))
        targets = {
            "fairlead-monitoring": page.removeprefix("http://").removesuffix("/metrics"),
            "fairlead-serving": f"127.0.0.1:{serving.server_port}",
            "fairlead-gone": f"127.0.0.1:{free_port()}",
        }
        prometheus = stack.enter_context(_prometheus(folder, alertmanager, targets))
        yield World(received, book, exporter, server, prometheus, alertmanager)


@contextmanager
def _alertmanager(folder: Path, receiver: str) -> Iterator[str]:
    """Our routes as they are, but for addresses, and for waiting before changes to a group are told."""
    (folder / "webhook-token").write_text("token-of-the-test")
    (folder / "slack-url").write_text(f"{receiver}/slack")
    config = ALERTMANAGER.read_text(encoding="utf-8")
    config = config.replace("/etc/alertmanager/secrets", str(folder))
    config = re.sub(r"url: http://\S+", f"url: {receiver}/alerts", config)
    config = config.replace("group_interval: 1m", "group_interval: 2s")
    (folder / "alertmanager.yaml").write_text(config, encoding="utf-8")
    options = {"config.file": folder / "alertmanager.yaml", "storage.path": folder / "alertmanager"}
    with _process("prometheus-alertmanager", folder, options, ["--cluster.listen-address="]) as url:
        yield url


@contextmanager
def _prometheus(folder: Path, alertmanager: str, targets: dict[str, str]) -> Iterator[str]:
    (folder / "rules.yaml").write_text(text(QUICK), encoding="utf-8")
    there = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "alerting": {"alertmanagers": there},
        "scrape_configs": [{"job_name": n, "static_configs": [{"targets": [t]}]} for n, t in targets.items()],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    options = {"config.file": folder / "prometheus.yaml", "storage.tsdb.path": folder / "prometheus"}
    with _process("prometheus", folder, options, []) as url:
        yield url


@contextmanager
def _process(name: str, folder: Path, options: dict[str, Path], more: list[str]) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    command = [str(shutil.which(name)), *(f"--{k}={v}" for k, v in options.items()), f"--web.listen-address={address}"]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *more], stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: _ready(f"http://{address}/-/ready"), f"{name} is ready; {log.read_text()[-2000:]}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
