"""Uploads against a server that keeps pipelines and versions as the Kubeflow Pipelines API v2beta1 does."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from pipelines.catalogue import compiled
from pipelines.place import Kubeflow, Place
from pipelines.runners import uploads
from tests.pipelines.kubeflow_pipelines import Kept, keeping

PACKAGE = compiled("monitoring")
HERE = Place(name="here")
COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@pytest.fixture
def server() -> Iterator[tuple[Kept, str]]:
    with keeping() as found:
        yield found


def upload(host: str, version: str = "0.1.0-abc", package: Path = PACKAGE, place: Place = HERE) -> uploads.Uploaded:
    return uploads.upload(package, host, version, place, COMMIT)


def test_the_first_version_makes_the_pipeline_and_says_where_it_comes_from(server: tuple[Kept, str]) -> None:
    kept, host = server
    done = upload(host)
    assert done == uploads.Uploaded(f"{host}/#/pipelines/details/p1/version/v1", True)
    (pipeline,), (version,) = kept.pipelines, kept.versions
    spec, platform = yaml.safe_load_all(PACKAGE.read_text(encoding="utf-8"))
    assert pipeline["name"] == pipeline["display_name"] == spec["pipelineInfo"]["name"] == "fairlead-monitoring"
    assert pipeline["description"] == spec["pipelineInfo"]["description"]
    assert version["pipeline_spec"] == {"pipeline_spec": spec, "platform_spec": platform}
    digest = hashlib.sha256(PACKAGE.read_bytes()).hexdigest()
    assert version["description"] == f"compiled for here from {COMMIT}, sha256:{digest}"


def test_the_same_again_changes_nothing(server: tuple[Kept, str]) -> None:
    kept, host = server
    first, again = upload(host), upload(host)
    assert (again.url, again.new) == (first.url, False)
    assert (len(kept.pipelines), len(kept.versions)) == (1, 1)


def test_another_version_joins_the_pipeline_that_is_there(server: tuple[Kept, str]) -> None:
    kept, host = server
    upload(host)
    assert upload(host, "0.1.0-def").new
    assert len(kept.pipelines) == 1
    assert [v["display_name"] for v in kept.versions] == ["0.1.0-abc", "0.1.0-def"]


def test_an_upload_that_was_broken_off_after_the_pipeline_is_carried_on(server: tuple[Kept, str]) -> None:
    kept, host = server
    upload(host)
    kept.versions.clear()
    assert upload(host).new
    assert (len(kept.pipelines), len(kept.versions)) == (1, 1)


def test_another_content_under_the_same_version_is_refused(server: tuple[Kept, str], tmp_path: Path) -> None:
    kept, host = server
    upload(host)
    other = tmp_path / "other.yaml"
    other.write_text(PACKAGE.read_text(encoding="utf-8").replace("2G", "3G"), encoding="utf-8")
    with pytest.raises(FairleadError, match=r"a version 0\.1\.0-abc with another content \(compiled for here"):
        upload(host, package=other)
    assert len(kept.versions) == 1


def test_a_version_is_found_on_a_later_page(server: tuple[Kept, str]) -> None:
    kept, host = server
    for number in range(3):
        upload(host, f"0.1.{number}")
    kept.page = 1
    assert not upload(host, "0.1.2").new


@pytest.mark.parametrize("version", ["", "Uppercase", "a b", "-a", "a" * 101, "é"])
def test_a_name_that_kubernetes_would_not_take_is_refused_before_any_call(version: str) -> None:
    with pytest.raises(FairleadError, match="is no name for one"):
        upload("http://127.0.0.1:9", version)


def test_an_uploaded_version_is_run_as_the_place_has_it(server: tuple[Kept, str]) -> None:
    kept, host = server
    kept.multi_user = True
    place = Place(
        name="team",
        kubeflow=Kubeflow(namespace="team-a", service_account="runner"),
        pipeline_root="s3://team/runs",
    )
    upload(host, place=place)
    url = uploads.submit("fairlead-monitoring", "0.1.0-abc", {"now": "2006-01-01"}, host, "loans", "a run", place)
    assert url == f"{host}/#/runs/details/r1"
    (run,), (experiment,) = kept.runs, kept.experiments
    assert run["pipeline_version_reference"] == {"pipeline_id": "p1", "pipeline_version_id": "v1"}
    assert run["runtime_config"] == {"parameters": {"now": "2006-01-01"}, "pipeline_root": "s3://team/runs"}
    assert (run["service_account"], run["experiment_id"]) == ("runner", "e1")
    assert (experiment["display_name"], experiment["namespace"]) == ("loans", "team-a")
    assert kept.pipelines[0]["namespace"] == "team-a"


def test_a_version_that_is_not_there_names_those_that_are(server: tuple[Kept, str]) -> None:
    kept, host = server
    upload(host)
    with pytest.raises(FairleadError, match=r"'0\.2'; allowed: 0\.1\.0-abc\. Upload it"):
        uploads.submit("fairlead-monitoring", "0.2", {}, host, "loans", "a run", HERE)
    with pytest.raises(FairleadError, match="no pipeline fairlead-training"):
        uploads.submit("fairlead-training", "0.2", {}, host, "loans", "a run", HERE)
    assert kept.runs == []


def test_a_commit_can_only_be_told_of_a_clean_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "code_version", lambda: "fingerprint:00ff")
    with pytest.raises(FairleadError, match="give --commit"):
        uploads.checkout()
    monkeypatch.setattr(uploads, "code_version", lambda: f"commit:{COMMIT}")
    assert uploads.checkout() == COMMIT


def test_a_token_is_sent_where_one_is_mounted(
    server: tuple[Kept, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, host = server
    upload(host)
    assert kept.authorization == {""}
    (tmp_path / "token").write_text("abc", encoding="utf-8")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    kept.authorization.clear()
    upload(host)
    assert kept.authorization == {"Bearer abc"}
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "gone"))
    with pytest.raises(FairleadError, match="names no file"):
        upload(host)
