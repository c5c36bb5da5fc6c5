"""MLflow, its database, the object store and Redis as processes, started with the words that stand in the manifests."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
import yaml
from botocore.exceptions import ClientError

from components.core.objects import download, object_store
from tests.cluster.gateway import tool
from tests.cluster.processes import free_ports, running, tail, until

pytestmark = pytest.mark.integration

SCRATCH = "/" + "tmp/"
"""Where a container may write."""
MANIFESTS = Path(__file__).parents[2] / "manifests"
KEYS = {"AWS_ACCESS_KEY_ID": "kaccess", "AWS_SECRET_ACCESS_KEY": "ksecret", "AWS_DEFAULT_REGION": "us-east-1"}


def documents(file: str) -> dict[str, Any]:
    """Return what is in a file by kind."""
    return {d["kind"]: d for d in yaml.safe_load_all((MANIFESTS / file).read_text(encoding="utf-8"))}


def container(thing: dict[str, Any]) -> dict[str, Any]:
    return thing["spec"]["template"]["spec"]["containers"][0]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    """The object store: its URL, on an address that stands for the pod's, and the ports of what stays in the pod."""
    if not tool("weed").exists():
        pytest.skip("SeaweedFS is not here: python -m pipelines.environments ensure peers/cluster")
    folder = tmp_path_factory.mktemp("s3")
    gate, *inside = free_ports(8)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = [f"-{name}={port}" for name, port in zip(names, inside, strict=False)]
    words = container(documents("storage/server.yaml")["StatefulSet"])["args"]
    assert "-s3.ip.bind=0.0.0.0" in words
    here = {
        "-dir=/data": f"-dir={folder}",
        "-s3.ip.bind=0.0.0.0": "-s3.ip.bind=127.0.0.2",
        "-s3.port=8333": f"-s3.port={gate}",
    }
    command = [str(tool("weed")), *(here.get(w, w) for w in words), *ports, f"-s3.port.grpc={inside[6]}"]
    url = f"http://127.0.0.2:{gate}"
    with running() as start:
        start(command, folder / "log", KEYS)
        until(lambda: answers(f"{url}/healthz"), 90, lambda: tail(folder / "log"))
        yield url, inside[:6]


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def buckets(url: str) -> str:
    """Run the Job's own program."""
    job = container(documents("storage/buckets.yaml")["Job"])
    assert job["command"] == ["python", "-c"]
    environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", *job["args"]], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_store_makes_its_buckets_once_and_keeps_bundles(s3, monkeypatch, tmp_path):
    url, _ = s3
    buckets(url)
    assert buckets(url) == "fairlead is there\nmlflow is there\n"
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "model").write_bytes(os.urandom(12_000_000))
    store, name = object_store("s3://fairlead/bundles/0a/model")
    store.write(name, tmp_path / "model")
    assert store.names("bundles/") == ["bundles/0a/model"]
    download("s3://fairlead/bundles/0a/model", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "model").read_bytes()


def test_the_store_takes_nothing_without_its_key_and_makes_no_bucket_by_the_way(s3):
    import boto3

    url, _ = s3
    assert requests.get(f"{url}/fairlead/", timeout=10).status_code == 403
    for secret, bucket, error in [
        ("wrong", "fairlead", "SignatureDoesNotMatch"),
        ("ksecret", "nobody", "NoSuchBucket"),
    ]:
        known = {"aws_access_key_id": "kaccess", "aws_secret_access_key": secret, "region_name": "us-east-1"}
        with pytest.raises(ClientError, match=error):
            boto3.client("s3", endpoint_url=url, **known).put_object(Bucket=bucket, Key="a", Body=b"a")


def test_only_the_gate_that_asks_for_a_key_listens_beyond_the_pod(s3):
    _, inside = s3
    command = ["ss", "-ltnH"]
    listening = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    for port in inside:
        assert [a for a in listening if a.endswith(f":{port}")] == [f"127.0.0.1:{port}"]


def test_redis_asks_for_the_password_and_keeps_what_it_was_told(tmp_path):
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not on the PATH (Debian: redis-server)")
    (port,) = free_ports(1)
    text = (MANIFESTS / "redis/redis.conf").read_text(encoding="utf-8").replace(SCRATCH, f"{tmp_path}/")
    (tmp_path / "redis.conf").write_text(text.replace("dir /data", f"dir {tmp_path}").replace("6379", str(port)))
    words = container(documents("redis/server.yaml")["StatefulSet"])
    script = words["args"][0].replace(SCRATCH, f"{tmp_path}/").replace("/etc/redis", str(tmp_path))
    known = redis.Redis(port=port, password="kpassword")  # noqa: S106  of this test alone
    for kept in (None, b"1"):
        with running() as start:
            server = start(
                [*words["command"], script.rstrip() + " --bind 127.0.0.1"],
                tmp_path / "log",
                {"REDISCLI_AUTH": "kpassword"},
            )
            until(lambda: ready(known), 30, lambda: tail(tmp_path / "log"))
            assert known.get("a") == kept
            known.set("a", "1")
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(port=port).get("a")
            with pytest.raises(redis.ResponseError, match="unknown command"):
                known.config_get("requirepass")
            time.sleep(1.5)  # it writes to the disk each second
            server.kill()
            server.wait()


def ready(known: "redis.Redis") -> bool:
    try:
        return bool(known.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Postgres with the words of the manifest; the port it listens on."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("Postgres is not here (Debian: postgresql)")
    folder = tmp_path_factory.mktemp("postgres")
    (port,) = free_ports(1)
    stateful = container(documents("mlflow/postgres/database.yaml")["StatefulSet"])
    initial = next(e["value"] for e in stateful["env"] if e["name"] == "POSTGRES_INITDB_ARGS").split()
    (folder / "password").write_text("kpassword")
    as_user = _unprivileged(folder)
    make = [
        str(found[-1].with_name("initdb")),
        "-D",
        str(folder / "data"),
        "-U",
        "mlflow",
        f"--pwfile={folder}/password",
    ]
    subprocess.run([*as_user, *make, *initial], check=True, capture_output=True, timeout=120)
    place = ["-D", str(folder / "data"), "-k", str(folder), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    environment = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "mlflow", "PGPASSWORD": "kpassword"}
    with running() as start:
        start([*as_user, str(found[-1]), *place, *stateful["args"]], folder / "log")
        probe = [str(found[-1].with_name("pg_isready")), "-q", "-p", str(port), "-h", "127.0.0.1"]
        until(lambda: subprocess.run(probe).returncode == 0, 60, lambda: tail(folder / "log"))
        make = [str(found[-1].with_name("createdb")), "mlflow"]
        subprocess.run(make, env={**os.environ, **environment}, check=True, timeout=60)
        yield port


def _unprivileged(folder: Path) -> list[str]:
    """Return what to put before a command, since Postgres does not run as root; the folder becomes that user's."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


def test_mlflow_keeps_records_in_postgres_and_files_in_the_store(s3, database, tmp_path, monkeypatch):
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not in this environment")
    import mlflow

    url, _ = s3
    buckets(url)
    (port,) = free_ports(1)
    settings = documents("mlflow/settings.yaml")["ConfigMap"]["data"]
    here = {"PGHOST": "127.0.0.1", "PGPORT": str(database), "PGUSER": "mlflow", "PGPASSWORD": "kpassword"}
    environment = {**settings, **KEYS, **here, "MLFLOW_S3_ENDPOINT_URL": url, "HOME": str(tmp_path)}
    server = container(documents("mlflow/server.yaml")["Deployment"])
    words = [re.sub(r"\$\((\w+)\)", lambda m: environment[m[1]], w) for w in server["args"]]
    told = {"--host=0.0.0.0": "--host=127.0.0.1", "--port=5000": f"--port={port}"}
    probe = server["readinessProbe"]["httpGet"]
    root = f"http://127.0.0.1:{port}"
    with running() as start:
        start([sys.executable, *server["command"][1:], *(told.get(w, w) for w in words)], tmp_path / "log", environment)
        until(lambda: answers(f"{root}/health"), 150, lambda: tail(tmp_path / "log"))
        by_probe = {h["name"]: h["value"] for h in probe["httpHeaders"]}
        assert requests.get(root + probe["path"], headers=by_probe, timeout=20).status_code == 200
        for host, status in [("mlflow.mlflow.svc:5000", 200), ("elsewhere.example", 403)]:
            assert requests.get(root + probe["path"], headers={"Host": host}, timeout=20).status_code == status
        monkeypatch.setenv("MLFLOW_TRACKING_URI", root)
        client = mlflow.MlflowClient(root, root)
        run = client.create_run(client.create_experiment("tried"))
        (tmp_path / "card.md").write_text("what it is for")
        client.log_artifact(run.info.run_id, str(tmp_path / "card.md"))
        client.create_registered_model("loans")
        version = client.create_model_version("loans", "s3://fairlead/bundles/0a", run.info.run_id)
        client.set_registered_model_alias("loans", "champion", version.version)
        assert client.get_model_version_by_alias("loans", "champion").source == "s3://fairlead/bundles/0a"
        (tmp_path / "back").mkdir()
        client.download_artifacts(run.info.run_id, "card.md", str(tmp_path / "back"))
        assert (tmp_path / "back" / "card.md").read_text() == "what it is for"
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    assert [n for n in object_store("s3://mlflow/artifacts")[0].names("artifacts/") if n.endswith("/card.md")]
