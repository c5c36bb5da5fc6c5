"""One cluster for the tests that need every kind: KServe's controller, and definitions of all that manifests use."""

from collections.abc import Iterator

import pytest

from tests.cluster import programs
from tests.cluster.api_server import PARTS, ControlPlane, Options, control_plane
from tests.cluster.control_plane.kubelet import kubelet
from tests.cluster.definitions import others
from tests.cluster.kserve import kserve
from tests.specs.rendered import rendered

WHOLE = ("manifests/overlays/kind", "kserve/overlays/kind")
"""All of it together is a cluster of ours."""
FIRST = (
    ("Namespace",),
    ("CustomResourceDefinition",),
    ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
)
"""Kinds that stand before anything else is applied."""


@pytest.fixture(scope="session")
def our_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with KServe, every definition, our namespaces and policies, and pods that get ready."""
    lacking = programs.missing(*PARTS, "kserve-manager")
    if lacking:
        pytest.skip(lacking)
    with control_plane(tmp_path_factory.mktemp("cluster"), {"anna": ""}, Options()) as plane:
        files = [f"--filename={file}" for them in others().values() for file in them]
        plane.kubectl("apply", "--server-side", *files, seconds=180)
        plane.wait_for_definitions()
        with kserve(plane), kubelet(plane) as wrong:
            for kinds in FIRST:
                plane.apply([d for folder in WHOLE for d in rendered()[folder] if d["kind"] in kinds])
                plane.wait_for_definitions()
            # What a policy reads is there before the policy is asked.
            plane.apply([d for d in rendered()[WHOLE[0]] if d["metadata"]["name"] == "fairlead-allowed"])
            yield plane
        assert wrong == []


@pytest.fixture(scope="session")
def whole(our_cluster: ControlPlane) -> ControlPlane:
    """The same with all manifests for kind applied."""
    for folder in WHOLE:
        our_cluster.apply(rendered()[folder])
    return our_cluster
