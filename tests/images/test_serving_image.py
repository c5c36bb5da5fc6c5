"""The image that serves, built from its Dockerfile: its entry point and what else a cluster runs in it, as 10001."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from components.core.config import Settings
from tests.images.container import Container, ports, state, stop

ROOT = Path(__file__).parents[2]
KEY = "/etc/fairlead/verify.pem"

pytestmark = [pytest.mark.images, pytest.mark.timeout(7200)]


@pytest.fixture(scope="session")
def secrets(session_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public key, as a Secret's volume holds it."""
    made = tmp_path_factory.mktemp("secret")
    made.chmod(0o755)
    (made / "verify.pem").write_bytes(Path(session_settings.verify_key).read_bytes())
    return made


@pytest.fixture(scope="session")
def readable(signed_bundle: Path) -> Path:
    """The bundle in a folder that others may enter."""
    for folder in (signed_bundle, *signed_bundle.parents):
        if folder == Path("/tmp") or "pytest" not in str(folder):  # noqa: S108
            break
        folder.chmod(0o755)
    return signed_bundle


@pytest.fixture(scope="module")
def server(
    serving: Container, readable: Path, secrets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The image's entry point with the arguments that KServe adds, ready to answer."""
    http, grpc = ports(2)
    entry = [*serving.config["Entrypoint"], "--bundle", "/mnt/models", "--name", "loans"]
    command = [*entry, "--host", "127.0.0.1", "--http-port", str(http), "--grpc-port", str(grpc)]
    log = tmp_path_factory.mktemp("log") / "server.log"
    volumes = {readable: "/mnt/models ro", secrets: "/etc/fairlead ro"}
    process = serving.start(command, log, volumes, {"FAIRLEAD_VERIFY_KEY": KEY})
    address = f"http://127.0.0.1:{http}"
    try:
        until = time.monotonic() + 240
        while not _ready(address):
            assert process.poll() is None, log.read_text()
            assert "NOT READY" not in log.read_text(), log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.5)
        yield address, process
    finally:
        stop(process)


def test_the_entry_point_scores_as_training_did(server: tuple[str, subprocess.Popen[bytes]], readable: Path) -> None:
    examples = json.loads((readable / "examples.json").read_text(encoding="utf-8"))
    assert len(examples) > 1
    for example in examples:
        answer = httpx.post(f"{server[0]}/v2/models/loans/infer", json=example["request"], timeout=30)
        assert answer.status_code == 200, answer.text
        outputs = {output["name"]: output["data"] for output in answer.json()["outputs"]}
        assert outputs["probability"] == pytest.approx([example["probability"]], abs=1e-6)
        assert outputs["decision"] == [example["decision"]]


def test_the_server_is_nobody(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    told = state(server[1])
    assert told["Uid"] == told["Gid"] == "10001 10001 10001 10001"
    assert told["Groups"] == ""
    assert told["NoNewPrivs"] == "1"
    assert {told[f"Cap{kind}"] for kind in ("Prm", "Eff", "Bnd", "Inh", "Amb")} == {"0" * 16}


def test_nothing_can_be_written_but_scratch(serving: Container) -> None:
    places = "/opt/fairlead /opt/environment/bin /etc /var/tmp /root /tmp"
    said = serving.run("sh", "-c", f'for p in {places}; do touch "$p/x" 2> /dev/null && echo "$p"; done; id -u')
    assert said.stdout.splitlines() == [places.split()[-1], "10001"], said.stderr


def test_nothing_of_the_build_is_left(serving: Container) -> None:
    paths = ("opt/uv", "opt/installed", "etc/uv/uv.toml", "etc/pip.conf")
    assert not [path for path in paths if (serving.root / path).exists()]
    assert not list(serving.root.glob("opt/fairlead/**/*.pem"))
    assert not [entry for entry in serving.config["Env"] if re.search(r"INDEX|PROXY|TOKEN|CERT", entry)]


def test_a_bundle_is_fetched_and_verified(serving: Container, readable: Path, secrets: Path, folder: Path) -> None:
    volumes = {readable: "/mnt/source ro", folder: "/mnt/models rw", secrets: "/etc/fairlead ro"}
    fetch = ("python", "-m", "components.serving.fetch", "/mnt/source", "/mnt/models")
    done = serving.run(*fetch, volumes=volumes, environment={"FAIRLEAD_VERIFY_KEY": KEY})
    assert done.returncode == 0, done.stderr
    assert _files(folder) == _files(readable)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("python", "-m", "components.rollout.operator", "--help"), "usage: "),
        (("python", "-m", "components.serving", "--help"), "usage: python -m components.serving"),
        (("mlflow", "--version"), "mlflow, version "),
        (("feast", "version"), "Feast SDK Version"),
        (("python", "-c", "import sys; print(*sys.version_info[:2])"), "3 11"),
    ],
)
def test_what_manifests_start_starts(serving: Container, command: tuple[str, ...], said: str) -> None:
    done = serving.run(*command)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_a_step_of_the_compiled_pipeline_runs(serving: Container, folder: Path) -> None:
    """As Kubeflow's launcher would start it: the compiled command, its input in the place of ``{{$}}``."""
    compiled = next(yaml.safe_load_all((ROOT / "pipelines/compiled/training.yaml").read_text(encoding="utf-8")))
    container = compiled["deploymentSpec"]["executors"]["exec-ingest"]["container"]
    asked = {
        "inputs": {"parameterValues": {"use_case": "sba_loans", "source": "", "freshness": "0"}},
        "outputs": {
            "parameters": {"Output": {"outputFile": "/work/hash"}},
            "artifacts": {"raw": {"artifacts": [_artifact("raw")]}},
            "outputFile": "/work/executor_output.json",
        },
    }
    work = folder / "work"
    work.mkdir()
    work.chmod(0o777)
    arguments = [json.dumps(asked) if word == "{{$}}" else word for word in container["args"]]
    done = serving.run(*container["command"], *arguments, volumes={work: "/work rw"})
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((work / "executor_output.json").read_text())
    assert re.fullmatch(r"[0-9a-f]{64}", told["parameterValues"]["Output"])
    assert int(told["artifacts"]["raw"]["artifacts"][0]["metadata"]["rows"]) > 1000
    assert (work / "raw").stat().st_uid == 10001


OTHERS = {
    "tfdv": "import tensorflow_data_validation, components.data.schema",
    "explain": "import alibi, components.serving.explainer",
    "drift": "import alibi_detect, components.monitoring",
}


@pytest.mark.parametrize(("other", "code"), OTHERS.items(), indirect=["other"], ids=OTHERS)
def test_the_other_images_import_what_they_are_for(other: Container, code: str) -> None:
    done = other.run("python", "-c", code, environment={"TF_CPP_MIN_LOG_LEVEL": "3"})
    assert done.returncode == 0, done.stderr[-3000:]


def _artifact(name: str) -> dict[str, object]:
    return {
        "name": name,
        "type": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"},
        "uri": f"/work/{name}",
        "metadata": {},
    }


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v2/models/loans/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
