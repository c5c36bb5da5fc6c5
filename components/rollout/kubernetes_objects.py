"""The API of a cluster for objects of our own: rollouts, the right to run them, and what is told of them."""

from typing import Any, NamedTuple

from components.core.errors import FairleadError
from components.rollout.planes.cluster import Json

TIMEOUT_SECONDS = 10


class Resource(NamedTuple):
    """A kind of object."""

    group: str
    version: str
    plural: str


ROLLOUTS = Resource("fairlead.dev", "v1", "modelrollouts")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
EVENTS = Resource("events.k8s.io", "v1", "events")


class Conflict(FairleadError):
    """An object was changed by somebody else meanwhile, or is there already; read it and decide again."""


class Objects:
    """The objects of one namespace, each call over HTTP.

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
        self._api = client.CustomObjectsApi(client.ApiClient(configuration))

    def get(self, resource: Resource, name: str) -> Json | None:
        """Return an object; None when there is none of that name."""
        return self._call("get_namespaced_custom_object", resource, name)

    def list(self, resource: Resource) -> list[Json]:
        """Return all objects of a kind, as the API orders them."""
        found = self._call("list_namespaced_custom_object", resource)
        return list((found or {}).get("items", []))

    def create(self, resource: Resource, body: Json) -> Json:
        """Create an object.

        Raises:
            Conflict: there is one of that name.
            FairleadError: the API cannot be reached, or refuses.
        """
        return self._need(self._call("create_namespaced_custom_object", resource, body), resource, body)

    def replace(self, resource: Resource, body: Json) -> Json:
        """Replace an object by another version of it.

        Raises:
            Conflict: it is not any more as ``metadata.resourceVersion`` says.
            FairleadError: it is gone, the API cannot be reached, or refuses.
        """
        name = body["metadata"]["name"]
        return self._need(self._call("replace_namespaced_custom_object", resource, name, body), resource, body)

    def patch_status(self, resource: Resource, before: Json, status: Json) -> Json:
        """Merge into the status of an object, provided that it is as it was.

        Raises:
            Conflict: it is not as ``before`` any more.
            FairleadError: it is gone, the API cannot be reached, or refuses.
        """
        name, version = before["metadata"]["name"], before["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "status": status}
        changed = self._call("patch_namespaced_custom_object_status", resource, name, body)
        return self._need(changed, resource, before)

    def _need(self, found: Json | None, resource: Resource, body: Json) -> Json:
        if found is None:
            raise FairleadError(
                f"{resource.plural} {body['metadata']['name']} in namespace {self.namespace} is gone, "
                "or the cluster has no such kind: kubectl apply -k manifests/rollout"
            )
        return found

    def _call(self, method: str, resource: Resource, *rest: Any) -> Json | None:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        group, version, plural = resource
        where = f"{plural} in namespace {self.namespace}"
        try:
            call = getattr(self._api, method)
            return dict(call(group, version, self.namespace, plural, *rest, _request_timeout=TIMEOUT_SECONDS))
        except ApiException as error:
            if error.status == 404:
                return None
            if error.status == 409:
                raise Conflict(f"{where}: {error.reason}: {error.body}") from error
            raise FairleadError(f"the API refuses {where}: {error.status} {error.reason}: {error.body}") from error
        except HTTPError as error:
            raise FairleadError(f"the API cannot be reached for {where}: {error}") from error
