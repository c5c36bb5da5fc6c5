"""The pods that come of manifests: of workloads, and of what KServe makes out of its own kinds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.specs.rendered import every, name_of

Json = dict[str, Any]

TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
COMPONENTS = ("predictor", "explainer", "transformer")
RUNTIMES = ("ServingRuntime", "ClusterServingRuntime")
MODEL = ("predictor", "model")
_NOT_THE_CONTAINERS = (
    "modelFormat",
    "runtime",
    "protocolVersion",
    "storageUri",
    "storage",
    "runtimeVersion",
    "type",
    "config",
)
"""Fields of a model or an explainer that are KServe's own; all others are its container's."""


@dataclass(frozen=True)
class Pod:
    """A pod that will be.

    Args:
        owner: kind, namespace and name of what it comes of.
        namespace: empty for what says none.
        labels: that select it.
        spec: as a pod's.
        whole: False for what is only a part of pods, as a runtime is; nobody says an account or a volume there.
        claims: volumes that each pod gets a claim of its own for.
    """

    owner: str
    namespace: str
    labels: Mapping[str, str]
    spec: Json
    whole: bool = True
    claims: tuple[str, ...] = ()
    containers: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Gather the containers, those that run first too."""
        self.containers.extend([*self.spec.get("initContainers", []), *self.spec.get("containers", [])])


def pods(objects: list[Json], world: list[Json]) -> list[Pod]:
    """List the pods of some objects.

    Args:
        objects: manifests.
        world: where runtimes are looked for.
    """
    return [pod for thing in objects for pod in _of(thing, world)]


def _of(thing: Json, world: list[Json]) -> Iterator[Pod]:
    kind, spec, place = thing["kind"], thing.get("spec") or {}, thing["metadata"].get("namespace", "")
    if kind in TEMPLATES or (kind == "Service" and str(thing["apiVersion"]).startswith("serving.knative.dev")):
        yield _templated(thing, spec["template"])
    elif kind == "CronJob":
        yield _templated(thing, spec["jobTemplate"]["spec"]["template"])
    elif kind == "Pod":
        yield Pod(name_of(thing), place, thing["metadata"].get("labels", {}), spec)
    elif kind in RUNTIMES:
        yield Pod(name_of(thing), place, {}, spec, whole=False)
    elif kind == "ClusterStorageContainer":
        yield Pod(name_of(thing), place, {}, {"containers": [spec["container"]]}, whole=False)
    elif kind == "InferenceService":
        yield from _of_service(thing, world)


def _templated(thing: Json, template: Json) -> Pod:
    labels = (template.get("metadata") or {}).get("labels", {})
    claims = tuple(claim["metadata"]["name"] for claim in thing["spec"].get("volumeClaimTemplates", []))
    return Pod(name_of(thing), thing["metadata"].get("namespace", ""), labels, template["spec"], claims=claims)


def _of_service(service: Json, world: list[Json]) -> Iterator[Pod]:
    spec = service["spec"]
    for component in COMPONENTS:
        if component in spec:
            yield _component(service, component, spec[component], world)
    for canary in spec.get("canary") or []:
        yield _component(service, "predictor", merged(spec["predictor"], canary["predictor"]), world)


def _component(service: Json, component: str, said: Json, world: list[Json]) -> Pod:
    name, metadata = service_name(service, component, said.get("name", "")), service["metadata"]
    labels = {
        **metadata.get("labels", {}),
        **said.get("labels", {}),
        "serving.kserve.io/inferenceservice": metadata["name"],
        "component": component,
        "app": f"isvc.{name}",
    }
    inner = said.get("model") or said.get("art")
    containers, volumes = list(said.get("containers", [])), list(said.get("volumes", []))
    if inner:
        own = {key: value for key, value in inner.items() if key not in _NOT_THE_CONTAINERS}
        runtime = _runtime(str(inner.get("runtime", "")), metadata.get("namespace"), world)
        first = next((c for c in runtime.get("containers", []) if c["name"] == "kserve-container"), {})
        args = [*first.get("args", []), *own.get("args", [])]
        containers.insert(0, merged(first, own) | {"name": "kserve-container"} | ({"args": args} if args else {}))
        volumes = [*runtime.get("volumes", []), *volumes]
    pod = {key: value for key, value in said.items() if key not in ("model", "art")}
    where = f"{name_of(service)} {component}" + (f" {said['name']}" if said.get("name") else "")
    return Pod(where, metadata.get("namespace", ""), labels, pod | {"containers": containers, "volumes": volumes})


def _runtime(name: str, namespace: str | None, world: list[Json]) -> Json:
    found = [
        thing["spec"]
        for kind in RUNTIMES
        for thing in every(kind, world)
        if thing["metadata"]["name"] == name and thing["metadata"].get("namespace") in (None, namespace)
    ]
    return found[0] if found else {}


def merged(one: Json, other: Json) -> Json:
    """Lay one object over another as KServe does: objects field by field, and named lists by name."""
    found = dict(one)
    for key, value in other.items():
        mine = found.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            found[key] = merged(mine, value)
        elif key in ("env", "volumeMounts") and isinstance(mine, list):
            found[key] = [*mine, *value]
        else:
            found[key] = value
    return found


def service_name(service: Json, component: str, name: str = "") -> str:
    """Return the name of the Deployment and the Service that KServe makes for a component."""
    return "-".join(filter(None, [service["metadata"]["name"], name, component]))


def made_services(service: Json) -> Iterator[tuple[str, int]]:
    """Go through the Services that KServe makes for an InferenceService in mode Standard, and their first port."""
    spec = service["spec"]
    for component in COMPONENTS:
        if component in spec:
            yield service_name(service, component, spec[component].get("name", "")), 80
    for canary in spec.get("canary") or []:
        yield service_name(service, "predictor", canary["predictor"]["name"]), 80
