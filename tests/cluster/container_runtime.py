"""A containerd of our own, beside any that the machine has: own sockets, own images, which stay from run to run."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.network import PLUGINS

RUN = Path("/run/fairlead-node")
"""Sockets and state: paths of sockets have to be short."""
SOCKET = RUN / "containerd.sock"
NAMESPACE = "k8s.io"
STATE_OF_PODS = "io.containerd.grpc.v1.cri"
CGROUPS = Path("/sys/fs/cgroup")

CONFIGURATION = """
version = 2
root = "{root}"
state = "{run}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # A process may not be made less likely to be killed than this one where the machine itself is fenced in.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{plugins}"
  conf_dir = "{cni}"
"""


def missing() -> str:
    """Say what lacks to run containers here; empty when nothing does."""
    if os.geteuid() != 0:
        return "only root can run containers here"
    for name in ("containerd", "runc", "ctr", "ip", "nft", "conntrack"):
        if shutil.which(name) is None:
            return f"{name} is not on the PATH: apt-get install containerd runc iproute2 nftables conntrack"
    if not (PLUGINS / "ptp").exists():
        return f"no CNI plugins in {PLUGINS}: apt-get install containernetworking-plugins"
    if not (CGROUPS / "memory").is_dir() and not (CGROUPS / "cgroup.controllers").exists():
        return f"no cgroups in {CGROUPS}"
    probe = ["unshare", "--mount", "--net", "--pid", "--fork", "ip", "link", "set", "lo", "up"]
    if subprocess.run(probe, capture_output=True, timeout=30).returncode:
        return "this machine lets not even root make namespaces, so no container can run here"
    return ""


def command(root: Path, cni: Path, pause: str) -> list[str]:
    """Write containerd's configuration and return what starts it.

    Args:
        root: folder that keeps images.
        cni: folder of CNI's configuration.
        pause: image that holds a pod's namespaces.
    """
    file = RUN / "containerd.toml"
    text = CONFIGURATION.format(root=root, run=RUN, socket=SOCKET, pause=pause, plugins=PLUGINS, cni=cni)
    file.write_text(text, encoding="utf-8")
    return ["containerd", "--config", str(file), "--log-level", "warn"]


def ctr(*words: str, seconds: float = 300) -> str:
    """Run ``ctr`` in the namespace of pods and return what it says."""
    said = ["ctr", "--address", str(SOCKET), "--namespace", NAMESPACE, *words]
    return subprocess.run(said, capture_output=True, text=True, check=True, timeout=seconds).stdout


def alive() -> bool:
    """Say whether containerd answers."""
    with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "Server" in ctr("version", seconds=5)
    return False


def take(archive: Path, *names: str) -> bool:
    """Import images, unless this very archive was imported before; return whether it was.

    Args:
        archive: of the OCI layout or Docker's.
        names: under which the archive knows its images.
    """
    stamp = f"fairlead/archive={archive.stat().st_size}-{archive.stat().st_mtime_ns}"
    if all(stamp in ctr("images", "list", f"name=={name}") for name in names):
        return False
    ctr("images", "import", str(archive))
    for name in names:
        ctr("images", "label", name, stamp)
    return True


def end_all() -> bool:
    """End all containers and forget them; False when there are none."""
    containers = ctr("containers", "list", "--quiet").split()
    for kind, *how in (("tasks", "--force"), ("containers",)):
        for name in ctr(kind, "list", "--quiet").split():
            # It may have gone by itself meanwhile.
            with suppress(subprocess.CalledProcessError):
                ctr(kind, "delete", *how, name)
    return bool(containers)


def clear(root: Path, *folders: Path) -> None:
    """Take away what a node left: processes, mounts, cgroups and the memory of pods; images stay.

    Args:
        root: folder that keeps images.
        folders: of the node; processes that name one of them are the node's, and what is mounted below them too.
    """
    places = [str(folder) for folder in (RUN, *folders)]
    for pid in {*processes(places), *contained()}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for mount in reversed(re.findall(r"^\S+ (\S+)", Path("/proc/self/mounts").read_text(), re.MULTILINE)):
        if any(mount.startswith(f"{place}/") for place in places):
            unmount = ["umount", "--lazy", mount]
            subprocess.run(unmount, check=False, capture_output=True, timeout=30)
    for group in sorted(CGROUPS.glob("*/kubepods/**/"), reverse=True):
        with suppress(OSError):
            group.rmdir()
    shutil.rmtree(RUN, ignore_errors=True)
    shutil.rmtree(root / STATE_OF_PODS / "sandboxes", ignore_errors=True)
    shutil.rmtree(root / STATE_OF_PODS / "containers", ignore_errors=True)


def processes(places: list[str]) -> Iterator[int]:
    """Return the processes that name one of some folders in their command line or their environment."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # Servers' workers have the folder in their environment alone, and outlive who started them.
            words = [(folder / "cmdline").read_bytes(), *(folder / "environ").read_bytes().split(b"\0")]
            said = b"\0".join(word for word in words if not word.startswith((b"PWD=", b"OLDPWD=")))
            if any(place.encode() in said for place in places) and int(folder.name) != os.getpid():
                yield int(folder.name)


def contained() -> Iterator[int]:
    """Return the processes in pods."""
    for file in CGROUPS.glob("memory/kubepods/**/cgroup.procs"):
        with suppress(OSError):
            yield from (int(line) for line in file.read_text().split())
