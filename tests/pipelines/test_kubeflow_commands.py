from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.catalogue import PIPELINES, compiled
from pipelines.cli import main
from tests.pipelines.kubeflow_pipelines import Kept, keeping


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))
    with keeping() as (kept, host):
        monkeypatch.setenv("FAIRLEAD_KFP_HOST", host)
        yield kept


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_the_pipelines_of_another_place_go_to_a_folder_of_their_own(tmp_path: Path) -> None:
    done = run("compile", "--place", "kind", "--output", str(tmp_path / "made"))
    assert done.exit_code == 0, done.output
    assert {p.stem for p in (tmp_path / "made").glob("*.yaml")} == set(PIPELINES)
    spec = next(yaml.safe_load_all((tmp_path / "made" / "training.yaml").read_text(encoding="utf-8")))
    assert spec["defaultPipelineRoot"] == "s3://fairlead/pipelines"
    refused = run("compile", "--place", "kind")
    assert refused.exit_code == 1
    assert "--output" in refused.stderr


@pytest.mark.parametrize("words", [("--check", "--output", "x"), ("--tag", "abc")])
def test_the_tree_holds_nothing_but_the_default(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("compile", *words).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_uploaded_once_and_run(server: Kept) -> None:
    words = ("upload", "monitoring", "--place", "kind", "--version", "0.1.0-abc", "--commit", "abc")
    first, again = run(*words), run(*words)
    assert first.exit_code == again.exit_code == 0, first.output + again.output
    assert first.stdout == again.stdout
    assert first.stdout.endswith("/#/pipelines/details/p1/version/v1\n")
    assert "is there already" in again.stderr
    assert "is there already" not in first.stderr
    (version,) = server.versions
    assert version["description"].startswith("compiled for kind from abc, sha256:")
    assert version["pipeline_spec"]["pipeline_spec"]["defaultPipelineRoot"] == "s3://fairlead/pipelines"
    started = run("submit", "monitoring", "--place", "kind", "--version", "0.1.0-abc", "--set", "log=s3://b/log")
    assert started.exit_code == 0, started.output
    (made,) = server.runs
    assert made["pipeline_version_reference"]["pipeline_version_id"] == "v1"
    assert made["runtime_config"]["pipeline_root"] == "s3://fairlead/pipelines"
    assert made["service_account"] == "pipeline-runner"


def test_without_a_version_it_is_called_after_the_package_and_the_commit(server: Kept) -> None:
    assert run("upload", "monitoring", "--commit", "0a1b2c3d4e5f6071").exit_code == 0
    assert server.versions[0]["name"] == "0.1.0-0a1b2c3d4e5f"
    spec = next(yaml.safe_load_all(compiled("monitoring").read_text(encoding="utf-8")))
    assert server.versions[0]["pipeline_spec"]["pipeline_spec"] == spec


def test_a_run_that_is_no_version_is_compiled_for_the_place(server: Kept) -> None:
    done = run("submit", "training", "--place", "kind", "--tag", "abc", "--no-cache", "--experiment", "mine")
    assert done.exit_code == 0, done.output
    (made,) = server.runs
    executors = made["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
    assert executors["exec-train"]["container"]["image"] == "ghcr.io/fairlead/fairlead-platform:abc"
    assert made["runtime_config"]["pipeline_root"] == "s3://fairlead/pipelines"
    assert made["service_account"] == "pipeline-runner"
    assert server.experiments[0]["display_name"] == "mine"


def test_what_was_uploaded_is_run_as_it_is(server: Kept) -> None:
    for words in (("--no-cache",), ("--tag", "abc")):
        done = run("submit", "training", "--version", "0.1.0-abc", *words)
        assert done.exit_code == 1
        assert "as it is" in done.stderr
    assert server.runs == []


@pytest.mark.parametrize("command", ["submit", "upload", "schedule"])
def test_a_place_that_is_an_example_is_not_sent_anywhere(server: Kept, command: str) -> None:
    more = {"submit": (), "upload": ("--commit", "abc"), "schedule": ("--cron", "0 3 1 * *")}[command]
    done = run(command, "training", "--place", "cloud", *more)
    assert done.exit_code == 1
    assert "place cloud is an example (pipeline_root gs://EXAMPLE-pipelines/pipelines" in done.stderr
    assert (server.runs, server.pipelines) == ([], [])


def test_help_shows_kubeflows_own_commands() -> None:
    assert "pipeline create-version -v 0.1.0-abcdef -n fairlead-training" in run("upload", "--help").output
    assert "run create -e fairlead" in run("submit", "--help").output
    assert "recurring-run create" in run("schedule", "--help").output
