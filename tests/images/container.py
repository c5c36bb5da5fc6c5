"""Run a command as a cluster would run it in an image, with what the kernel alone offers.

As the image's user with no capability and no new privileges, in namespaces of mounts and processes, on a root that is
read-only but for /tmp. The network is the machine's.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ENTER = r"""
set -eu
root=$1; user=$2; volumes=$3; folder=$4; shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t tmpfs -o mode=0755 dev "$root/dev"
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 scratch "$root/tmp"
while read -r outside inside options; do
  [ -n "$outside" ] || continue
  mkdir -p "$root$inside"
  mount --bind "$outside" "$root$inside"
  mount -o "remount,bind,$options" "$root$inside"
done <<EOF
$volumes
EOF
mount -o remount,bind,ro "$root"
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$folder" \
  setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs --bounding-set -all --inh-caps -all \
  "$@"
"""


@dataclass(frozen=True)
class Container:
    """A mounted image.

    Args:
        root: its root file system; what is written to it is lost.
        config: its configuration: user, entry point, variables, working directory.
    """

    root: Path
    config: Mapping[str, Any]

    def command(self, command: Sequence[str], volumes: Mapping[Path, str]) -> list[str]:
        """Return what runs a command in the image; volumes: folder → "PATH ro" or "PATH rw"."""
        mounts = "\n".join(f"{folder} {inside}" for folder, inside in volumes.items())
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh"]
        return [*unshare, str(self.root), self.config["User"], mounts, self.config["WorkingDir"], *command]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables that a container has: the image's and those given, nothing of this process's."""
        return dict(entry.split("=", 1) for entry in self.config["Env"]) | dict(more or {})

    def run(
        self,
        *command: str,
        volumes: Mapping[Path, str] | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = 280,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(command, volumes or {}),
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def start(
        self, command: Sequence[str], log: Path, volumes: Mapping[Path, str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a command; its output goes to a file."""
        with log.open("wb") as f:
            return subprocess.Popen(
                self.command(command, volumes),
                env=self.environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=f,
                stderr=subprocess.STDOUT,
            )


def state(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return what the kernel says of the started process: users, capabilities, privileges."""
    lines = Path(f"/proc/{_child(process)}/status").read_text(encoding="utf-8").splitlines()
    return {name: " ".join(rest.split()) for name, _, rest in (line.partition(":") for line in lines)}


def stop(process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Ask the started process to end, as a node does; kill it when it does not in time, which is an error."""
    try:
        if process.poll() is None:
            os.kill(_child(process), signal.SIGTERM)
        process.wait(seconds)
    finally:
        process.kill()
        process.wait()


def _child(process: subprocess.Popen[bytes]) -> int:
    """Return the process that ``unshare`` waits for, which itself heeds no signal to end."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return int(child)


def ports(count: int) -> list[int]:
    """Return ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found
