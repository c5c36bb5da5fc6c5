"""Every manifest is taken by a real API server, with the webhooks and admission policies that a cluster of ours has."""

from collections import Counter

import pytest
import yaml

from tests.cluster.api_server import ControlPlane
from tests.cluster.control_plane.conftest import WHOLE
from tests.cluster.processes import until
from tests.specs.rendered import Json, rendered

pytestmark = pytest.mark.control_plane

PATIENCE = 90.0


def test_everything_is_found() -> None:
    assert len(rendered()) >= 30
    assert set(WHOLE) <= set(rendered())


@pytest.mark.parametrize("folder", sorted(name for name, objects in rendered().items() if objects))
def test_the_api_server_takes_each_folder(our_cluster: ControlPlane, folder: str) -> None:
    """As if it were applied, to the end of admission, but for the keeping."""
    made = [d for d in rendered()[folder] if d["kind"] != "Namespace"]
    missing = {d["metadata"]["namespace"] for d in made if d["metadata"].get("namespace")} - _namespaces(our_cluster)
    assert not missing
    our_cluster.apply(made, "admin", "--dry-run=server", "--force-conflicts")


def test_a_whole_cluster_stands_and_a_second_time_nothing_moves(whole: ControlPlane) -> None:
    objects = [document for folder in WHOLE for document in rendered()[folder]]
    before = _generations(whole, objects)
    assert len(before) == len(objects)
    for folder in WHOLE:
        whole.apply(rendered()[folder])
    assert _generations(whole, objects) == before
    count = Counter(d["kind"] for d in objects)
    print(f"\n{len(objects)} objects of {len(count)} kinds: " + ", ".join(f"{n} {k}" for k, n in count.most_common()))


def test_controllers_admit_the_pods_of_every_workload(whole: ControlPlane) -> None:
    """Pod security refuses pods, not Deployments: what it refuses shows as replicas that never come."""
    kinds = "deployments,statefulsets"

    def lacking() -> list[str]:
        found = whole.get("-A", kinds)["items"]
        return [
            f"{d['kind']} {d['metadata']['namespace']}/{d['metadata']['name']}"
            for d in found
            if d["status"].get("readyReplicas", 0) < d["spec"]["replicas"]
        ]

    assert len(whole.get("-A", kinds)["items"]) >= 5
    until(lambda: lacking() == [], PATIENCE, lambda: f"{lacking()}\n{whole.kubectl('get', 'events', '-A')[-3000:]}")


def _namespaces(our_cluster: ControlPlane) -> set[str]:
    return {n["metadata"]["name"] for n in our_cluster.get("namespaces")["items"]}


def _generations(our_cluster: ControlPlane, objects: list[Json]) -> dict[str, int]:
    """Return the generation of each object, which moves with what it asks for and not with its status."""
    text = yaml.safe_dump_all(objects)
    said = yaml.safe_load(our_cluster.kubectl("get", "-f", "-", "-o", "yaml", stdin=text))["items"]
    names = [(d["kind"], d["metadata"].get("namespace", ""), d["metadata"]["name"]) for d in said]
    versions = [int(d["metadata"].get("generation", 0)) for d in said]
    return {"/".join(name): version for name, version in zip(names, versions, strict=True)}
