import pytest

from components.core.errors import FairleadError
from components.rollout.kubernetes_objects import LEASES, ROLLOUTS, Conflict, Objects
from components.serving.process import free_port
from tests.rollout.kubernetes_api import model_rollout, serving


@pytest.fixture
def cluster():
    with serving() as made:
        yield made


def test_what_is_not_there_is_none(cluster):
    _, objects = cluster
    assert objects.get(ROLLOUTS, "a") is None
    assert objects.list(ROLLOUTS) == []


def test_a_status_is_merged_into_the_object_as_it_was(cluster):
    api, objects = cluster
    api.put("modelrollouts", model_rollout("a"))
    before = objects.get(ROLLOUTS, "a")
    objects.patch_status(ROLLOUTS, before, {"phase": "running"})
    with pytest.raises(Conflict):
        objects.patch_status(ROLLOUTS, before, {"phase": "paused"})
    (found,) = objects.list(ROLLOUTS)
    assert found["status"] == {"phase": "running"}


def test_of_two_that_create_one_does(cluster):
    _, objects = cluster
    objects.create(LEASES, {"metadata": {"name": "a"}})
    with pytest.raises(Conflict):
        objects.create(LEASES, {"metadata": {"name": "a"}})


def test_an_api_that_is_not_there_is_told():
    objects = Objects("models", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FairleadError, match="cannot be reached for modelrollouts in namespace models"):
        objects.get(ROLLOUTS, "a")


def test_without_a_cluster_the_way_out_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(FairleadError, match="set KUBECONFIG, or run in a pod"):
        Objects("models")
