"""The files below ``manifests/monitoring`` that are made from code: ``python -m components.monitoring.manifests``."""

import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from components.core.artifacts import write_whole
from components.monitoring.dashboards import texts
from components.monitoring.rules import rules, text

ROOT = Path(__file__).parents[2]
FOLDER = Path("manifests/monitoring")


def made() -> Mapping[Path, str]:
    """Make every file: path from the root → text."""
    boards = {FOLDER / "dashboards" / f"{name}.json": content for name, content in texts().items()}
    files = {"rules/fairlead.rules.yaml": text(), "operator/rules.yaml": resource()}
    return {**{FOLDER / name: content for name, content in files.items()}, **boards}


def resource() -> str:
    """Write the rules as the object that the Prometheus operator reads."""
    metadata = {"name": "fairlead", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "prometheus"}}
    document = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
    head = "# The same rules as in rules/, made by: python -m components.monitoring.manifests\n"
    return head + yaml.safe_dump({**document, "spec": rules()}, sort_keys=False, width=1000, allow_unicode=True)


def stale(root: Path = ROOT) -> list[Path]:
    """List the files of a tree that are missing, or are not what the code makes."""
    return [p for p, content in made().items() if not (root / p).is_file() or (root / p).read_text("utf-8") != content]


def write(root: Path = ROOT) -> list[Path]:
    """Write the files that are stale; return them."""
    found = stale(root)
    for path in found:
        write_whole(root / path, made()[path].encode())
    return found


if __name__ == "__main__":
    for changed in write():
        sys.stdout.write(f"written: {changed}\n")
