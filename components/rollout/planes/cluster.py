"""What the planes of a cluster need of its API: read an object, change an object."""

import copy
from typing import Any, Literal, Protocol

from components.core.errors import FairleadError

Json = dict[str, Any]

Kind = Literal["InferenceService", "HTTPRoute"]

APIS: dict[Kind, tuple[str, str, str]] = {
    "InferenceService": ("serving.kserve.io", "v1beta1", "inferenceservices"),
    "HTTPRoute": ("gateway.networking.k8s.io", "v1", "httproutes"),
}
"""Group, version and plural of each kind."""


class Cluster(Protocol):
    """The objects of one namespace."""

    def get(self, kind: Kind, name: str) -> Json | None:
        """Return an object; None when there is none of that name.

        Raises:
            FairleadError: the API cannot be reached, or refuses.
        """
        ...

    def patch(self, kind: Kind, name: str, patch: Json) -> Json:
        """Merge a patch (RFC 7386) into an object and return the object.

        Raises:
            FairleadError: the API cannot be reached, refuses, or the object is another than the patch was made for.
        """
        ...


class KubernetesCluster:
    """A namespace of a real cluster.

    Args:
        namespace: whose objects.
        host: URL of the API; empty takes it and the credentials from the kubeconfig, or from the pod that this runs in.
    """

    def __init__(self, namespace: str, host: str = "") -> None:
        from kubernetes import client, config

        self.namespace = namespace
        configuration = client.Configuration(host=host or None)
        if not host:
            try:
                config.load_config(client_configuration=configuration)
            except (config.ConfigException, OSError) as error:
                raise FairleadError(f"no cluster is configured: {error}; set KUBECONFIG, or run in a pod") from error
        configuration.retries = False
        self._objects = client.CustomObjectsApi(client.ApiClient(configuration))

    def get(self, kind: Kind, name: str) -> Json | None:
        """Return an object; None when there is none of that name."""
        return self._call("get_namespaced_custom_object", kind, name)

    def patch(self, kind: Kind, name: str, patch: Json) -> Json:
        """Merge a patch into an object and return the object."""
        found = self._call("patch_namespaced_custom_object", kind, name, patch)
        if found is None:
            raise FairleadError(f"no {kind} {name} in namespace {self.namespace}")
        return found

    def _call(self, method: str, kind: Kind, name: str, *body: Json) -> Json | None:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        group, version, plural = APIS[kind]
        where = f"{kind} {name} in namespace {self.namespace}"
        try:
            call = getattr(self._objects, method)
            return dict(call(group, version, self.namespace, plural, name, *body, _request_timeout=10))
        except ApiException as error:
            if error.status == 404:
                return None
            if error.status == 409:
                raise FairleadError(f"{where} was changed by someone else meanwhile; look again") from error
            raise FairleadError(f"the API refuses {where}: {error.status} {error.reason}: {error.body}") from error
        except HTTPError as error:
            raise FairleadError(f"the API cannot be reached for {where}: {error}") from error


def need(cluster: Cluster, kind: Kind, name: str) -> Json:
    """Return an object that has to be there.

    Raises:
        FairleadError: there is none of that name.
    """
    found = cluster.get(kind, name)
    if found is None:
        raise FairleadError(f"there is no {kind} {name}; apply its manifest first")
    return found


def change(cluster: Cluster, before: Json, after: Json) -> None:
    """Bring an object from one state to another, provided that nobody else has changed it meanwhile."""
    patch = difference(before, after)
    if patch:
        version = before["metadata"].get("resourceVersion")
        patch.setdefault("metadata", {})["resourceVersion"] = version
        cluster.patch(before["kind"], before["metadata"]["name"], patch)


def difference(before: Json, after: Json) -> Json:
    """Return the merge patch (RFC 7386) that makes one object into another; lists are replaced as a whole.

    >>> difference({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4}})
    {'b': {'c': 4, 'd': None}}
    """
    patch: Json = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = difference(old, value)
            if inner:
                patch[name] = inner
        elif name not in before or value != old:
            patch[name] = copy.deepcopy(value)
    return dict(sorted(patch.items()))


def conditions(thing: Json) -> dict[str, bool]:
    """Return what a status says is true or not: type → whether it is."""
    return {c["type"]: c.get("status") == "True" for c in thing.get("conditions", [])}
