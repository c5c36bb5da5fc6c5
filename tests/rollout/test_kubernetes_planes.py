import pytest

from components.core.errors import FairleadError
from components.rollout.kubernetes_planes import kind_of, plane_of
from components.rollout.model_rollout import spec_of
from components.rollout.traffic import Traffic
from tests.rollout.kubernetes_api import model_rollout
from tests.rollout.planes.cluster_api import cluster, route, service

__all__ = ["cluster"]


def spec(mode, name="sba", **changes):
    made = model_rollout("sba")
    made["spec"]["traffic"] = {"mode": mode, "name": name}
    made["spec"]["stable"]["storageUri"] = "gs://models/sba/1"
    made["spec"] |= changes
    return spec_of(made)


@pytest.mark.parametrize("mode", ["knative", "standard", "httproute"])
def test_each_mode_shares_out(cluster, mode):
    api, client = cluster
    made = route("sba") if mode == "httproute" else service("sba", mode.title())
    api.put(made)
    assert kind_of(spec(mode)) == made["kind"]
    plane = plane_of(spec(mode), client)
    plane.apply(Traffic(candidate=20))
    assert plane.current() == Traffic(candidate=20)


def test_where_kserve_fetches_a_model_need_not_be_where_the_registry_knows_it(cluster):
    api, client = cluster
    api.put(service("sba", "Knative"))
    here = {"model": "models:/sba_loans/2", "storageUri": "gs://models/sba/2"}
    for candidate, uri in ((here, here["storageUri"]), ({"model": "gs://models/sba/3"}, "gs://models/sba/3")):
        plane_of(spec("knative", candidate=candidate), client).apply(Traffic(candidate=5))
        assert api.objects["InferenceService", "sba"]["spec"]["predictor"]["model"]["storageUri"] == uri


def test_a_route_needs_two_services(cluster):
    with pytest.raises(FairleadError, match=r"stable\.service and candidate\.service"):
        plane_of(spec("httproute", candidate={"model": "models:/sba_loans/2"}), cluster[1])
