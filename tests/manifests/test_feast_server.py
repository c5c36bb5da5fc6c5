"""Feast's server as ``manifests/feast/server.yaml`` starts it, asking a real API server whose token it was given."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
import yaml

from components.features.store import CONFIGURATION
from tests.cluster.api_server import ControlPlane
from tests.cluster.processes import free_ports, running, tail, until

pytestmark = pytest.mark.control_plane

FOLDER = Path(__file__).parents[2] / "manifests" / "feast"
ENTITIES = {"Bank": ["BANK OF AMERICA NATL ASSOC"], "Zip": [94105], "NAICS": [722110]}
ASK = {"feature_service": "sba_loans_history", "entities": ENTITIES}
WRITE = {"feature_view_name": "sba_loans_bank", "df": {"Bank": ["made up"]}}
DAYS = {"start_ts": "2003-01-01T00:00:00", "end_ts": "2003-12-31T00:00:00"}
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]
# A pod's own view of its account, over a /run that only this process sees.
IN_A_POD = (
    "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && "
    'cp -r "$1" /run/secrets/kubernetes.io/serviceaccount && shift && exec "$@"'
)


@pytest.fixture(scope="module")
def server(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server over a store in files."""
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a mount of their own (unshare)")
    folder = tmp_path_factory.mktemp("feast")
    configuration = folder / "feature_store.yaml"
    here = CONFIGURATION.replace("registry.db", str(folder / "registry.db"))
    configuration.write_text(here.replace("online.db", str(folder / "online.db")) + "auth: {type: kubernetes}\n")
    load = [f"--configuration={configuration}", f"--store={folder / 'store'}"]
    script = [sys.executable, "-m", "pipelines.feature_load", *load]
    root = {"PYTHONPATH": str(FOLDER.parents[1]), "HOME": str(folder)}
    subprocess.run(script, env=root, check=True, capture_output=True, timeout=280)
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(token(plane, "features", "feast"))
    (account / "namespace").write_text("features")
    shutil.copy(plane.folder / "certificates" / "apiserver.crt", account / "ca.crt")
    host, _, port = plane.url.removeprefix("https://").partition(":")
    inside = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "HOME": str(folder)}
    (mine,) = free_ports(1)
    program, change, place, *rest = words()
    assert (program, change, place) == ("feast", "--chdir", "/etc/feast")
    told = [{"0.0.0.0": "127.0.0.1", "6566": str(mine)}.get(word, word) for word in rest]  # noqa: S104
    feast = [str(Path(sys.executable).with_name("feast")), change, str(folder), *told]
    with running() as start:
        start([*OWN_MOUNTS, "sh", "-c", IN_A_POD, "sh", str(account), *feast], folder / "log", inside)
        until(lambda: answer(f"http://127.0.0.1:{mine}/health") == 200, 120, lambda: tail(folder / "log"))
        yield f"http://127.0.0.1:{mine}"


def words() -> list[str]:
    """Return how the manifest starts it."""
    documents = yaml.safe_load_all((FOLDER / "server.yaml").read_text(encoding="utf-8"))
    deployment = next(d for d in documents if d["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return [*container["command"], *container["args"]]


def token(plane: ControlPlane, namespace: str, name: str) -> str:
    return plane.kubectl("-n", namespace, "create", "token", name).strip()


def answer(url: str, body: object = None, bearer: str = "") -> int:
    """Return the status of an answer; 0 where there is none."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    method = "GET" if body is None else "POST"
    try:
        return requests.request(method, url, json=body, headers=headers, timeout=60).status_code
    except requests.ConnectionError:
        return 0


def test_a_model_reads_and_does_not_write(plane: ControlPlane, server: str) -> None:
    model = token(plane, "models", "default")
    assert answer(f"{server}/get-online-features", ASK, model) == 200
    assert answer(f"{server}/write-to-online-store", WRITE, model) == 403
    assert answer(f"{server}/materialize", DAYS, model) == 403


def test_other_namespaces_read_nothing(plane: ControlPlane, server: str) -> None:
    assert answer(f"{server}/get-online-features", ASK, token(plane, "mlflow", "default")) == 403


def test_a_token_that_nobody_signed_is_no_token(server: str) -> None:
    made_up = jwt.encode({"sub": "system:serviceaccount:features:feast"}, "k" * 32, algorithm="HS256")
    assert answer(f"{server}/get-online-features", ASK, made_up) == 403
    assert answer(f"{server}/write-to-online-store", WRITE, made_up) == 403


@pytest.mark.parametrize("path", ["get-online-features", "write-to-online-store", "materialize", "push"])
def test_without_a_token_there_is_no_answer(server: str, path: str) -> None:
    assert answer(f"{server}/{path}", ASK) == 401
