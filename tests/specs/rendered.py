"""What kustomize makes of each folder of ``kserve/`` and ``manifests/``; found, so that no new one is missed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
TREES = ("kserve", "manifests")
FILE = "kustomization.yaml"
BASES = {"kserve": "kserve/base"}
"""What components of a tree are put on to be looked at; in other trees they are looked at with what includes them."""

NEEDS = "neither kubectl nor kustomize is on the PATH, so nothing can be rendered"


def command() -> list[str] | None:
    """Return the command that renders; None where there is none."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@cache
def folders() -> dict[str, bool]:
    """List the folders with a kustomization, from the root; True for components, which stand on a base only."""
    found, included = {}, set()
    for tree in TREES:
        for file in sorted((ROOT / tree).rglob(FILE)):
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            found[str(file.parent.relative_to(ROOT))] = content.get("kind") == "Component"
            included |= {
                str((file.parent / name).resolve().relative_to(ROOT)) for name in content.get("components", [])
            }
    return {name: part for name, part in found.items() if not (part and name in included and _base(name) is None)}


def _base(folder: str) -> str | None:
    return BASES.get(folder.split("/")[0])


@cache
def results() -> Mapping[str, list[Json] | RuntimeError]:
    """Render all folders: name → objects, or why it cannot be rendered. A component is rendered on its tree's base."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(folders(), pool.map(_tried, folders()), strict=True))


def rendered() -> Mapping[str, list[Json]]:
    """Return the objects of each folder that can be rendered."""
    return {name: found for name, found in results().items() if isinstance(found, list)}


def _tried(folder: str) -> list[Json] | RuntimeError:
    try:
        return render(folder)
    except RuntimeError as error:
        return error


def render(folder: str) -> list[Json]:
    """Render one folder."""
    if not folders().get(folder):
        return build(ROOT / folder)
    base = _base(folder)
    with tempfile.TemporaryDirectory() as scratch:
        paths = {"components": [folder], "resources": [base] if base else []}
        content = {
            key: [os.path.relpath(ROOT / p, Path(scratch).resolve()) for p in each] for key, each in paths.items()
        }
        about = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        (Path(scratch) / FILE).write_text(yaml.safe_dump(about | content), encoding="utf-8")
        return build(Path(scratch))


def build(folder: Path) -> list[Json]:
    """Run kustomize on a folder.

    Raises:
        RuntimeError: there is no kustomize, or it fails.
    """
    words = command()
    if words is None:
        raise RuntimeError(NEEDS)
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{folder} cannot be rendered: {done.stderr.strip()}")
    return [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]


def world() -> list[Json]:
    """Return the objects of all folders, each once: what could be in a cluster, and what things may refer to."""
    found = {}
    for objects in rendered().values():
        for thing in objects:
            found[name_of(thing) + yaml.dump(thing.get("spec"), Dumper=yaml.CSafeDumper)] = thing
    return list(found.values())


def name_of(thing: Json) -> str:
    """Name an object: kind, namespace, name."""
    metadata = thing.get("metadata", {})
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{thing.get('kind')} {place}{metadata.get('name')}"


def every(kind: str, objects: list[Json]) -> Iterator[Json]:
    """Go through the objects of a kind."""
    return (thing for thing in objects if thing.get("kind") == kind)
