"""Fingerprints: which code, transform and environment a score depends on, so that a difference can be named."""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

import components
from components.core.artifacts import hash_file
from components.core.errors import FairleadError
from components.features.transform import Transform

ALWAYS = ("components.features.transform", "components.training.calibration", "components.training.scorer")
"""Modules that every score passes through; the modules of the features come on top."""

LOCK = Path("requirements") / "platform.txt"


def scoring_code(transform: Transform) -> dict[str, str]:
    """Map each module that turns a request into a score to the sha256 of its source.

    These are the modules in which the transform's features are written, the modules of ``components.features`` that
    those import, and ``ALWAYS``. Reports, gates and the server's doors are left out on purpose: a change there does
    not move a score, and must not put every registered model out of service.
    """
    waiting = [*ALWAYS, *(f.compute.__module__ for f in transform.features)]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = _source(name)
        found[name] = hash_file(source)
        waiting += _imported_features(source)
    return dict(sorted(found.items()))


def feature_states(transform: Transform) -> dict[str, str]:
    """Map each feature to the sha256 of what it learnt, in the model's order."""
    return {name: digest({"state": transform.state.get(name)}) for name in transform.names}


def digest(values: Mapping[str, object]) -> str:
    """Return the sha256 of JSON values; equal values give equal digests.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def environment_lock() -> str:
    """Return the sha256 of the lock file that this environment is installed from, ``unknown`` where it is not there."""
    path = Path(components.__file__).parents[1] / LOCK
    return hash_file(path) if path.is_file() else "unknown"


def _source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise FairleadError(f"module {module!r} has no source file to take a fingerprint of; write features in a file")
    return Path(spec.origin)


def _imported_features(source: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    package = "components.features."
    return [n for n in dict.fromkeys(names) if n.startswith(package) and _is_module(n)]


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a function inside a module
        return False
