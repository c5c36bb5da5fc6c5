"""Versions of pipelines at a Kubeflow Pipelines endpoint: uploaded once, told apart by hash, and run."""

import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import kfp
import yaml

from components.core.errors import FairleadError, unknown
from components.registry.code_version import code_version
from pipelines.place import Place
from pipelines.runners.kubeflow import PAGE, api

PREFIX = 12
"""Digits of a commit that its version is called by."""


@dataclass(frozen=True)
class Uploaded:
    """A version at the endpoint.

    Args:
        url: where it can be looked at.
        new: False where it was there already.
    """

    url: str
    new: bool


def upload(package: Path, host: str, version: str, place: Place, made_from: str) -> Uploaded:
    """Upload a version of a pipeline, unless it is there.

    The pipeline is made first, empty, so that an upload that was broken off between the two is carried on by the next.

    Args:
        package: the compiled YAML.
        host: URL of the Kubeflow Pipelines API.
        version: what it is called; no other content may have the name.
        place: that it was compiled for.
        made_from: the code, for the description: a commit.

    Raises:
        FairleadError: no endpoint is configured, it does not answer or refuses, or the version's name is taken.
    """
    _check_name(version)
    name, mark = name_of(package), f"sha256:{hashlib.sha256(package.read_bytes()).hexdigest()}"
    with api(host, "the pipeline") as client:
        home = _pipeline(client, name, place) or _create(client, name, package, place)
        found = _versions(client, home).get(version)
        if found is not None and mark not in (found.description or ""):
            raise FairleadError(
                f"{name} has a version {version} with another content ({found.description or 'no description'}); "
                "give another --version"
            )
        new = found is None
        if found is None:
            told = f"compiled for {place.name} from {made_from}, {mark}"
            found = client.upload_pipeline_version(str(package), version, pipeline_id=home, description=told)
        url = f"{host.rstrip('/')}/#/pipelines/details/{home}/version/{found.pipeline_version_id}"
        return Uploaded(url, new)


def submit(
    pipeline: str, version: str, arguments: dict[str, Any], host: str, experiment: str, run_name: str, place: Place
) -> str:
    """Start a run of an uploaded version and return the URL at which it can be watched.

    Args:
        pipeline: its name at the endpoint.
        version: the version's.
        arguments: pipeline parameters by name; the others keep their defaults.
        host: URL of the Kubeflow Pipelines API.
        experiment: experiment to put the run in; made when it is not there.
        run_name: what the run is called.
        place: whose namespace, service account and pipeline root the run has.

    Raises:
        FairleadError: there is no such version, no endpoint is configured, or it does not answer or refuses.
    """
    with api(host, "the run") as client:
        home = _pipeline(client, pipeline, place)
        if home is None:
            raise FairleadError(f"there is no pipeline {pipeline} at {host}; upload it with: fairlead upload")
        there = _versions(client, home)
        if version not in there:
            raise unknown(f"version of {pipeline}", version, there, "Upload it with: fairlead upload --version")
        namespace = place.kubeflow.namespace or None
        made = client.run_pipeline(
            client.create_experiment(experiment, namespace=namespace).experiment_id,
            run_name,
            params=arguments,
            pipeline_id=home,
            version_id=there[version].pipeline_version_id,
            pipeline_root=place.pipeline_root or None,
            service_account=place.kubeflow.service_account or None,
        )
    return f"{host.rstrip('/')}/#/runs/details/{made.run_id}"


def name_of(package: Path) -> str:
    """Return the name of a compiled pipeline."""
    return str(next(yaml.safe_load_all(package.read_text(encoding="utf-8")))["pipelineInfo"]["name"])


def checkout() -> str:
    """Return the commit that this code is, for a version's name.

    Raises:
        FairleadError: it is not a clean checkout.
    """
    kind, _, value = code_version().partition(":")
    if kind != "commit":
        raise FairleadError(
            "which commit is uploaded cannot be told: components/ is not a checkout or has changes; commit them, or "
            "give --commit"
        )
    return value


def version_of(commit: str) -> str:
    """Name the version of a commit after it and the package.

    >>> version_of("0a1b2c3d4e5f60718293").partition("-")[2]
    '0a1b2c3d4e5f'
    """
    return f"{installed('fairlead')}-{commit[:PREFIX]}"


def _check_name(version: str) -> None:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,98}[a-z0-9])?", version):
        raise FairleadError(
            f"version {version!r} is no name for one; give up to 100 small letters, digits, dots and hyphens, "
            "like 0.1.0-abcdef"
        )


def _pipeline(client: kfp.Client, name: str, place: Place) -> str | None:
    # The operation by its number, as the API's own client sends it: 1 is EQUALS.
    only = json.dumps({"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]})
    page = client.list_pipelines(page_size=PAGE, filter=only, namespace=place.kubeflow.namespace or None)
    return next((p.pipeline_id for p in page.pipelines or [] if p.display_name == name), None)


def _create(client: kfp.Client, name: str, package: Path, place: Place) -> str:
    about = next(yaml.safe_load_all(package.read_text(encoding="utf-8")))["pipelineInfo"].get("description", "")
    asked = client.api_models.V2beta1Pipeline(
        name=name, display_name=name, description=about, namespace=place.kubeflow.namespace or None
    )
    return str(client.pipelines.pipeline_service_create_pipeline(asked).pipeline_id)


def _versions(client: kfp.Client, pipeline_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    token = ""
    while True:
        page = client.list_pipeline_versions(pipeline_id, page_token=token, page_size=PAGE)
        found |= {v.display_name: v for v in page.pipeline_versions or []}
        token = page.next_page_token or ""
        if not token:
            return found
