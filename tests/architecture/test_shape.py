"""Files and functions stay small, packages stay empty, modules have their tests."""

import ast
from collections.abc import Iterable

import pytest

FILE_LINES = 400
FUNCTION_LINES = 60

without_a_test_of_the_same_name = {
    "components/component.py": "what makes steps; every step's test goes through it",
}
"""Module → why its tests are elsewhere. Steps (component.py) and entry points (__main__.py) are run by the pipeline's
tests."""


PROGRAMS = "pipelines/benchmarks/serving/programs/"
"""Servers that a benchmark measures; it holds each one's answers against the right ones before it is timed."""


def too_long(path: str, source: str) -> list[str]:
    """List the file and the functions in it that are longer than they may be; a decorator counts, blank lines too."""
    lines = source.count("\n")
    found = [f"{path} has {lines} lines"] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name} has {length} lines")
    return found


def holds_more_than_a_docstring(source: str) -> bool:
    """Whether a package's file does more than say what the package is."""
    body = ast.parse(source).body
    return len(body) != 1 or not isinstance(body[0], ast.Expr) or ast.get_docstring(ast.parse(source)) is None


def untested(paths: Iterable[str]) -> list[str]:
    """List the modules of the library and the pipelines without ``tests/<stage>/test_<module>.py``.

    Those of a package of the pipelines may have theirs in a folder of its name.
    """
    paths = set(paths)
    found = []
    for path in sorted(paths):
        parts = path.split("/")
        if parts[0] not in {"components", "pipelines"} or not path.endswith(".py"):
            continue
        if path.startswith(PROGRAMS):
            continue
        if parts[-1] in {"__init__.py", "__main__.py", "component.py"} or path in without_a_test_of_the_same_name:
            continue
        folder = parts[1:-1] if parts[0] == "components" else ["pipelines"]
        test = "/".join(["tests", *folder, f"test_{parts[-1]}"])
        if paths.isdisjoint({test, "/".join(["tests", *parts[:-1], f"test_{parts[-1]}"])}):
            found.append(f"{path} has no {test}")
    return found


def test_files_and_functions_are_small(python: dict[str, str]) -> None:
    assert [line for path, source in python.items() for line in too_long(path, source)] == []


def test_packages_hold_one_sentence(ours: dict[str, str]) -> None:
    packages = {path: source for path, source in ours.items() if path.endswith("__init__.py")}
    assert [path for path, source in packages.items() if holds_more_than_a_docstring(source)] == []


def test_every_folder_of_ours_is_a_package(ours: dict[str, str]) -> None:
    folders = {path.rpartition("/")[0] for path in ours}
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in ours] == []


def test_there_is_no_python_where_there_should_be_none(python: dict[str, str]) -> None:
    assert [path for path in python if path.startswith(("kserve/", "manifests/", "terraform/"))] == []


def test_every_module_has_a_test_of_the_same_name(texts: dict[str, str]) -> None:
    assert untested(texts) == []


def test_every_exception_is_still_there(texts: dict[str, str]) -> None:
    assert [path for path in without_a_test_of_the_same_name if path not in texts] == []


def test_what_is_too_long_is_found() -> None:
    long = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
    assert too_long("a.py", long) == ["a.py:1 f has 61 lines"]
    assert too_long("a.py", "x = 1\n" * (FILE_LINES + 1)) == ["a.py has 401 lines"]
    assert too_long("a.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)) == []


@pytest.mark.parametrize(
    "source", ["", "import os\n", '"""A."""\nfrom a import b\n', '"""A."""\n__all__ = []\n', "3\n"]
)
def test_a_busy_package_is_found(source: str) -> None:
    assert holds_more_than_a_docstring(source)
    assert not holds_more_than_a_docstring('"""What it is."""\n')


def test_a_missing_test_is_found() -> None:
    tree = ["components/data/ingest.py", "components/images.py", "pipelines/cli.py", "pipelines/runners/local.py"]
    tests = ["tests/data/test_ingest.py", "tests/test_images.py", "tests/pipelines/test_cli.py"]
    assert untested([*tree, *tests]) == ["pipelines/runners/local.py has no tests/pipelines/test_local.py"]
    assert untested([*tree, *tests, "tests/pipelines/runners/test_local.py"]) == []
