"""The workflows of continuous integration: what they may do, what they build, and what a linter says of them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.images import images
from tests.cluster.programs import missing, program

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def faults(workflow: dict[str, Any]) -> list[str]:
    """List what is wrong: rights of all jobs, jobs without an end, actions without a version, credentials kept."""
    found = []
    if workflow.get("permissions") != {"contents": "read"}:
        found.append("the workflow may do more than read the code")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job and "uses" not in job:
            found.append(f"{name} has no timeout-minutes")
        for step in job.get("steps", []):
            used = step.get("uses", "run@v0")
            if not re.search(r"@(v\d+(\.\d+)*|[0-9a-f]{40})$", used):
                found.append(f"{name} uses {used} without a version")
            if used.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{name} leaves its token in the checkout")
            if re.search(r"\$\{\{.*\b(github\.head_ref|github\.event\.|inputs\.)", step.get("run", "")):
                found.append(f"{name} puts into a shell what others write")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_may_do_little(file: Path) -> None:
    assert faults(yaml.safe_load(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permissions: write-all\njobs: {}", "may do more"),
        ("permissions: {contents: read}\njobs: {a: {steps: []}}", "no timeout"),
        ("permissions: {contents: read}\njobs: {a: {timeout-minutes: 1, steps: [{uses: b/c@main}]}}", "b/c@main"),
        (
            "permissions: {contents: read}\njobs: {a: {timeout-minutes: 1, steps: [{uses: actions/checkout@v5}]}}",
            "leaves its token",
        ),
        (
            "permissions: {contents: read}\njobs: {a: {timeout-minutes: 1, steps: [{run: 'echo ${{ inputs.tag }}'}]}}",
            "into a shell",
        ),
    ],
)
def test_a_careless_workflow_is_found(text: str, said: str) -> None:
    (found,) = faults(yaml.safe_load(text))
    assert said in found


def test_every_image_is_built_scanned_and_signed_before_it_has_a_tag() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text(encoding="utf-8"))["jobs"]
    for job in ("check", "build"):
        assert jobs[job]["strategy"]["matrix"]["image"] == list(images)
    steps = [str(step.get("uses", step.get("run"))) for step in jobs["build"]["steps"]]
    order = ("docker/build-push-action", "anchore/scan-action", "cosign sign", "docker buildx imagetools create")
    positions = [next(i for i, step in enumerate(steps) if step.startswith(start)) for start in order]
    assert positions == sorted(positions)


@pytest.mark.images
@pytest.mark.timeout(1800)
def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    if said := missing("actionlint"):
        pytest.skip(said)
    # What is in a `run` is read by shellcheck, where that is there.
    command = [str(program("actionlint")), "-shellcheck", shutil.which("shellcheck") or ""]
    done = subprocess.run([*command, *FILES], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: 'echo ${{ github.nothing }}'}]}}\n")
    done = subprocess.run([*command, str(bad)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "nothing" in done.stdout
