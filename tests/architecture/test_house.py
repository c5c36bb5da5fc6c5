"""What is documented of the settings, the targets and the continuous integration is what there is."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.core.config import Settings, read_settings

ROOT = Path(__file__).parents[2]


def test_the_example_names_every_setting_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(FAIRLEAD_\w+)=", example, re.MULTILINE)
    assert sorted(named) == sorted(f"FAIRLEAD_{name.upper()}" for name in Settings.model_fields)


def test_the_example_as_it_stands_changes_no_setting() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = dict(re.findall(r"^(FAIRLEAD_\w+)=(.*)$", example, re.MULTILINE))
    assert read_settings(given) == read_settings({})


def test_make_alone_lists_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    listed = set(re.findall(r"^  ([a-z][a-z-]*) +\S", done.stdout, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for name in line.split()}
    assert listed == {name for name in phony if not name.startswith(".")}
    assert {"demo", "test", "lint", "bench", "compile", "clean"} <= listed


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_pins_what_it_uses(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    jobs = list(workflow["jobs"].values())
    steps = [step for job in jobs for step in job.get("steps", [])]
    assert [job["uses"] for job in jobs if not job.get("uses", "./").startswith("./")] == []
    assert [s["uses"] for s in steps if "uses" in s and not re.search(r"@(v\d+|[0-9a-f]{40})$", s["uses"])] == []


def test_the_workflow_runs_what_a_person_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    assert [s["run"] for s in workflow["jobs"]["test"]["steps"] if "run" in s] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_hooks_fetch_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in hooks["repos"]} == {"local"}
    assert {hook["language"] for repo in hooks["repos"] for hook in repo["hooks"]} == {"system"}
