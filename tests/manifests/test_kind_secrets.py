"""The keys and passwords that ``kind.sh`` makes, on a real API server."""

import base64
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.cluster.api_server import ControlPlane

pytestmark = pytest.mark.control_plane

SCRIPT = Path(__file__).parents[2] / "manifests" / "kind.sh"


def make(plane: ControlPlane) -> str:
    """Run that part of the script; returns the folder that it wrote to."""
    file = plane.kubeconfig()
    environment = {**os.environ, "KUBECONFIG": str(file)}
    code = f'source "{SCRIPT}"; CONTEXT=test; make_secrets > /dev/null; printf %s "$SCRATCH"'
    command = ["bash", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout


def secret(plane: ControlPlane, namespace: str, name: str) -> dict[str, bytes]:
    """Return what is in a Secret."""
    found = plane.get("-n", namespace, "secret", name)["data"]
    return {key: base64.b64decode(value) for key, value in found.items()}


def everything(plane: ControlPlane) -> dict[str, object]:
    found = plane.get("-A", "secrets")["items"]
    return {f"{s['metadata']['namespace']}/{s['metadata']['name']}": s["data"] for s in found}


def test_each_is_there_once_and_the_same_wherever_it_is_needed(plane: ControlPlane) -> None:
    folder = make(plane)
    assert folder
    assert not Path(folder).exists()
    stores = [secret(plane, n, "object-store") for n in ("storage", "kubeflow", "mlflow", "features", "models")]
    assert all(s == stores[0] for s in stores)
    assert set(stores[0]) == {"access-key", "secret-key"}
    assert stores[0]["access-key"] != stores[0]["secret-key"]
    assert set(secret(plane, "mlflow", "mlflow-database")) == {"username", "password"}
    # Feast's client would take a number for one.
    assert secret(plane, "features", "redis")["password"].decode()[0].isalpha()
    assert len(bytes.fromhex(secret(plane, "kubeflow", "fairlead-watermark")["watermark.key"].decode())) == 32
    before = everything(plane)
    make(plane)
    assert everything(plane) == before


def test_the_public_key_is_that_of_the_private_one_also_when_it_was_lost(plane: ControlPlane) -> None:
    make(plane)
    for namespace in ("kubeflow", "models"):
        plane.kubectl("-n", namespace, "delete", "secret", "fairlead-verify")
    make(plane)
    private = serialization.load_pem_private_key(secret(plane, "kubeflow", "fairlead-signing")["signing.pem"], None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.PEM, form)
    for namespace in ("kubeflow", "models"):
        assert secret(plane, namespace, "fairlead-verify")["signing.pub.pem"] == public


def test_no_namespace_but_that_of_runs_has_the_private_key(plane: ControlPlane) -> None:
    make(plane)
    assert [name for name in everything(plane) if name.endswith("/fairlead-signing")] == ["kubeflow/fairlead-signing"]
