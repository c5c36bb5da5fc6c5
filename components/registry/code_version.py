"""Which code is running: the commit where the tree is a clean checkout, and always the fingerprint."""

import subprocess
from pathlib import Path

import components
from components.core.artifacts import code_fingerprint

PACKAGES = ("core", "data", "features", "training", "judgement", "registry")
"""The packages that make a model; the fingerprint is taken over their sources."""


def code_version() -> str:
    """Return ``commit:SHA``, or ``fingerprint:SHA256`` in an image or a checkout with changes."""
    commit = _clean_commit(Path(components.__file__).parent)
    return f"commit:{commit}" if commit else f"fingerprint:{code_fingerprint(*PACKAGES)}"


def _clean_commit(folder: Path) -> str | None:
    if _git(folder, "status", "--porcelain", "--", ".") != "":
        return None
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
