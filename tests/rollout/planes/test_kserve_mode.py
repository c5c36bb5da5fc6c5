"""Status before annotation before default, and the older names."""

import pytest

from components.core.errors import FairleadError
from components.rollout.planes.cluster import Json
from components.rollout.planes.kserve_mode import mode_of
from tests.rollout.planes.cluster_api import service


@pytest.mark.parametrize(
    ("annotation", "status", "mode"),
    [
        ("Standard", None, "Standard"),
        ("RawDeployment", None, "Standard"),
        ("Knative", None, "Knative"),
        ("Serverless", None, "Knative"),
        (None, None, "Knative"),
        ("Knative", "Standard", "Standard"),
    ],
)
def test_the_mode_is_found(annotation: str | None, status: str | None, mode: str) -> None:
    made = service("a", annotation or "")
    if annotation is None:
        made["metadata"]["annotations"] = None
    if status:
        made["status"] = {"deploymentMode": status}
    assert mode_of(made) == mode


def test_the_default_of_the_installation_counts_where_nothing_is_said() -> None:
    made: Json = {"metadata": {}}
    assert mode_of(made, default="Standard") == "Standard"


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(FairleadError, match="'standard'; allowed: Knative, Standard"):
        mode_of(service("a", "standard"))
