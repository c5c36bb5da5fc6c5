"""Which traffic plane a ModelRollout asks for."""

from components.core.errors import FairleadError
from components.rollout.model_rollout import Model, Spec
from components.rollout.planes.cluster import Cluster, Kind
from components.rollout.planes.httproute import HTTPRoutePlane
from components.rollout.planes.knative import KnativePlane
from components.rollout.planes.standard import StandardPlane
from components.rollout.traffic import Plane


def plane_of(spec: Spec, cluster: Cluster) -> Plane:
    """Return the plane that shares out a rollout's requests.

    Raises:
        FairleadError: the mode httproute lacks the name of a model's InferenceService.
    """
    target = spec.traffic
    stable, candidate = _uri(spec.stable), _uri(spec.candidate)
    if target.mode == "knative":
        return KnativePlane(cluster, target.name, stable, candidate)
    if target.mode == "standard":
        return StandardPlane(cluster, target.name, candidate, target.route)
    if not spec.stable.service or not spec.candidate.service:
        raise FairleadError("mode httproute: stable.service and candidate.service name the two InferenceServices")
    services = (spec.stable.service, spec.candidate.service)
    return HTTPRoutePlane(cluster, target.name, *services, port=target.port)


def kind_of(spec: Spec) -> Kind:
    """Return the kind of the object that shares the requests out."""
    return "HTTPRoute" if spec.traffic.mode == "httproute" else "InferenceService"


def _uri(model: Model) -> str:
    return model.storage_uri or model.model
