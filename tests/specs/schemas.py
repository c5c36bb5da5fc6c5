"""Schemas of the kinds that our manifests use, derived from the definitions that their projects publish.

An API server drops fields that a definition does not know, silently; here they are faults. The files in ``schemas/``
hold the structure alone, without a word of the descriptions: ``python -m tests.specs.schemas write`` makes them from
the projects' Go modules (Apache-2.0). Rules in CEL and defaults are left out; the API server of
``make test-control-plane`` has them.
"""

import copy
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

Json = dict[str, Any]

FOLDER = Path(__file__).with_suffix("")
KSERVE = ("0.19.0", "0.20.0")
"""Minor versions that specs are held against; the last is the one that is installed."""

_KSERVE_FILES = [
    *(f"config/crd/full/serving.kserve.io_{kind}.yaml" for kind in ("inferenceservices", "servingruntimes")),
    "config/crd/full/serving.kserve.io_clusterservingruntimes.yaml",
    "config/crd/full/clusterstoragecontainer/serving.kserve.io_clusterstoragecontainers.yaml",
]
_PROMETHEUS = "example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml"
_GROUPS = (
    "apps",
    "batch",
    "policy",
    *(f"{g}.k8s.io" for g in ("networking", "rbac.authorization", "admissionregistration")),
)
_BUILT_IN = frozenset(
    {
        *("ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "DaemonSet", "Deployment", "Job", "LimitRange"),
        *("Namespace", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "ResourceQuota", "Role"),
        *("RoleBinding", "Secret", "Service", "ServiceAccount", "StatefulSet"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    }
)
SOURCES: dict[str, tuple[str, Sequence[str]]] = {
    **{f"kserve-{version}": (f"github.com/kserve/kserve@v{version}", _KSERVE_FILES) for version in KSERVE},
    "gateway-api-1.3.0": (
        "sigs.k8s.io/gateway-api@v1.3.0",
        [
            f"config/crd/standard/gateway.networking.k8s.io_{kind}.yaml"
            for kind in ("gatewayclasses", "gateways", "httproutes", "referencegrants")
        ],
    ),
    "keda-2.20.2": (
        "github.com/kedacore/keda/v2@v2.20.2",
        [f"config/crd/bases/keda.sh_{kind}.yaml" for kind in ("scaledobjects", "triggerauthentications")],
    ),
    "prometheus-operator-0.85.0": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        [
            _PROMETHEUS.format(kind)
            for kind in ("servicemonitors", "podmonitors", "prometheusrules", "prometheuses", "alertmanagers")
        ],
    ),
    "kubernetes-1.36.2": (
        "k8s.io/kubernetes@v1.36.2",
        [f"api/openapi-spec/v3/{group}_openapi.json" for group in ("api__v1", *(f"apis__{g}__v1" for g in _GROUPS))],
    ),
    "knative-serving-0.48.2": ("knative.dev/serving@v0.48.2", ["config/core/300-resources/service.yaml"]),
}
"""File in ``schemas/`` → Go module, and the definitions that are taken from it."""

_PLAIN = ("type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required")
_BRANCHES = ("oneOf", "anyOf", "allOf")
_SHORTEST = 60
"""Characters from which on a part that is there more than once is written once."""


def schema_of(node: Json, *, branch: bool = False) -> Json:
    """Turn a part of a definition into JSON Schema that refuses unknown fields.

    Args:
        node: OpenAPI as Kubernetes writes it in a definition.
        branch: within oneOf and its like, which say more of fields and do not list them.
    """
    found: Json = {key: node[key] for key in _PLAIN if key in node}
    if node.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    elif node.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    if "properties" in node:
        found["properties"] = {name: schema_of(part, branch=branch) for name, part in node["properties"].items()}
        if not (branch or node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node):
            found["additionalProperties"] = False
    if isinstance(node.get("additionalProperties"), dict):
        found["additionalProperties"] = schema_of(node["additionalProperties"], branch=branch)
    if "items" in node:
        found["items"] = schema_of(node["items"], branch=branch)
    for key in _BRANCHES:
        if key in node:
            found[key] = [schema_of(part, branch=True) for part in node[key]]
    if "not" in node:
        found["not"] = schema_of(node["not"], branch=True)
    return found


def of_definition(definition: Json) -> dict[str, Json]:
    """Return the schemas of a CustomResourceDefinition, by apiVersion and kind."""
    spec, found = definition["spec"], {}
    for version in spec["versions"]:
        schema = schema_of(version["schema"]["openAPIV3Schema"])
        fields = schema.setdefault("properties", {})
        # What every object has is said once, and its own part is what the cluster writes.
        fields.update({"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}})
        fields.pop("status", None)
        found[f"{spec['group']}/{version['name']} {spec['names']['kind']}"] = schema
    return found


def of_open_api(content: Json) -> dict[str, Json]:
    """Return the schemas of Kubernetes' own kinds out of an OpenAPI document, by apiVersion and kind."""
    parts, found = content["components"]["schemas"], {}
    for part in parts.values():
        for named in part.get("x-kubernetes-group-version-kind", []):
            if named["kind"] in _BUILT_IN:
                schema = schema_of(_inlined(part, parts))
                schema["properties"].pop("status", None)
                group = f"{named['group']}/" if named["group"] else ""
                found[f"{group}{named['version']} {named['kind']}"] = schema
    return found


def _inlined(node: Any, parts: Json) -> Any:
    """Put what is referred to in the place of the reference; none of our kinds contains itself."""
    if isinstance(node, list):
        return [_inlined(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    alone = node["allOf"][0] if len(node.get("allOf", [])) == 1 else node
    if isinstance(alone.get("$ref"), str):
        return _inlined(parts[alone["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in node.items()}


def shared(schemas: dict[str, Json]) -> Json:
    """Write parts that are there more than once in one place, under ``$defs``."""
    return _Sharing().share(schemas)


class _Sharing:
    """Numbers equal parts alike, so that they are found without comparing them."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._sizes: dict[int, int] = {}
        self._counts: Counter[int] = Counter()
        self._of: dict[int, int] = {}
        """Number by identity: all parts live as long as this."""
        self._names: dict[int, str] = {}
        self._definitions: Json = {}

    def share(self, schemas: dict[str, Json]) -> Json:
        for schema in schemas.values():
            self._number(schema)
        kinds = {kind: self._parts(schema) for kind, schema in schemas.items()}
        return {"kinds": kinds, "$defs": self._definitions}

    def _number(self, value: Any) -> int:
        if isinstance(value, dict):
            items = [(key, self._number(part)) for key, part in sorted(value.items())]
            key, size = ("object", *items), sum(len(name) + 4 + self._sizes[number] for name, number in items)
        elif isinstance(value, list):
            numbers = [self._number(part) for part in value]
            key, size = ("list", *numbers), sum(self._sizes[number] + 1 for number in numbers)
        else:
            key, size = ("plain", type(value).__name__, value), len(json.dumps(value))
        number = self._numbers.setdefault(key, len(self._numbers))
        self._sizes[number] = size
        self._counts[number] += 1
        self._of[id(value)] = number
        return number

    def _place(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._place(part) for part in value]
        if not isinstance(value, dict):
            return value
        number = self._of[id(value)]
        if self._counts[number] < 2 or self._sizes[number] < _SHORTEST or not _is_schema(value):
            return self._parts(value)
        if number not in self._names:
            self._names[number] = f"{len(self._names)}"
            self._definitions[self._names[number]] = self._parts(value)
        return {"$ref": f"#/$defs/{self._names[number]}"}

    def _parts(self, value: Json) -> Json:
        return {key: self._place(part) for key, part in value.items()}


def _is_schema(part: Json) -> bool:
    """Tell a schema from a list of fields, in which a field may be named type."""
    return isinstance(part.get("type"), str | list) or any(isinstance(part.get(key), list) for key in _BRANCHES)


def made(name: str, folder: Path) -> str:
    """Make the content of a file of ``schemas/`` from a Go module's folder."""
    module, files = SOURCES[name]
    schemas: dict[str, Json] = {}
    for file in files:
        if file.endswith(".json"):
            schemas |= of_open_api(json.loads((folder / file).read_text(encoding="utf-8")))
            continue
        for document in yaml.load_all((folder / file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if document and document.get("kind") == "CustomResourceDefinition":
                schemas |= of_definition(document)
    content = {"source": f"{module}: {', '.join(files)}", "licence": "Apache-2.0, structure alone", **shared(schemas)}
    return json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n"


def downloaded(module: str) -> Path | None:
    """Return the folder of a Go module that is on this machine already; None without Go, or when it is not."""
    try:
        words = ["go", "env", "GOMODCACHE"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    folder = Path(done.stdout.strip()) / module
    return folder if folder.is_dir() else None


@cache
def _file(name: str) -> Json:
    found: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def names(kserve: str = KSERVE[-1]) -> list[str]:
    """List the files that hold with one version of KServe."""
    return [name for name in SOURCES if not name.startswith("kserve-") or name == f"kserve-{kserve}"]


@cache
def _validator(name: str, kind: str) -> Draft202012Validator:
    content = _file(name)
    return Draft202012Validator({**content["kinds"][kind], "$defs": content["$defs"]})


def validator(kind: str, kserve: str = KSERVE[-1]) -> Draft202012Validator | None:
    """Return what holds an object against its definition.

    Args:
        kind: apiVersion and kind, with a space between.
        kserve: version of KServe.

    Returns:
        None for kinds that are not among the files.
    """
    name = next((name for name in names(kserve) if kind in _file(name)["kinds"]), None)
    return _validator(name, kind) if name else None


def faults(thing: Json, by: Draft202012Validator) -> list[str]:
    """List where an object is not what its definition says."""
    return [f"{'.'.join(map(str, e.absolute_path)) or '(top)'}: {e.message[:300]}" for e in by.iter_errors(thing)]


def of_rendered(definition: Json) -> dict[str, Draft202012Validator]:
    """Return validators for a definition that is among our own manifests."""
    return {kind: Draft202012Validator(schema) for kind, schema in of_definition(copy.deepcopy(definition)).items()}


def main(arguments: Sequence[str]) -> int:
    """Write all files."""
    if list(arguments) != ["write"]:
        print("usage: python -m tests.specs.schemas write", file=sys.stderr)
        return 2
    from tests.cluster.programs import module_folder

    FOLDER.mkdir(exist_ok=True)
    for name, (module, _) in SOURCES.items():
        (FOLDER / f"{name}.json").write_text(made(name, module_folder(module)), encoding="utf-8")
        print(f"{name}: {(FOLDER / f'{name}.json').stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
