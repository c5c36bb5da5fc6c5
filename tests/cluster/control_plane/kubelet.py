"""The part of a node, played: pods that the API server has admitted say that they run and are ready.

What makes the pods, and what is made of their being ready, are the real controllers of Kubernetes and KServe.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kubernetes import client, config
from kubernetes.client import ApiException

from tests.cluster.api_server import ControlPlane

BEAT = 0.2
NODE = "10.0.0.7"


@contextmanager
def kubelet(plane: ControlPlane) -> Iterator[list[Exception]]:
    """Make pods of all namespaces ready while the context lasts; gives what went wrong."""
    api = client.CoreV1Api(config.new_client_from_config(str(plane.kubeconfig())))
    end, errors = threading.Event(), []

    def run() -> None:
        while not end.wait(BEAT):
            try:
                for pod in api.list_pod_for_all_namespaces(_request_timeout=10).items:
                    if pod.metadata.deletion_timestamp is not None:
                        _bury(api, pod)
                    elif not _ready(pod):
                        _start(api, pod)
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        end.set()
        thread.join()


def _ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])


def _start(api: client.CoreV1Api, pod: Any) -> None:
    now = datetime.now(UTC).isoformat()
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    states = [
        {
            "name": container.name,
            "image": container.image,
            "imageID": container.image,
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        for container in pod.spec.containers
    ]
    status = {
        "phase": "Running",
        "podIP": NODE,
        "podIPs": [{"ip": NODE}],
        "startTime": now,
        "conditions": [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds],
        "containerStatuses": states,
    }
    _quietly(api.patch_namespaced_pod_status, pod.metadata.name, pod.metadata.namespace, {"status": status})


def _bury(api: client.CoreV1Api, pod: Any) -> None:
    gone = client.V1DeleteOptions(grace_period_seconds=0)
    _quietly(api.delete_namespaced_pod, pod.metadata.name, pod.metadata.namespace, body=gone)


def _quietly(call: Any, name: str, namespace: str, body: Any) -> None:
    try:
        call(name, namespace, body=body, _request_timeout=10)
    except ApiException as error:
        if error.status not in (404, 409):
            raise
