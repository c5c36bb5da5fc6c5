"""Imports run one way, and the heavy frameworks stay where they belong."""

import ast

import pytest

ORDER = (
    "core", "data", "features", "training", "judgement", "registry", "serving", "rollout", "monitoring", "retraining",
    "governance",
)  # fmt: skip

kserve_may_be_imported_by = ("components/serving/", "pipelines/benchmarks/serving/programs/")


def imported(source: str) -> set[str]:
    """List the modules that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def stage_of(dotted_or_path: str) -> str | None:
    """Return the stage that a module or a file belongs to; None outside the stages."""
    parts = dotted_or_path.replace("/", ".").split(".")
    return parts[1] if parts[0] == "components" and len(parts) > 1 and parts[1] in ORDER else None


def breaches(path: str, source: str) -> list[str]:
    """List the imports in one file that the order or the frameworks' places forbid."""
    found = []
    here = stage_of(path)
    in_library = path.startswith("components/")
    for name in sorted(imported(source)):
        there, package = stage_of(name), name.split(".")[0]
        if name.startswith("."):
            found.append(f"{path} imports {name}: write the whole name")
        if here and there and ORDER.index(there) > ORDER.index(here):
            found.append(f"{path} ({here}) imports {name}: {there} comes later")
        if in_library and package in {"pipelines", "tests", "feature_repo"}:
            found.append(f"{path} imports {name}: the library knows nothing of what uses it")
        if in_library and package == "kfp" and not path.endswith("component.py"):
            found.append(f"{path} imports {name}: only component.py files and pipelines/ may")
        if package == "kserve" and not path.startswith(kserve_may_be_imported_by):
            found.append(f"{path} imports {name}: only {', '.join(kserve_may_be_imported_by)} may")
    return found


def test_imports_run_one_way(ours: dict[str, str]) -> None:
    assert [breach for path, source in ours.items() for breach in breaches(path, source)] == []


def test_every_folder_of_the_library_has_a_place_in_the_order(ours: dict[str, str]) -> None:
    folders = {path.split("/")[1] for path in ours if path.startswith("components/") and path.count("/") > 1}
    assert folders <= set(ORDER)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("components/core/config.py", "from components.data import ingest"),
        ("components/data/ingest.py", "import components.training.labels"),
        ("components/data/ingest.py", "def late():\n    from components import serving"),
        ("components/data/ingest.py", "from . import schema"),
        ("components/governance/lineage.py", "from pipelines import cli"),
        ("components/training/train.py", "from kfp import dsl"),
        ("components/training/train.py", "from kserve.model import Model"),
        ("pipelines/training.py", "import kserve"),
    ],
)
def test_a_wrong_import_is_found(path: str, source: str) -> None:
    assert len(breaches(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("components/training/train.py", "from components.core import errors\nfrom components.features import rows"),
        ("components/training/train.py", "from components.training.labels import label_rows"),
        ("components/training/component.py", "from kfp import dsl\nfrom components.images import image"),
        ("components/serving/server.py", "from kserve import ModelServer"),
        ("pipelines/training.py", "from kfp import dsl\nfrom components.governance import component"),
    ],
)
def test_a_right_import_is_left_alone(path: str, source: str) -> None:
    assert breaches(path, source) == []
