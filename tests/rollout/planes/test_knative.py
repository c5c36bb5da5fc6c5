"""What a rollout writes into an InferenceService of the Knative mode, and what it reads there."""

import pytest

from components.core.errors import FairleadError
from components.rollout.planes import knative
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.knative import KnativePlane
from components.rollout.traffic import Traffic
from tests.rollout.planes.cluster_api import Api, service

STABLE, CANDIDATE = "gs://models/sba/1", "gs://models/sba/2"


def plane(client: KubernetesCluster) -> KnativePlane:
    return KnativePlane(client, "sba", STABLE, CANDIDATE)


def test_rendering_changes_two_fields_and_leaves_what_it_was_given() -> None:
    before = service("sba", "Knative")
    after = knative.render(before, CANDIDATE, Traffic(candidate=5))
    assert before == service("sba", "Knative")
    assert after["spec"]["predictor"] == {
        "minReplicas": 2,
        "model": {"modelFormat": {"name": "fairlead"}, "storageUri": CANDIDATE},
        "canaryTrafficPercent": 5,
    }


def test_a_candidate_begins_at_nothing_and_is_promoted_by_removing_the_field(
    cluster: tuple[Api, KubernetesCluster],
) -> None:
    api, client = cluster
    api.put(service("sba", "Knative"))
    made = plane(client)
    assert made.current() == Traffic()
    made.apply(Traffic())
    made.apply(Traffic(candidate=20))
    made.finish("candidate")
    assert [p["spec"] for p in api.patches] == [
        {"predictor": {"canaryTrafficPercent": 0, "model": {"storageUri": CANDIDATE}}},
        {"predictor": {"canaryTrafficPercent": 20}},
        {"predictor": {"canaryTrafficPercent": None}},
    ]
    assert plane(client).current() == Traffic()


def test_taking_back_never_hands_everything_to_the_candidate(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Knative"))
    made = plane(client)
    made.apply(Traffic(candidate=50))
    made.finish("stable")
    predictor = api.objects["InferenceService", "sba"]["spec"]["predictor"]
    assert (predictor["model"]["storageUri"], predictor["canaryTrafficPercent"]) == (STABLE, 0)
    shares = api.objects["InferenceService", "sba"]["status"]["components"]["predictor"]["traffic"]
    assert {t["revisionName"]: t["percent"] for t in shares} == {"r-00001": 100, "r-00003": 0}


def test_a_status_that_is_behind_says_nothing(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Knative"))
    api.busy = True
    made = plane(client)
    made.apply(Traffic(candidate=50))
    assert made.current() is None
    assert made.healthy() == {"stable": True, "candidate": False}


def test_a_candidate_that_is_not_ready_is_not_healthy(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Knative"))
    made = plane(client)
    made.apply(Traffic(candidate=5))
    assert made.healthy() == {"stable": True, "candidate": True}
    api.objects["InferenceService", "sba"]["status"]["components"]["predictor"]["latestReadyRevision"] = "r-00001"
    assert made.healthy() == {"stable": True, "candidate": False}


def test_the_wrong_mode_is_refused(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    with pytest.raises(FairleadError, match="mode Standard, where canaryTrafficPercent is ignored"):
        plane(client).apply(Traffic(candidate=5))
    assert api.patches == []


def test_a_predictor_without_a_model_is_refused() -> None:
    made = service("sba", "Knative")
    made["spec"]["predictor"] = {"containers": []}
    with pytest.raises(FairleadError, match=r"sba has no spec\.predictor\.model"):
        knative.render(made, CANDIDATE, Traffic())
