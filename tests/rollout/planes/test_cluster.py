"""The client of the API, against a server that answers as the API does."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.planes.cluster import (
    KubernetesCluster,
    change,
    conditions,
    difference,
    need,
)
from components.serving.process import free_port
from tests.rollout.planes.cluster_api import Api, merge, service

values = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=3)),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text(max_size=2), values, max_size=4)


@given(documents, documents)
def test_a_difference_merges_into_what_it_was_made_for(before: dict[str, object], after: dict[str, object]) -> None:
    patch = difference(before, after)
    merged = copy.deepcopy(before)
    merge(merged, patch)
    assert merged == after
    assert (patch == {}) == (before == after)


def test_an_object_is_read_and_changed(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    before = need(client, "InferenceService", "sba")
    after = {**before, "spec": {"predictor": {**before["spec"]["predictor"], "minReplicas": 3}}}
    change(client, before, after)
    assert need(client, "InferenceService", "sba")["spec"]["predictor"]["minReplicas"] == 3
    assert api.patches == [{"metadata": {}, "spec": {"predictor": {"minReplicas": 3}}}]
    with pytest.raises(FairleadError, match="changed by someone else meanwhile"):
        change(client, before, {**after, "spec": {"predictor": {}}})
    change(client, before, before)
    assert len(api.patches) == 1


def test_what_is_not_there_is_none_and_needing_it_an_error(cluster: tuple[Api, KubernetesCluster]) -> None:
    _, client = cluster
    assert client.get("HTTPRoute", "no") is None
    with pytest.raises(FairleadError, match="there is no HTTPRoute no; apply its manifest first"):
        need(client, "HTTPRoute", "no")
    with pytest.raises(FairleadError, match="no HTTPRoute no in namespace models"):
        client.patch("HTTPRoute", "no", {})


def test_a_refusal_and_silence_say_why(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(service("sba", "Standard"))
    with pytest.raises(FairleadError, match=r"422.*unknown field"):
        client.patch("InferenceService", "sba", {"spec": {"refuse": 1}})
    with pytest.raises(FairleadError, match="cannot be reached"):
        KubernetesCluster("models", f"http://127.0.0.1:{free_port()}").get("HTTPRoute", "a")


def test_without_a_configured_cluster_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "no-such-file")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(FairleadError, match="no cluster is configured"):
        KubernetesCluster("models")


def test_a_status_is_read() -> None:
    assert conditions({"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "Unknown"}]}) == {
        "A": True,
        "B": False,
    }
    assert conditions({}) == {}
