"""Hand a compiled pipeline to a Kubeflow Pipelines endpoint."""

from pathlib import Path
from typing import Any

import kfp
from kfp_server_api import ApiException
from urllib3.exceptions import HTTPError

from components.core.errors import FairleadError


def submit(package: Path, arguments: dict[str, Any], host: str, experiment: str, run_name: str) -> str:
    """Start a run and return the URL at which it can be watched.

    Args:
        package: the compiled YAML.
        arguments: pipeline parameters by name; the others keep their defaults.
        host: URL of the Kubeflow Pipelines API.
        experiment: experiment to put the run in; made when it is not there.
        run_name: what the run is called.

    Raises:
        FairleadError: no endpoint is configured, it does not answer, or it refuses the run.
    """
    if not host:
        raise FairleadError(
            "no Kubeflow Pipelines endpoint: give --host URL or set FAIRLEAD_KFP_HOST, "
            "for example http://127.0.0.1:8888 after 'kubectl -n kubeflow port-forward svc/ml-pipeline 8888'"
        )
    try:
        client = kfp.Client(host=host)
        made = client.create_run_from_pipeline_package(
            str(package), arguments=arguments, run_name=run_name, experiment_name=experiment
        )
    except (ApiException, HTTPError, OSError) as error:
        raise FairleadError(f"Kubeflow Pipelines at {host} did not take the run: {error}") from error
    return f"{host.rstrip('/')}/#/runs/details/{made.run_id}"
