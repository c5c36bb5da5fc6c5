"""Hand a compiled pipeline to a Kubeflow Pipelines endpoint: once, or on a schedule."""

import contextlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import kfp
import yaml
from kfp_server_api import ApiException
from urllib3.exceptions import HTTPError

from components.core.errors import FairleadError
from pipelines.cron import six_fields
from pipelines.place import DEFAULT, Place

PAGE = 100
"""Runs, or whatever else, that are listed at a time."""

TOKEN_PATH = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105  the name of a variable
"""Variable of Kubeflow's own client that names the file with the token for the API; it is read anew when it changes."""


@dataclass(frozen=True)
class Found:
    """A run at the endpoint.

    Args:
        run_id: its id there.
        url: where it can be watched.
        state: ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``CANCELED`` … as the API has it.
        created: when it was made.
        error: what the API tells of its failure.
        failed: steps that failed, and what is told of them.
    """

    run_id: str
    url: str
    state: str
    created: datetime
    error: str
    failed: dict[str, str]


def submit(
    package: Path,
    arguments: dict[str, Any],
    host: str,
    experiment: str,
    run_name: str,
    cached: bool = True,
    *,
    place: Place | None = None,
) -> str:
    """Start a run and return the URL at which it can be watched.

    Args:
        package: the compiled YAML.
        arguments: pipeline parameters by name; the others keep their defaults.
        host: URL of the Kubeflow Pipelines API.
        experiment: experiment to put the run in; made when it is not there.
        run_name: what the run is called.
        cached: False to take nothing from the cache.
        place: whose namespace, service account and pipeline root the run has; the installation's own when not given.

    Raises:
        FairleadError: no endpoint is configured, it does not answer, or it refuses the run.
    """
    at = place or Place(name=DEFAULT)
    with api(host, "the run") as client, _package(package, cached) as path:
        made = client.create_run_from_pipeline_package(
            str(path),
            arguments=arguments,
            run_name=run_name,
            experiment_name=experiment,
            namespace=at.kubeflow.namespace or None,
            pipeline_root=at.pipeline_root or None,
            service_account=at.kubeflow.service_account or None,
        )
    return f"{host.rstrip('/')}/#/runs/details/{made.run_id}"


def schedule(
    package: Path,
    arguments: dict[str, Any],
    host: str,
    experiment: str,
    name: str,
    cron: str,
    *,
    place: Place | None = None,
) -> str:
    """Start a run again and again, one at a time, and return the URL of the schedule.

    Nothing is taken from the cache: the parameters are the same each time, so a cached ``ingest`` would be the first
    firing's table for ever. A firing that was missed is not made up for.

    Args:
        package: the compiled YAML.
        arguments: pipeline parameters by name, fixed from now on.
        host: URL of the Kubeflow Pipelines API.
        experiment: experiment to put the runs in; made when it is not there.
        name: what the schedule is called; no other in the experiment may have it.
        cron: when, as ``pipelines.cron`` takes it.
        place: whose namespace, service account and pipeline root the runs have.

    Raises:
        FairleadError: the expression cannot be read, no endpoint is configured, it does not answer, there is a schedule
            of this name, or the endpoint refuses it.
    """
    when, at = six_fields(cron), place or Place(name=DEFAULT)
    with api(host, "the schedule") as client, _package(package, cached=False) as path:
        home = client.create_experiment(experiment, namespace=at.kubeflow.namespace or None).experiment_id
        there = _schedules(client, home).get(name)
        if there is not None:
            raise FairleadError(
                f"there is a schedule {name!r} in experiment {experiment!r}; give another --name, or delete it with: "
                f"kfp --endpoint {host} recurring-run delete {there}"
            )
        made = client.create_recurring_run(
            home,
            name,
            cron_expression=when,
            max_concurrency=1,
            no_catchup=True,
            params=arguments,
            pipeline_package_path=str(path),
            pipeline_root=at.pipeline_root or None,
            service_account=at.kubeflow.service_account or None,
        )
    return f"{host.rstrip('/')}/#/recurringrun/details/{made.recurring_run_id}"


def named(host: str, name: str) -> list[Found]:
    """Return the runs of a name, the first one made first.

    Args:
        host: URL of the Kubeflow Pipelines API.
        name: what they are called.

    Raises:
        FairleadError: no endpoint is configured, or it does not answer.
    """
    # The operation by its number, as the API's own client sends it: 1 is EQUALS.
    only = json.dumps({"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]})
    found, token = [], ""
    with api(host, "the question") as client:
        while True:
            page = client.list_runs(page_token=token, page_size=PAGE, filter=only)
            found += [_found(host, run) for run in page.runs or [] if run.display_name == name]
            token = page.next_page_token or ""
            if not token:
                return sorted(found, key=lambda f: (f.created, f.run_id))


def terminate(host: str, run_id: str) -> None:
    """Stop a run; one that has ended is left as it is.

    Raises:
        FairleadError: no endpoint is configured, it does not answer, or it refuses.
    """
    with api(host, "the end of a run") as client:
        client.terminate_run(run_id)


def _found(host: str, run: Any) -> Found:
    tasks = (run.run_details.task_details if run.run_details else None) or []
    broken = [t for t in tasks if t.state == "FAILED"]
    return Found(
        run_id=run.run_id,
        url=f"{host.rstrip('/')}/#/runs/details/{run.run_id}",
        state=run.state or "PENDING",
        created=run.created_at,
        error=run.error.message or "" if run.error else "",
        failed={t.display_name: (t.error.message or "" if t.error else "") for t in broken},
    )


@contextlib.contextmanager
def api(host: str, thing: str) -> Iterator[kfp.Client]:
    """Give a client of an endpoint, and turn whatever fails at the endpoint into our error.

    Args:
        host: URL of the Kubeflow Pipelines API.
        thing: what it is asked to take, for the error.
    """
    if not host:
        raise FairleadError(
            "no Kubeflow Pipelines endpoint: give --host URL or set FAIRLEAD_KFP_HOST, "
            "for example http://127.0.0.1:8888 after 'kubectl -n kubeflow port-forward svc/ml-pipeline 8888'"
        )
    try:
        # The client prints links of its own; standard output is for the one URL that was asked for.
        with contextlib.redirect_stdout(sys.stderr):
            with warnings.catch_warnings():
                # It warns on every start that it cannot talk to Kubeflow Pipelines 1; drop this when it no longer does.
                warnings.filterwarnings("ignore", "This client only works with Kubeflow Pipeline v2", FutureWarning)
                client = kfp.Client(host=host, credentials=_credentials())
            yield client
    except (ApiException, HTTPError, OSError) as error:
        raise FairleadError(f"Kubeflow Pipelines at {host} did not take {thing}: {error}") from error


def _credentials() -> Any:
    """Return what reads the token, where there is one; Kubeflow's client looks for it only where no host is given."""
    path = os.environ.get(TOKEN_PATH, "")
    if not path:
        return None
    if not Path(path).is_file():
        raise FairleadError(f"{TOKEN_PATH} names no file (found {path!r}); mount the token there, or unset it")
    return kfp.client.ServiceAccountTokenVolumeCredentials(path)


@contextlib.contextmanager
def _package(package: Path, cached: bool) -> Iterator[Path]:
    """Give the compiled YAML, or a copy of it in which no task may be taken from the cache.

    The client's own ``enable_caching`` reaches only the outermost tasks (kfp 2.17), and ours stand inside an exit
    handler.
    """
    if cached:
        yield package
        return
    spec, *rest = yaml.safe_load_all(package.read_text(encoding="utf-8"))
    for part in (spec["root"], *spec["components"].values()):
        for task in part.get("dag", {}).get("tasks", {}).values():
            task["cachingOptions"] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / package.name
        copy.write_text(yaml.safe_dump_all([spec, *rest]), encoding="utf-8")
        yield copy


def _schedules(client: kfp.Client, experiment_id: str) -> dict[str, str]:
    """List an experiment's recurring runs: name → id."""
    found: dict[str, str] = {}
    token = ""
    while True:
        page = client.list_recurring_runs(page_token=token, page_size=PAGE, experiment_id=experiment_id)
        found |= {r.display_name: r.recurring_run_id for r in page.recurring_runs or []}
        token = page.next_page_token or ""
        if not token:
            return found
