"""A node with all that a rollout stands on: KServe, gateway, registry, object store, Prometheus and two models."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.config import Settings, read_settings
from components.registry import approvals
from components.registry.registry import Registry
from components.registry.store import fetch
from components.training.bundle import Bundle
from tests.cluster import gateway, neighbours
from tests.cluster import whole_node as nodes
from tests.cluster.kserve import STANDARD, kserve
from tests.cluster.network import ADDRESS
from tests.cluster.processes import answers, free_ports, until
from tests.cluster.programs import cache_folder
from tests.cluster.whole_node import Node

ROOT = Path(__file__).parents[2]
USE_CASE = "sba_loans"
STARTER = "anna"
USERS = {gateway.USER: "", neighbours.SCRAPER: "", STARTER: ""}
CONFIGURATION = {
    **STANDARD,
    "ingress": {**STANDARD["ingress"], "kserveIngressGateway": f"{gateway.NAMESPACE}/{gateway.NAME}"},
}
DAYS = ("2007-12-31", "2008-12-31")
"""As of which the two models are trained: versions 1 and 2 of ``sba_loans``."""
PATIENCE = 240.0


@dataclass(frozen=True)
class Stage:
    """Where the play is.

    Args:
        node: that runs the pods.
        port: of loopback, where the gateway listens.
        home: the folder with registry, ledger and keys.
    """

    node: Node
    port: int
    home: Path

    @property
    def settings(self) -> Settings:
        """Settings of a command beside the node."""
        return _settings(self.home)

    def bundle(self, version: int) -> Bundle:
        """Return a registered model."""
        return Bundle.open(fetch(f"models:/{USE_CASE}/{version}", self.home / "fetched", self.settings))

    def kubectl(self, *words: str) -> str:
        """Run kubectl in the models' namespace."""
        return self.node.plane.kubectl("-n", "models", *words, seconds=120)

    def apply(self, folder: str) -> None:
        """Apply a folder, of the checkout where its path is not whole."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / folder))

    def wait(self, what: str, condition: str) -> None:
        """Wait until an object's condition is true; tells how the pods are when it does not come."""
        words = ["get", what, "-o", f'jsonpath={{.status.conditions[?(@.type=="{condition}")].status}}']
        until(lambda: self.kubectl(*words).strip() == "True", PATIENCE, self.told, 1)

    def champion(self) -> int | None:
        """Return the number of the model that reigns."""
        found = Registry(self.settings).champion(USE_CASE)
        return found.version if found else None

    def told(self) -> str:
        """Say how things are in the models' namespace."""
        return self.kubectl("get", "pods,isvc,httproutes,events", "-o", "wide")


def environment(home: Path) -> dict[str, str]:
    """Return the settings of commands that train and register beside the node."""
    return {
        "FAIRLEAD_HOME": str(home),
        "FAIRLEAD_ACTOR": "tester",
        "FAIRLEAD_BUNDLE_STORE": "s3://fairlead/bundles",
        **neighbours.store_environment(),
    }


def command(home: Path, *words: str) -> str:
    """Run one of our own commands, as a person beside the node would, and return what it says."""
    whole = [sys.executable, "-m", "pipelines", *words]
    given = {**os.environ, **environment(home)}
    done = subprocess.run(whole, cwd=ROOT, env=given, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def missing() -> str:
    """Say what lacks for a stage; empty when nothing does."""
    return nodes.missing() or gateway.missing() or neighbours.missing()


@contextmanager
def stage(serving: Path, names: Sequence[str], pause: Path) -> Iterator[Stage]:
    """Set a stage.

    Args:
        serving: archive with the image that serves models, and, under another name, runs the operator.
        names: of the images in it.
        pause: archive of the image that holds pods.
    """
    keep = cache_folder() / "node"
    with ExitStack() as stack:
        node = stack.enter_context(nodes.node(pause, USERS))
        _forget_other_code(keep, serving)
        node.take(serving, *names)
        stack.enter_context(_variables(neighbours.store_environment()))
        neighbours.start_store(node, keep / "objects")
        node.until(lambda: answers(f"http://{ADDRESS}:{neighbours.STORE}/healthz"), "store")
        home = _train(keep / "home", node.folder / "home")
        neighbours.start_registry(node, home)
        node.plane.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "namespaces"))
        stack.enter_context(kserve(node.plane, CONFIGURATION))
        port = _start_gateway(node)
        targets = node.folder / "targets.json"
        stack.enter_context(neighbours.followed(node, targets))
        neighbours.start_prometheus(node, targets)
        node.plane.apply([*neighbours.objects(), *neighbours.secrets(home)])
        node.until(lambda: answers(f"http://{ADDRESS}:{neighbours.PROMETHEUS}/-/ready"), "prometheus")
        node.until(lambda: answers(f"http://{ADDRESS}:{neighbours.REGISTRY}/health"), "mlflow")
        yield Stage(node, port, home)


@contextmanager
def _variables(given: dict[str, str]) -> Iterator[None]:
    """Let this process reach the object store, too: its clients read the environment."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _start_gateway(node: Node) -> int:
    port, ping = free_ports(2)
    node.plane.apply(gateway.definitions())
    node.plane.wait_for_definitions()
    node.plane.apply(gateway.objects(port))
    node.start("gateway", gateway.command(port, ping), {"KUBECONFIG": str(node.plane.kubeconfig(gateway.USER))})
    node.until(lambda: answers(f"http://127.0.0.1:{ping}/ping"), "gateway")
    return port


def _forget_other_code(keep: Path, serving: Path) -> None:
    """Throw models away that other code has made: the present one need not be able to serve them."""
    made = keep / "home" / "made-for"
    if not made.exists() or made.read_text(encoding="utf-8") != serving.name:
        for name in ("home", "objects"):
            shutil.rmtree(keep / name, ignore_errors=True)
        made.parent.mkdir(parents=True)
        made.write_text(serving.name, encoding="utf-8")


def _train(kept: Path, home: Path) -> Path:
    """Train both models, unless they are there, and make the first champion in a copy of registry and ledger."""
    for name in ("envs", "uv"):
        (kept / name).unlink(missing_ok=True)
        (kept / name).symlink_to(read_settings().home.absolute() / name)
    for number, day in enumerate(DAYS, 1):
        if number not in [version.version for version in Registry(_settings(kept)).versions(USE_CASE)]:
            # Isolated: interpreters of all environments, kept warm beside a node, would take 4 GB together with it.
            command(kept, "run", "training", "--as-of", day, "--isolated")
    shutil.rmtree(home, ignore_errors=True)  # a command that outlived its run may have made it
    home.mkdir()
    for name in ("mlflow.db", "ledger.db", "keys"):
        (shutil.copytree if (kept / name).is_dir() else shutil.copy2)(kept / name, home / name)
    registry = Registry(_settings(home))
    asked = registry.request(USE_CASE, 1)
    approvals.approve(_settings(home), asked.id, "the first model")
    registry.promote(USE_CASE, 1, asked.id)
    return home


def _settings(home: Path) -> Settings:
    return read_settings({k: v for k, v in environment(home).items() if k.startswith("FAIRLEAD_")})
