"""What every pod keeps to: a named image, its share of a node, no right that it does not need, its own account."""

import re
from collections.abc import Iterator
from typing import Any

from tests.specs.pods import Pod

Json = dict[str, Any]

_TAG = re.compile(r":(?P<tag>[\w.-]+)$")
_HOST = ("hostNetwork", "hostPID", "hostIPC")


def image(pod: Pod) -> Iterator[str]:
    """Each image is named to the version or the digest."""
    for container in pod.containers:
        found = str(container.get("image", ""))
        tag = _TAG.search(found.rpartition("/")[2])
        if "@sha256:" not in found and (tag is None or tag["tag"] == "latest"):
            yield f"{container['name']}: image {found or '(none)'}: give it a version or a digest"


def share(pod: Pod) -> Iterator[str]:
    """Each container says what it needs, and how much memory at most."""
    for container in pod.containers:
        resources = container.get("resources") or {}
        wanted = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
        for kind, name in wanted:
            if name not in (resources.get(kind) or {}):
                yield f"{container['name']}: resources.{kind}.{name} is missing"


def unprivileged(pod: Pod) -> Iterator[str]:
    """Nobody is root, writes into the image, gains rights, or makes any call to the kernel."""
    shared = pod.spec.get("securityContext") or {}
    for container in pod.containers:
        own = {**{k: shared[k] for k in ("runAsNonRoot", "seccompProfile", "runAsUser") if k in shared}}
        own |= container.get("securityContext") or {}
        expected: dict[str, Any] = {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
        }
        for key, value in expected.items():
            if own.get(key) is not value:
                yield f"{container['name']}: securityContext.{key} is {own.get(key)}, not {value}"
        capabilities = own.get("capabilities") or {}
        if "ALL" not in capabilities.get("drop", []) or capabilities.get("add"):
            yield f"{container['name']}: securityContext.capabilities is {capabilities}, not {{drop: [ALL]}}"
        if (own.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
            yield f"{container['name']}: securityContext.seccompProfile is not RuntimeDefault"
        if own.get("privileged") or own.get("runAsUser") == 0:
            yield f"{container['name']}: runs as root or privileged"


def own_namespaces(pod: Pod) -> Iterator[str]:
    """Nothing of the node is shared."""
    yield from (f"{key} is set" for key in _HOST if pod.spec.get(key))
    yield from (f"volume {v['name']} is a hostPath" for v in pod.spec.get("volumes", []) if "hostPath" in v)


def account(pod: Pod) -> Iterator[str]:
    """The service account is named, and is not the one that everybody has."""
    if pod.whole and pod.spec.get("serviceAccountName", "default") == "default":
        yield "serviceAccountName is missing"


def mounts(pod: Pod) -> Iterator[str]:
    """Each mount has its volume, and no two are in one place; a claim's template is a volume, too."""
    if not pod.whole:
        return
    volumes = {volume["name"] for volume in pod.spec.get("volumes", [])} | set(pod.claims)
    for container in pod.containers:
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{container['name']}: mounts volume {mount['name']}, which the pod does not have"
        yield from (f"{container['name']}: mounts {p} twice" for p in sorted({p for p in paths if paths.count(p) > 1}))


RULES = {rule.__name__: rule for rule in (image, share, unprivileged, own_namespaces, account, mounts)}
