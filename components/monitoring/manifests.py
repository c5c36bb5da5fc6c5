"""The files below ``manifests/monitoring`` that are made from code: ``python -m components.monitoring.manifests``."""

import sys
from collections.abc import Mapping
from pathlib import Path

from components.core.artifacts import write_whole
from components.monitoring.dashboards import texts
from components.monitoring.rules import text as rules

ROOT = Path(__file__).parents[2]
FOLDER = Path("manifests/monitoring")


def made() -> Mapping[Path, str]:
    """Make every file: path from the root → text."""
    boards = {FOLDER / "dashboards" / f"{name}.json": text for name, text in texts().items()}
    return {FOLDER / "rules" / "fairlead.rules.yaml": rules(), **boards}


def stale(root: Path = ROOT) -> list[Path]:
    """List the files of a tree that are missing, or are not what the code makes."""
    return [p for p, text in made().items() if not (root / p).is_file() or (root / p).read_text("utf-8") != text]


def write(root: Path = ROOT) -> list[Path]:
    """Write the files that are stale; return them."""
    found = stale(root)
    for path in found:
        write_whole(root / path, made()[path].encode())
    return found


if __name__ == "__main__":
    for changed in write():
        sys.stdout.write(f"written: {changed}\n")
