"""A real Kubernetes control plane: one that is given, kind's where Docker is, or one made on this machine.

Given is one by FAIRLEAD_TEST_KUBECONFIG and not by KUBECONFIG: tests delete what they find in their namespaces, and the
cluster that somebody works with should not be theirs by accident. Tests that play a node's part always make their own.

The last is etcd, kube-apiserver and kube-controller-manager, built by Go from their public modules. Nothing runs pods
here: what the API refuses, admits, merges and remembers is real, and so is what its controllers make of it.
"""

import csv
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster import programs
from tests.cluster.processes import free_ports, running, tail, until

READY_SECONDS = 240.0
ADMIN = "admin"
GIVEN = "FAIRLEAD_TEST_KUBECONFIG"
"""Variable with the kubeconfig of a cluster that is there for tests."""
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager")
SERVICES = "10.96.0.0/16"
"""Addresses of Services."""


def missing() -> str:
    """Say what lacks to have a control plane here; empty when nothing does."""
    if os.environ.get(GIVEN) or _kind():
        return "" if shutil.which("kubectl") else "kubectl is not on the PATH"
    return programs.missing(*PARTS)


class ControlPlane:
    """A running API server.

    Args:
        folder: for all that is written here.
        cluster: its section of a kubeconfig.
        credentials: section of a kubeconfig for each user.
    """

    def __init__(self, folder: Path, cluster: Mapping[str, Any], credentials: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder = folder
        self.url = str(cluster["server"])
        self._cluster = cluster
        self._credentials = dict(credentials)

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Write a kubeconfig for a user and return its path."""
        return self._write(user, self._credentials[user])

    def token_kubeconfig(self, user: str, token: str) -> Path:
        """Write a kubeconfig for whoever a token speaks for and return its path."""
        return self._write(user, {"token": token})

    def _write(self, user: str, credentials: Mapping[str, Any]) -> Path:
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "clusters": [{"name": "test", "cluster": dict(self._cluster)}],
            "users": [{"name": user, "user": dict(credentials)}],
        }
        text = yaml.safe_dump(document)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            # Whoever reads it at this moment reads all of it.
            draft = path.with_suffix(".new")
            draft.touch(0o600)
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        return path

    def kubectl(
        self, *words: str, user: str = ADMIN, stdin: str | None = None, check: bool = True, seconds: float = 60
    ) -> str:
        """Run kubectl as a user and return what it says, errors last.

        Raises:
            AssertionError: it failed, unless ``check`` is False; tells its words.
        """
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig(user)), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}")
        return done.stdout + done.stderr

    def get(self, *words: str) -> Any:
        """Return what ``kubectl get`` finds, as a document."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def wait_for_definitions(self) -> None:
        """Wait until the API serves every CustomResourceDefinition that it has."""

        def established() -> bool:
            found = self.get("crd")["items"]
            kinds = [{c["type"]: c["status"] for c in d.get("status", {}).get("conditions") or []} for d in found]
            return all(k.get("Established") == "True" for k in kinds)

        until(established, READY_SECONDS, lambda: self.kubectl("get", "crd"))

    def apply(self, documents: Sequence[Mapping[str, Any]], user: str = ADMIN, *words: str) -> str:
        """Apply documents on the server's side, as one manager that is called fairlead."""
        text = yaml.safe_dump_all([dict(d) for d in documents])
        how = ["apply", "--server-side", "--field-manager=fairlead", "--validate=strict", *words, "-f", "-"]
        return self.kubectl(*how, user=user, stdin=text, seconds=180)


@dataclass(frozen=True)
class Options:
    """What a control plane of our own is made with.

    Args:
        address: where it listens and is reached.
        arguments: further ones of the API server.
        controllers: run kube-controller-manager; without, nothing makes service accounts or ReplicaSets.
        keep: folder of etcd's data; None takes a new one each time.
    """

    address: str = "127.0.0.1"
    arguments: Mapping[str, object] = field(default_factory=dict)
    controllers: bool = True
    keep: Path | None = None


@contextmanager
def control_plane(folder: Path, users: Mapping[str, str], options: Options | None = None) -> Iterator[ControlPlane]:
    """Give a control plane.

    Args:
        folder: an empty one.
        users: names and, with commas, groups; ``admin`` is there anyway.
        options: of one made here; without, a cluster that is given is taken, or kind's where Docker is.
    """
    if options is None and os.environ.get(GIVEN):
        yield _given(folder, Path(os.environ[GIVEN]), users)
        return
    if options is None and _kind():
        with _kind_cluster(folder) as file:
            yield _given(folder, file, users)
        return
    with _own(folder, users, options or Options()) as plane:
        yield plane


@contextmanager
def _own(folder: Path, users: Mapping[str, str], options: Options) -> Iterator[ControlPlane]:
    where = {name: programs.program(name) for name in PARTS}
    ports = free_ports(3)
    tokens = {user: secrets.token_hex(16) for user in [ADMIN, *users]}
    groups = {ADMIN: "system:masters", **users}
    with (folder / "tokens.csv").open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([tokens[u], u, u, groups[u]] for u in tokens)
    (folder / "tokens.csv").chmod(0o600)
    _write_key(folder / "service-accounts.pem")
    certificate = folder / "certificates" / "apiserver.crt"
    cluster = {"server": f"https://{options.address}:{ports[2]}", "certificate-authority": str(certificate)}
    plane = ControlPlane(folder, cluster, {user: {"token": token} for user, token in tokens.items()})
    data = options.keep or folder / "etcd"
    etcd = [str(where["etcd"]), str(data), *(f"http://127.0.0.1:{port}" for port in ports[:2])]
    with running() as start:
        start(etcd, folder / "etcd.log")
        server = start(_apiserver(where["kube-apiserver"], folder, ports, options), folder / "apiserver.log")
        until(lambda: _ready(plane, certificate, server), READY_SECONDS, lambda: tail(folder / "apiserver.log"))
        if options.controllers:
            log = folder / "controllers.log"
            controllers = start(_controllers(where["kube-controller-manager"], plane), log)
            until(lambda: _has_account(plane, controllers), READY_SECONDS, lambda: tail(log))
        yield plane


def _apiserver(program: Path, folder: Path, ports: list[int], options: Options) -> list[str]:
    key = folder / "service-accounts.pem"
    given: dict[str, object] = {
        "etcd-servers": f"http://127.0.0.1:{ports[0]}",
        "secure-port": ports[2],
        "bind-address": options.address,
        "advertise-address": options.address,
        "cert-dir": folder / "certificates",
        "token-auth-file": folder / "tokens.csv",
        "authorization-mode": "RBAC",
        "allow-privileged": "true",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": key,
        "service-account-signing-key-file": key,
        "service-cluster-ip-range": SERVICES,
        **({} if options.controllers else {"disable-admission-plugins": "ServiceAccount"}),
        **options.arguments,
    }
    return [str(program), *(f"--{name}={value}" for name, value in given.items())]


def _controllers(program: Path, plane: ControlPlane) -> list[str]:
    given = {
        "kubeconfig": plane.kubeconfig(),
        "authentication-kubeconfig": plane.kubeconfig(),
        "authorization-kubeconfig": plane.kubeconfig(),
        "service-account-private-key-file": plane.folder / "service-accounts.pem",
        "root-ca-file": plane.folder / "certificates" / "apiserver.crt",
        "cert-dir": plane.folder / "certificates-of-controllers",
        "bind-address": "127.0.0.1",
        "secure-port": free_ports(1)[0],
        "leader-elect": "false",
    }
    return [str(program), *(f"--{name}={value}" for name, value in given.items())]


def _ready(plane: ControlPlane, certificate: Path, server: "subprocess.Popen[bytes]") -> bool:
    assert server.poll() is None, "the API server ended"
    return certificate.exists() and plane.kubectl("get", "--raw", "/readyz", check=False).strip() == "ok"


def _has_account(plane: ControlPlane, controllers: "subprocess.Popen[bytes]") -> bool:
    assert controllers.poll() is None, f"the controllers ended: {tail(plane.folder / 'controllers.log')}"
    said = plane.kubectl("get", "serviceaccount", "default", "-n", "default", "-o", "name", check=False)
    return said.strip() == "serviceaccount/default"


def _given(folder: Path, file: Path, users: Mapping[str, str]) -> ControlPlane:
    """Return a cluster that is there already; its administrator speaks in the users' names."""
    view = ["kubectl", "--kubeconfig", str(file), "config", "view", "--minify", "--flatten", "-o", "json"]
    said = json.loads(subprocess.run(view, capture_output=True, text=True, check=True, timeout=60).stdout)
    administrator = said["users"][0]["user"]
    credentials = {ADMIN: administrator}
    for user, groups in users.items():
        names = [group for group in groups.split(",") if group]
        credentials[user] = {**administrator, "as": user, **({"as-groups": names} if names else {})}
    return ControlPlane(folder, said["clusters"][0]["cluster"], credentials)


def _kind() -> bool:
    """Say whether kind can make a cluster here: the engine answers, not just its client."""
    if not (shutil.which("kind") and shutil.which("docker")):
        return False
    ask = ["docker", "info"]
    return subprocess.run(ask, capture_output=True, timeout=30).returncode == 0


@contextmanager
def _kind_cluster(folder: Path) -> Iterator[Path]:
    name, file = f"fairlead-{secrets.token_hex(3)}", folder / "kind.kubeconfig"
    remove = ["kind", "delete", "cluster", "--name", name]
    make = ["kind", "create", "cluster", "--name", name, "--kubeconfig", str(file), "--wait", "120s"]
    try:
        subprocess.run(make, check=True, timeout=600)
        yield file
    finally:
        subprocess.run(remove, check=False, timeout=120)


def _write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(form, kind, serialization.NoEncryption()))
    path.chmod(0o600)
