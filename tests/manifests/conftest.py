"""A real API server with the namespaces of ``manifests/`` and what Feast needs there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import programs
from tests.cluster.api_server import PARTS, ControlPlane, Options, control_plane
from tests.cluster.processes import until

MANIFESTS = Path(__file__).parents[2] / "manifests"


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of our own."""
    lacking = programs.missing(*PARTS)
    if lacking:
        pytest.skip(lacking)
    with control_plane(tmp_path_factory.mktemp("plane"), {}, Options()) as made:
        made.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "namespaces"))
        made.kubectl("apply", "--server-side", "-n", "features", "-f", str(MANIFESTS / "feast" / "access.yaml"))
        accounts = [(n, "default") for n in ("models", "mlflow")] + [("features", "feast")]
        for namespace, name in accounts:
            words = ("-n", namespace, "get", "serviceaccount", name, "-o", "name")
            until(lambda w=words: "serviceaccount/" in made.kubectl(*w, check=False), 60, lambda: "no service account")
        yield made
