"""Which mode will really share requests out, and what of a manifest will be ignored or refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from components.core.errors import FairleadError
from components.rollout import plan as plans
from components.rollout.plan import Plan
from components.rollout.planes.finding import Finding
from components.rollout.planes.kserve_mode import SHIPPED_DEFAULT, Mode
from components.rollout.planes.lint_route import lint_route
from components.rollout.planes.lint_service import lint_service


def lint(files: Sequence[Path | str], default_mode: Mode = SHIPPED_DEFAULT) -> list[Finding]:
    """Look at manifests, and at a rollout plan when one of the files is one.

    Args:
        files: YAML files with InferenceServices, HTTPRoutes and other objects, which are passed over, or a plan.
        default_mode: the mode that the cluster's KServe takes where an InferenceService says nothing.

    Returns:
        What was found, in the order of the files; requests are shared out as written when nothing is an error.

    Raises:
        FairleadError: a file is not there or is not YAML, there is more than one plan, or nothing to look at.
    """
    plan: Plan | None = None
    objects: list[tuple[str, Any]] = []
    for file in map(Path, files):
        for document in _documents(file):
            if "strategy" in document and "kind" not in document:
                if plan is not None:
                    raise FairleadError(f"{file} is a second rollout plan; give one at most")
                plan = plans.load(file)
            elif document.get("kind") in ("InferenceService", "HTTPRoute"):
                objects.append((str(file), document))
    if not objects:
        names = ", ".join(map(str, files)) or "no files"
        raise FairleadError(f"no InferenceService and no HTTPRoute in {names}; give the manifests of one")
    separate = frozenset(
        str(o["metadata"]["name"])
        for _, o in objects
        if o["kind"] == "InferenceService" and (o.get("spec") or {}).get("transformer")
    )
    # A route before two InferenceServices shares out by itself: the plan is for it, and not for them.
    routes = [o for _, o in objects if o["kind"] == "HTTPRoute"]
    backends = frozenset(
        str(ref.get("name"))
        for route in routes
        for rule in (route.get("spec") or {}).get("rules") or []
        for ref in rule.get("backendRefs") or []
    )
    found = []
    for file_name, thing in objects:
        if thing["kind"] == "HTTPRoute":
            findings = lint_route(thing, plan, separate)
        else:
            findings = lint_service(thing, None if routes else plan, default_mode, backends)
        found += [f.model_copy(update={"file": file_name}) for f in findings]
    return found


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        found = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise FairleadError(f"{file} cannot be read: {error.strerror}; give YAML files") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FairleadError(f"{file} is not YAML: {error}") from error
    documents: list[dict[str, Any]] = []
    for document in found:
        if isinstance(document, dict):
            documents += document["items"] if document.get("kind") == "List" else [document]
    return documents
