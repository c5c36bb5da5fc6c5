"""The pipelines that ship, and their YAML, compiled for one place or another."""

import ast
import json
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError
from pipelines.place import DEFAULT, Place, compiling_for

COMPILED = Path(__file__).parent / "compiled"

PIPELINES = ("training", "monitoring", "explain", "mitigation")


def compiled(name: str) -> Path:
    """Return the compiled YAML of a pipeline."""
    return COMPILED / f"{name}.yaml"


@contextmanager
def package(name: str, place: Place) -> Iterator[Path]:
    """Give the YAML of a pipeline for a place: that in the tree where the place changes nothing, or a fresh one."""
    if not place.changes:
        yield compiled(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text_for(name, place), encoding="utf-8")
        yield path


def text_for(name: str, place: Place) -> str:
    """Compile a pipeline for a place and return its YAML.

    Args:
        name: one of ``PIPELINES``.
        place: whose images, nodes and buckets it uses.
    """
    # In a thread of its own: whenever a task is given something, kfp (2.17) reads the whole stack of calls, which deep
    # inside of something, a test for one, took 25 times as long as the rest.
    with ThreadPoolExecutor(max_workers=1) as alone:
        return alone.submit(_compile, name, place).result()


def _compile(name: str, place: Place) -> str:
    from kfp import compiler, dsl

    made = _function(name)
    with compiling_for(place), tempfile.TemporaryDirectory() as folder:
        # Traced anew: the steps were put in for another place when the module was imported.
        placed = dsl.pipeline(name=made.name, description=made.description)(made.pipeline_func)
        # Not by the decorator, which would leave it on the function for the next place.
        placed.pipeline_spec.default_pipeline_root = place.pipeline_root
        fresh = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(placed, str(fresh))
        return _steady(fresh.read_text(encoding="utf-8"))


def compile_one(name: str, check: bool = False) -> str:
    """Compile a pipeline into the tree and say where it went.

    Args:
        name: one of ``PIPELINES``.
        check: write nothing.

    Raises:
        FairleadError: with ``check``, the YAML in the tree is not what would be written.
    """
    target, text = compiled(name), text_for(name, Place(name=DEFAULT))
    if check:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            raise FairleadError(f"{target} is not what pipelines/{name}.py compiles to; run 'make compile'")
        return f"{target} is fresh"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return f"wrote {target}"


def _steady(text: str) -> str:
    """Order the keys of structured defaults in the comment at the top, which protobuf shuffles from process to process.

    >>> _steady("#    shards: list [Default: [{'b': 1.0, 'a': 2.0}]]")
    '#    shards: list [Default: [{"a": 2.0, "b": 1.0}]]'
    """
    return re.sub(
        r"^(#.*\[Default: )([\[{].*)\]$",
        lambda found: f"{found[1]}{json.dumps(ast.literal_eval(found[2]), sort_keys=True)}]",
        text,
        flags=re.MULTILINE,
    )


def _function(name: str) -> Any:
    # Imported when asked for: a pipeline's decorators compile every step, which takes seconds.
    from pipelines.explain import explain
    from pipelines.mitigation import mitigation
    from pipelines.monitoring import monitoring
    from pipelines.training import training

    return {"training": training, "monitoring": monitoring, "explain": explain, "mitigation": mitigation}[name]
