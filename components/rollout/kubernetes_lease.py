"""The right to run a rollout, as a Lease of the cluster: one holder at a time, and another when it runs out."""

from datetime import UTC, datetime, timedelta

from components.rollout.kubernetes_objects import LEASES, Conflict, Objects
from components.rollout.planes.cluster import Json

PREFIX = "modelrollout-"
"""What the name of a rollout's Lease begins with."""


def hold(objects: Objects, name: str, holder: str, at: datetime, seconds: float) -> bool:
    """Take or keep a right for some seconds; False while somebody else has it.

    Args:
        objects: of the namespace.
        name: of the rollout's object.
        holder: who asks.
        at: the present time.
        seconds: from ``at`` on, rounded up to whole ones.

    Raises:
        FairleadError: the API cannot be reached, or refuses.
    """
    found = objects.get(LEASES, PREFIX + name)
    duration = int(-(-seconds // 1))
    mine = {"holderIdentity": holder, "leaseDurationSeconds": duration, "renewTime": _micro(at)}
    try:
        if found is None:
            objects.create(LEASES, _lease(name, {**mine, "acquireTime": _micro(at), "leaseTransitions": 0}))
            return True
        spec = found.get("spec", {})
        if spec.get("holderIdentity") != holder:
            if spec.get("holderIdentity") and _until(spec) > at:
                return False
            mine |= {"acquireTime": _micro(at), "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        objects.replace(LEASES, {**found, "spec": {**spec, **mine}})
    except Conflict:  # somebody else was faster
        return False
    return True


def release(objects: Objects, name: str, holder: str) -> None:
    """Give a right back, if one has it."""
    found = objects.get(LEASES, PREFIX + name)
    if found is None or found.get("spec", {}).get("holderIdentity") != holder:
        return
    try:
        objects.replace(LEASES, {**found, "spec": {**found["spec"], "holderIdentity": ""}})
    except Conflict:  # it has run out and is somebody else's
        return


def _lease(name: str, spec: Json) -> Json:
    labels = {"app.kubernetes.io/part-of": "fairlead"}
    return {
        "apiVersion": f"{LEASES.group}/{LEASES.version}",
        "kind": "Lease",
        "metadata": {"name": PREFIX + name, "labels": labels},
        "spec": spec,
    }


def _until(spec: Json) -> datetime:
    renewed = spec.get("renewTime")
    if renewed is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(renewed) + timedelta(seconds=spec.get("leaseDurationSeconds", 0))


def _micro(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
