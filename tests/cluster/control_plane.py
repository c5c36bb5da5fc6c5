"""A real API server of Kubernetes on this machine: etcd and kube-apiserver, built by Go from its public modules.

Nothing runs pods or InferenceServices here: what the API refuses, admits, merges and remembers is real, what the
controllers of a cluster would do is played by the tests.
"""

import csv
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from components.core.config import read_settings

MODULE = Path(__file__).with_suffix("")
VERSION = "1.36.2"
"""Of Kubernetes; see ``k8s.io/kubernetes`` in control_plane/go.mod."""
PROGRAMS = {"etcd": "./etcd", "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}
READY_SECONDS = 90.0
BUILD_SECONDS = 3600.0
ADMIN = "admin"


def missing() -> str:
    """Say what lacks to run one here; empty when nothing does."""
    if shutil.which("kubectl") is None:
        return "kubectl is not on the PATH"
    if not all((programs() / name).exists() for name in PROGRAMS) and shutil.which("go") is None:
        return "Go is not on the PATH, and the API server was not built before"
    return ""


def programs() -> Path:
    """Return the folder of the programs."""
    return read_settings().home / "kubernetes" / VERSION


def build() -> Path:
    """Build what is not there; takes a quarter of an hour and 5 GB of Go's caches the first time.

    Returns:
        The folder of the programs.
    """
    target = programs()
    target.mkdir(parents=True, exist_ok=True)
    # Go 1.27 reads JSON anew, which breaks a part of this version's OpenAPI.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOEXPERIMENT": "nojsonv2"}
    if "go1.26" in subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout:  # noqa: S607
        del environment["GOEXPERIMENT"]
    stamp = (
        f"-X k8s.io/component-base/version.gitVersion=v{VERSION} -X k8s.io/client-go/pkg/version.gitVersion=v{VERSION}"
    )
    for name, package in PROGRAMS.items():
        if (target / name).exists():
            continue
        draft = target / f"{name}.new"
        command = ["nice", "-n", "19", "go", "build", "-ldflags", f"-s -w {stamp}", "-o", str(draft), package]
        subprocess.run(command, cwd=MODULE, env=environment, check=True, timeout=BUILD_SECONDS)
        draft.replace(target / name)
    return target


def module_folder(module: str) -> Path:
    """Fetch a public Go module and return the folder that it was unpacked into.

    Raises:
        FileNotFoundError: it cannot be had; tells Go's word on it.
    """
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, capture_output=True, text=True, cwd=MODULE, timeout=300)
    found = json.loads(done.stdout or "{}")
    if "Dir" not in found:
        raise FileNotFoundError(f"Go module {module} cannot be had: {found.get('Error') or done.stderr}")
    return Path(found["Dir"])


class ControlPlane:
    """A running API server.

    Args:
        folder: for all that it writes.
        url: of the API.
        tokens: by user.
    """

    def __init__(self, folder: Path, url: str, tokens: Mapping[str, str]) -> None:
        self.folder = folder
        self.url = url
        self._tokens = tokens

    def kubeconfig(self, user: str) -> Path:
        """Write a kubeconfig for a user and return its path."""
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        context = {"cluster": "test", "user": user}
        cluster = {"server": self.url, "certificate-authority": str(self.folder / "certificates" / "apiserver.crt")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": context}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        path.chmod(0o600)
        return path

    def kubectl(self, *words: str, user: str = ADMIN, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as a user and return what it says, errors last."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig(user)), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}")
        return done.stdout + done.stderr


@contextmanager
def control_plane(folder: Path, users: Mapping[str, str]) -> Iterator[ControlPlane]:
    """Run an API server on loopback.

    Args:
        folder: an empty one.
        users: names and, with commas, groups; ``admin`` is there anyway.
    """
    where = build()
    ports = free_ports(3)
    tokens = {user: secrets.token_hex(16) for user in [ADMIN, *users]}
    groups = {ADMIN: "system:masters", **users}
    with (folder / "tokens.csv").open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([tokens[u], u, u, groups[u]] for u in tokens)
    (folder / "tokens.csv").chmod(0o600)
    _write_key(folder / "service-accounts.pem")
    etcd = [str(where / "etcd"), str(folder / "etcd"), *(f"http://127.0.0.1:{port}" for port in ports[:2])]
    plane = ControlPlane(folder, f"https://127.0.0.1:{ports[2]}", tokens)
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.append(_start(etcd, folder / "etcd.log"))
        running.append(_start(_apiserver(where, folder, ports), folder / "apiserver.log"))
        _wait_until_ready(plane, running)
        yield plane
    finally:
        for process in reversed(running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _apiserver(where: Path, folder: Path, ports: list[int]) -> list[str]:
    key = folder / "service-accounts.pem"
    options = {
        "etcd-servers": f"http://127.0.0.1:{ports[0]}",
        "secure-port": ports[2],
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "cert-dir": folder / "certificates",
        "token-auth-file": folder / "tokens.csv",
        "authorization-mode": "RBAC",
        "service-account-issuer": "https://fairlead.test",
        "service-account-key-file": key,
        "service-account-signing-key-file": key,
        "service-cluster-ip-range": "10.0.0.0/24",
        "disable-admission-plugins": "ServiceAccount",
    }
    return [str(where / "kube-apiserver"), *(f"--{name}={value}" for name, value in options.items())]


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)


def _wait_until_ready(plane: ControlPlane, running: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        ended = [p.args for p in running if p.poll() is not None]
        if ended:
            break
        if (plane.folder / "certificates" / "apiserver.crt").exists():
            said = plane.kubectl("get", "--raw", "/readyz", check=False)
            if said.strip() == "ok":
                return
        time.sleep(0.2)
    log = (plane.folder / "apiserver.log").read_text(encoding="utf-8")[-3000:]
    raise AssertionError(f"no API server within {READY_SECONDS:g} s:\n{log}")


def _write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(form, kind, serialization.NoEncryption()))
    path.chmod(0o600)


def free_ports(n: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


if __name__ == "__main__":
    print(build())
