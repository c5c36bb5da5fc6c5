"""What a rollout writes into an InferenceService of the Standard mode, and what it reads there."""

import pytest

from components.core.errors import FairleadError
from components.rollout.planes import standard
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.standard import StandardPlane, canary_name
from components.rollout.traffic import Traffic
from tests.rollout.planes.cluster_api import Api, route, service

CANDIDATE = "gs://models/sba/2"
NAME = canary_name(CANDIDATE)


def other(percent: int) -> dict[str, object]:
    return {"trafficPercent": percent, "predictor": {"name": "other", "model": {"name": "kserve-container"}}}


def test_rendering_adds_a_whole_canary_and_leaves_what_it_was_given() -> None:
    before = service("sba", "Standard")
    after = standard.render(before, CANDIDATE, Traffic(candidate=5))
    assert before == service("sba", "Standard")
    assert after["spec"]["canary"] == [
        {
            "trafficPercent": 5,
            "predictor": {
                "name": NAME,
                "minReplicas": 2,
                "model": {"name": "kserve-container", "modelFormat": {"name": "fairlead"}, "storageUri": CANDIDATE},
            },
        }
    ]
    assert after["spec"]["predictor"] == before["spec"]["predictor"]


def test_canaries_of_others_stay_and_count() -> None:
    before = service("sba", "Standard")
    before["spec"]["canary"] = [other(30)]
    after = standard.render(before, CANDIDATE, Traffic(candidate=70))
    assert [c["trafficPercent"] for c in after["spec"]["canary"]] == [30, 70]
    assert standard.taken_back(after, CANDIDATE) == before
    with pytest.raises(FairleadError, match="sum to 101, allowed: 100"):
        standard.render(before, CANDIDATE, Traffic(candidate=71))


def test_to_promote_is_to_take_the_canarys_name(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    made = StandardPlane(client, "sba", CANDIDATE)
    with pytest.raises(FairleadError, match="is no canary of sba"):
        made.finish("candidate")
    made.apply(Traffic(candidate=25))
    made.finish("candidate")
    spec = api.objects["InferenceService", "sba"]["spec"]
    assert "canary" not in spec
    assert spec["predictor"]["name"] == NAME
    assert spec["predictor"]["model"]["storageUri"] == CANDIDATE
    assert spec["predictor"]["minReplicas"] == 2
    with pytest.raises(FairleadError, match="serves already"):
        made.apply(Traffic(candidate=5))


def test_a_status_that_is_behind_says_nothing(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    api.busy = True
    made = StandardPlane(client, "sba", CANDIDATE)
    made.apply(Traffic(candidate=50))
    assert made.current() is None
    assert made.healthy() == {"stable": True, "candidate": False}


def test_a_status_is_taken_though_the_generation_it_observed_is_behind(cluster: tuple[Api, KubernetesCluster]) -> None:
    """KServe 0.20 leaves the number as it was while nothing else of its status changes, minutes long."""
    api, client = cluster
    api.put(service("sba", "Standard"))
    made = StandardPlane(client, "sba", CANDIDATE)
    made.apply(Traffic(candidate=50))
    api.busy = True
    api.patch("InferenceService", "sba", {"spec": {"predictor": {"timeout": 30}}})
    found = api.objects["InferenceService", "sba"]
    assert found["status"]["observedGeneration"] < found["metadata"]["generation"]
    assert made.current() == Traffic(candidate=50)


@pytest.mark.parametrize("mode", ["Knative", "RawDeployment"])
def test_the_wrong_mode_and_the_old_name_are_refused(cluster: tuple[Api, KubernetesCluster], mode: str) -> None:
    api, client = cluster
    api.put(service("sba", mode))
    with pytest.raises(FairleadError, match="needs exactly Standard"):
        StandardPlane(client, "sba", CANDIDATE).apply(Traffic(candidate=5))
    assert api.patches == []


def test_a_predictor_without_a_model_is_refused() -> None:
    made = service("sba", "Standard")
    made["spec"]["predictor"] = {"containers": []}
    with pytest.raises(FairleadError, match=r"sba has no spec\.predictor\.model"):
        standard.render(made, CANDIDATE, Traffic())


def test_a_route_shares_out_between_the_services_that_kserve_makes(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    api.put(route("shares"))
    made = StandardPlane(client, "sba", CANDIDATE, "shares")

    def weights() -> dict[str, int]:
        (rule,) = api.objects["HTTPRoute", "shares"]["spec"]["rules"]
        return {ref["name"]: ref["weight"] for ref in rule["backendRefs"]}

    made.apply(Traffic(candidate=20))
    assert weights() == {f"sba-{NAME}-predictor": 20, "sba-predictor": 80}
    assert made.current() == Traffic(candidate=20)
    api.busy = True
    api.patch("HTTPRoute", "shares", {"spec": {"hostnames": ["changed.example.com"]}})
    assert made.current() is None  # no gateway has taken the route as it is now
    api.busy = False
    made.finish("candidate")
    assert weights() == {f"sba-{NAME}-predictor": 1}
    assert api.objects["InferenceService", "sba"]["spec"]["predictor"]["name"] == NAME
    again = "gs://models/sba/3"
    StandardPlane(client, "sba", again, "shares").apply(Traffic(candidate=5))
    assert weights() == {f"sba-{canary_name(again)}-predictor": 5, f"sba-{NAME}-predictor": 95}
    StandardPlane(client, "sba", again, "shares").finish("stable")
    assert weights() == {f"sba-{NAME}-predictor": 1}


def test_a_route_that_is_not_there_changes_nothing(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    made = StandardPlane(client, "sba", CANDIDATE, "shares")
    with pytest.raises(FairleadError, match="no HTTPRoute shares"):
        made.apply(Traffic(candidate=20))
    assert api.patches == []
