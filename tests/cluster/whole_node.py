"""A whole node of Kubernetes on this machine: pods run, Services lead to them, names are answered.

All parts are real; etcd, the API server and what else a control plane has run as processes beside the node.
"""

import fcntl
import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cluster import container_runtime, dns
from tests.cluster import network as networks
from tests.cluster import programs as built
from tests.cluster.api_server import PARTS, ControlPlane, Options, control_plane
from tests.cluster.oci import PAUSE
from tests.cluster.processes import Start, answers, free_ports, running, tail, until

NAME = "fairlead"
USERS = {
    f"system:node:{NAME}": "system:nodes",
    "system:kube-scheduler": "",
    "system:kube-proxy": "",
    dns.USER: "",
}
PROGRAMS = (*PARTS, "kube-scheduler", "kubelet", "kube-proxy", "coredns")
READY_SECONDS = 240.0


def missing() -> str:
    """Say what lacks to run a node here; empty when nothing does."""
    return container_runtime.missing() or built.missing(*PROGRAMS)


@dataclass
class Node:
    """A running node.

    Args:
        plane: its control plane.
        folder: for all that is written, thrown away at the next start.
        images: folder that keeps images from run to run.
    """

    plane: ControlPlane
    folder: Path
    images: Path
    _start: Start
    _commands: dict[str, tuple[list[str], Mapping[str, str]]] = field(default_factory=dict)
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a process that ends with the node.

        Args:
            name: of its log, and by which it is killed and revived.
            command: what to run.
            environment: variables that it has beside our own.
        """
        self._commands[name] = list(command), environment or {}
        self.revive(name)

    def revive(self, name: str) -> None:
        """Start a process as it was started the first time, as a machine's service manager would."""
        self._running[name] = self._start(self._commands[name][0], self.log(name), self._commands[name][1])

    def kill(self, name: str) -> None:
        """End a process at once, with no chance to tidy up."""
        self._running[name].send_signal(signal.SIGKILL)
        self._running[name].wait(30)

    def stop(self, name: str) -> None:
        """Ask a process to end, and wait until it has."""
        self._running[name].terminate()
        self._running[name].wait(30)

    def until(self, is_so: Callable[[], bool], name: str) -> None:
        """Wait for a process to be ready; fails as soon as it has ended, with its last words."""

        def alive() -> bool:
            assert self._running[name].poll() is None, f"{name} ended: {tail(self.log(name))}"
            return is_so()

        until(alive, READY_SECONDS, lambda: f"{name}: {tail(self.log(name))}")

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.folder / f"{name}.log"

    def ready(self) -> bool:
        """Say whether the API server calls the node ready."""
        said = self.plane.kubectl("get", "node", NAME, "-o", "json", check=False)
        try:
            conditions = json.loads(said)["status"]["conditions"]
        except (ValueError, KeyError):
            return False
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def take(self, archive: Path, *names: str) -> bool:
        """Import images by name; False when they were there already."""
        return container_runtime.take(archive, *names)


@contextmanager
def node(pause: Path, users: dict[str, str] | None = None) -> Iterator[Node]:
    """Run a node; one at a time on a machine, others wait. What a run before it left is cleared away.

    Args:
        pause: archive of the image ``PAUSE``.
        users: of the API server, beside the node's own: names and, with commas, groups.
    """
    home = built.cache_folder() / "node"
    images, folder = home / "images", home / "run"
    home.mkdir(parents=True, exist_ok=True)
    with container_runtime.RUN.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        container_runtime.clear(images, folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        container_runtime.RUN.mkdir()
        try:
            with _parts(folder, images, pause, users or {}) as made:
                yield made
        finally:
            container_runtime.clear(images, folder)


@contextmanager
def _parts(folder: Path, images: Path, pause: Path, users: dict[str, str]) -> Iterator[Node]:
    with ExitStack() as stack:
        cni = stack.enter_context(networks.network(folder))
        plane_folder = folder / "plane"
        plane_folder.mkdir()
        options = Options(address=networks.ADDRESS, arguments={"authorization-mode": "Node,RBAC"})
        plane = stack.enter_context(control_plane(plane_folder, {**USERS, **users}, options))
        start = stack.enter_context(running())
        made = Node(plane, folder, images, start)
        _start_runtime(made, cni, pause)
        stack.callback(_leave, made)
        _start_parts(made)
        yield made


def _start_runtime(made: Node, cni: Path, pause: Path) -> None:
    """Start containerd; once more where the last run's containers were in the way."""
    command = container_runtime.command(made.images, cni, PAUSE)
    made.start("containerd", command)
    made.until(container_runtime.alive, "containerd")
    if container_runtime.end_all():
        made.stop("containerd")
        shutil.rmtree(container_runtime.RUN / "state", ignore_errors=True)
        made.revive("containerd")
        made.until(container_runtime.alive, "containerd")
    made.take(pause, PAUSE)


def _start_parts(made: Node) -> None:
    plane, ports = made.plane, free_ports(7)
    plane.apply(dns.rights())
    made.start("kubelet", _kubelet(made, ports[0], ports[1]))
    scheduler = {
        "kubeconfig": plane.kubeconfig("system:kube-scheduler"),
        "authentication-kubeconfig": plane.kubeconfig("system:kube-scheduler"),
        "authorization-kubeconfig": plane.kubeconfig("system:kube-scheduler"),
        "bind-address": "127.0.0.1",
        "secure-port": ports[2],
        "leader-elect": "false",
    }
    made.start("kube-scheduler", _words("kube-scheduler", scheduler))
    made.start("kube-proxy", _proxy(made, ports[3], ports[4]))
    made.start("coredns", dns.command(made.folder, plane.kubeconfig(dns.USER), ports[5]))
    made.until(made.ready, "kubelet")
    made.until(lambda: answers(f"http://127.0.0.1:{ports[5]}/ready"), "coredns")


def _kubelet(made: Node, port: int, health: int) -> list[str]:
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": networks.ADDRESS,
        "port": port,
        "healthzPort": health,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [networks.ADDRESS],
        "clusterDomain": dns.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{container_runtime.SOCKET}",
        "podLogsDir": str(made.folder / "pods"),
        "makeIPTablesUtilChains": False,
        # Images cannot be had again, so none is thrown away.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "nodeStatusUpdateFrequency": "4s",
        "serializeImagePulls": False,
        "resolvConf": "",
    }
    file = made.folder / "kubelet.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    options = {
        "config": file,
        "kubeconfig": made.plane.kubeconfig(f"system:node:{NAME}"),
        "root-dir": made.folder / "kubelet",
        "cert-dir": made.folder / "kubelet-certificates",
        "hostname-override": NAME,
        "node-ip": networks.ADDRESS,
    }
    return _words("kubelet", options)


def _proxy(made: Node, metrics: int, health: int) -> list[str]:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": networks.PODS,
        "hostnameOverride": NAME,
        "bindAddress": networks.ADDRESS,
        "metricsBindAddress": f"127.0.0.1:{metrics}",
        "healthzBindAddress": f"127.0.0.1:{health}",
        "clientConnection": {"kubeconfig": str(made.plane.kubeconfig("system:kube-proxy"))},
        "nodePortAddresses": [f"{networks.ADDRESS}/32"],
        # The limits of connections are the machine's; they stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    file = made.folder / "kube-proxy.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return _words("kube-proxy", {"config": file})


def _leave(made: Node) -> None:
    """End all pods at once, with nobody there who would make new ones."""
    made.stop("kubelet")
    container_runtime.end_all()


def _words(program: str, options: dict[str, object]) -> list[str]:
    return [str(built.program(program)), *(f"--{name}={value}" for name, value in options.items())]
