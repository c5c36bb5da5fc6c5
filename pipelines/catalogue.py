"""The pipelines that ship, and their compiled YAML."""

import ast
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError

COMPILED = Path(__file__).parent / "compiled"

PIPELINES = ("training", "monitoring", "explain", "mitigation")


def compiled(name: str) -> Path:
    """Return the compiled YAML of a pipeline."""
    return COMPILED / f"{name}.yaml"


def compile_one(name: str, check: bool = False) -> str:
    """Compile a pipeline into the tree and say where it went.

    Args:
        name: one of ``PIPELINES``.
        check: write nothing.

    Raises:
        FairleadError: with ``check``, the YAML in the tree is not what would be written.
    """
    from kfp import compiler

    target = compiled(name)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / target.name
        compiler.Compiler().compile(_function(name), str(fresh))
        text = _steady(fresh.read_text(encoding="utf-8"))
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
