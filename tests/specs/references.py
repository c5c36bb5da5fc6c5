"""What objects say of others: namespaces are guarded, what is named is there, and no secret stands in clear."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.specs.pods import Pod, made_services, pods
from tests.specs.rendered import every, name_of

Json = dict[str, Any]

CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterServingRuntime",
        "ClusterStorageContainer",
        "CustomResourceDefinition",
        "GatewayClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
GIVEN = {
    "Gateway kserve/kserve-ingress-gateway": "comes with KServe's installation (manifests/kind.sh)",
    "Namespace kserve": "comes with KServe's installation",
}
"""What others install → where it comes from."""

GIVEN_PODS: dict[str, list[dict[str, str]]] = {
    # Kubeflow Pipelines makes the pods of runs, by Argo.
    "kubeflow": [{"workflows.argoproj.io/workflow": "a-run"}],
    # Strimzi's own Deployment, which kind.sh installs.
    "streaming": [{"name": "strimzi-cluster-operator"}],
}
"""Labels of pods that others make, by namespace."""

OPERATED = {
    "Kafka": ("strimzi.io/cluster", ""),
    "Prometheus": ("app.kubernetes.io/name", "prometheus"),
    "Alertmanager": ("app.kubernetes.io/name", "alertmanager"),
}
"""Kinds of which an operator makes pods → a label that it gives them, and its value; empty for the object's name."""

ALWAYS = frozenset({"ConfigMap kube-root-ca.crt"})
"""What Kubernetes puts into each namespace."""

SECRETS = {
    "fairlead-signing": {"signing.pem"},
    "fairlead-verify": {"signing.pub.pem"},
    "fairlead-watermark": {"watermark.key"},
    "mlflow-database": {"username", "password"},
    "fairlead-alerting": {"webhook-token", "slack-url"},
    "object-store": {"access-key", "secret-key"},
    "redis": {"password"},
}
"""Secrets that whoever installs makes, and their keys; manifests refer to these and to no others."""

_NO_SECRET = re.compile(r"/|\$\(|https?://[^@]*$|(true|false|\d+)$")
"""A path, a reference to another setting, an address, a number."""
_SECRET_NAME = re.compile(
    r"passw|secret|token|credential|access.?key|api.?key|private|(?<!verify)(?<!signing)_key$", re.I
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|://[^/\s:@]+:[^/\s@$]+@|\bgh[pousr]_\w{30,}|xox[bap]-\w{10}"
)


def scope(thing: Json, _: list[Json]) -> Iterator[str]:
    """What lives in a namespace says which; what does not, says none."""
    namespace = thing["metadata"].get("namespace")
    if thing["kind"] in CLUSTER_WIDE and namespace:
        yield f"is of the whole cluster, and says namespace {namespace}"
    if thing["kind"] not in CLUSTER_WIDE and not namespace:
        yield "says no namespace"


def namespace(thing: Json, world: list[Json]) -> Iterator[str]:
    """Each namespace is among the manifests, and labelled for pod security."""
    name = thing["metadata"].get("namespace", "")
    known = {f"Namespace {n['metadata']['name']}" for n in every("Namespace", world)} | GIVEN.keys()
    if name and f"Namespace {name}" not in known:
        yield f"namespace {name} is not among the manifests"
    if thing["kind"] == "Namespace":
        levels = {"baseline", "restricted"}
        found = thing["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
        if found not in levels:
            yield f"label pod-security.kubernetes.io/enforce is {found}, allowed: {', '.join(sorted(levels))}"


def denies(thing: Json, world: list[Json]) -> Iterator[str]:
    """In each namespace what no policy allows is denied."""
    inside = _in(thing["metadata"]["name"], world) if thing["kind"] == "Namespace" else []
    if thing["kind"] == "Namespace" and not any(map(_denies, every("NetworkPolicy", inside))):
        yield "has no NetworkPolicy for all its pods that lets nothing in, and nothing out but questions for names"


def _denies(policy: Json) -> bool:
    """Whether a policy is for all pods and lets nothing through but questions for names."""
    spec = policy["spec"]
    ports = {port.get("port") for rule in spec.get("egress") or [] for port in rule.get("ports") or [{}]}
    every_pod = not any((spec.get("podSelector") or {}).values())
    return (
        every_pod
        and {"Ingress", "Egress"} <= set(spec.get("policyTypes", []))
        and not spec.get("ingress")
        and (ports <= {53})
    )


def clear_secret(thing: Json, _: list[Json]) -> Iterator[str]:
    """No secret in clear: not as a Secret, not in a setting, not in a ConfigMap."""
    if thing["kind"] == "Secret" and (thing.get("data") or thing.get("stringData")):
        yield "is a Secret with its content"
    settings = dict(_settings(thing))
    if thing["kind"] == "ConfigMap":
        settings |= thing.get("data") or {}
    for name, value in settings.items():
        if _SECRET_NAME.search(name) and value and not _NO_SECRET.match(value):
            yield f"{name} has a value in clear"
    yield from (f"{found[:20]}… looks like a secret" for text in _texts(thing) for found in _SECRET_VALUE.findall(text))


def _settings(value: Any) -> Iterator[tuple[str, str]]:
    """Go through all pairs of a name and a value, as containers have them."""
    if isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("value"), str):
        yield value["name"], value["value"]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _settings(part)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _texts(part)


def selected(thing: Json, world: list[Json]) -> Iterator[str]:
    """What selects pods finds one: a Service, a NetworkPolicy, a PodDisruptionBudget."""
    spec, selector = thing.get("spec") or {}, {}
    if thing["kind"] == "Service" and str(thing["apiVersion"]) == "v1":
        selector = {"matchLabels": spec.get("selector") or {}}
    elif thing["kind"] == "NetworkPolicy":
        selector = spec.get("podSelector") or {}
    elif thing["kind"] == "PodDisruptionBudget":
        selector = spec.get("selector") or {}
    elif thing["kind"] == "PodMonitor":
        yield from _monitored(thing, [(p.namespace, p.labels) for p in pods(world, world) if p.whole])
    elif thing["kind"] == "ServiceMonitor":
        yield from _monitored(thing, _service_labels(world))
    if any(selector.values()):
        place = thing["metadata"].get("namespace", "")
        there = [p.labels for p in pods(world, world) if p.whole and p.namespace == place]
        if not any(
            matches(selector, labels) for labels in [*there, *GIVEN_PODS.get(place, []), *_operated(place, world)]
        ):
            yield f"selects no pod: {selector}"


def _operated(place: str, world: list[Json]) -> Iterator[dict[str, str]]:
    for thing in _in(place, world):
        if thing["kind"] in OPERATED:
            label, value = OPERATED[thing["kind"]]
            yield {label: value or thing["metadata"]["name"]}


def _monitored(monitor: Json, things: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    chosen = monitor["spec"].get("namespaceSelector") or {}
    names = chosen.get("matchNames", [monitor["metadata"].get("namespace")])
    selector = monitor["spec"].get("selector") or {}
    if not any((chosen.get("any") or place in names) and matches(selector, labels) for place, labels in things):
        yield f"selects nothing: {selector} in {'any' if chosen.get('any') else names}"


def _service_labels(world: list[Json]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for service in every("Service", world):
        yield service["metadata"].get("namespace", ""), service["metadata"].get("labels", {})
    # KServe labels a Service as it labels the pods behind it.
    yield from ((p.namespace, p.labels) for p in pods(list(every("InferenceService", world)), world))


def matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    tests = {
        "In": lambda e: labels.get(e["key"]) in e["values"],
        "NotIn": lambda e: labels.get(e["key"]) not in e["values"],
        "Exists": lambda e: e["key"] in labels,
        "DoesNotExist": lambda e: e["key"] not in labels,
    }
    said = all(tests[e["operator"]](e) for e in selector.get("matchExpressions") or [])
    return said and all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def backend(thing: Json, world: list[Json]) -> Iterator[str]:
    """Where a route sends requests there is a Service with that port, and its gateway is there, too."""
    if thing["kind"] != "HTTPRoute":
        return
    place = thing["metadata"].get("namespace")
    ports: dict[str, set[int]] = {}
    for service in every("Service", _in(place, world)):
        ports.setdefault(service["metadata"]["name"], set()).update(p["port"] for p in service["spec"].get("ports", []))
    for service in every("InferenceService", _in(place, world)):
        for name, port in made_services(service):
            ports.setdefault(name, set()).add(port)
    for rule in thing["spec"].get("rules") or []:
        mirrored = [f["requestMirror"]["backendRef"] for f in rule.get("filters") or [] if "requestMirror" in f]
        for ref in [*(rule.get("backendRefs") or []), *mirrored]:
            if ref.get("port") not in ports.get(ref["name"], set()):
                yield f"no Service {ref['name']} with port {ref.get('port')}"
    for parent in thing["spec"].get("parentRefs") or []:
        name = f"Gateway {parent.get('namespace', place)}/{parent['name']}"
        if name not in GIVEN and not any(name_of(gateway) == name for gateway in every("Gateway", world)):
            yield f"no {name}"


def _in(place: str | None, world: list[Json]) -> list[Json]:
    return [thing for thing in world if thing["metadata"].get("namespace") == place]


def mentioned(pod: Pod, world: list[Json]) -> Iterator[str]:
    """The account, settings, claims and secrets that a pod names are there; secrets are those that we know of."""
    if not pod.whole:
        return
    there = {f"{thing['kind']} {thing['metadata']['name']}" for thing in _in(pod.namespace, world)}
    wanted = [f"ServiceAccount {pod.spec.get('serviceAccountName', 'default')}"]
    for volume in pod.spec.get("volumes", []):
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        wanted += [f"ConfigMap {s['configMap']['name']}" for s in sources if _needed(s.get("configMap"))]
        if "persistentVolumeClaim" in volume:
            wanted.append(f"PersistentVolumeClaim {volume['persistentVolumeClaim']['claimName']}")
        if "secret" in volume and volume["secret"]["secretName"] not in SECRETS:
            yield f"Secret {volume['secret']['secretName']} is none that is made: {', '.join(SECRETS)}"
    for container in pod.containers:
        refs = list(container.get("envFrom", []))
        refs += [e.get("valueFrom") or {} for e in container.get("env", [])]
        for ref in refs:
            wanted += [
                f"ConfigMap {ref[k]['name']}" for k in ("configMapRef", "configMapKeyRef") if _needed(ref.get(k))
            ]
            secret = ref.get("secretKeyRef") or ref.get("secretRef")
            if secret and not (secret["name"] in SECRETS and secret.get("key", "") in {"", *SECRETS[secret["name"]]}):
                yield f"Secret {secret['name']} has no key {secret.get('key')} that is made: {SECRETS}"
    yield from (f"names {name}, which is not among the manifests" for name in sorted(set(wanted) - there - ALWAYS))


def _needed(ref: Json | None) -> bool:
    return bool(ref) and not (ref or {}).get("optional")


RULES = {rule.__name__: rule for rule in (scope, namespace, denies, clear_secret, selected, backend)}
