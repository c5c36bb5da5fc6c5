"""Tracking: one MLflow run for each training run, with what went in and what came out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.core.artifacts import one_at_a_time
from components.core.config import Settings
from components.core.contracts import SliceMetrics
from components.registry.client import Metric, MlflowClient, MlflowException, Param, Run, RunTag, client
from components.registry.code_version import code_version

_BATCH = 100
"""Parameters and tags that MLflow takes at once; it takes more metrics."""

_FORBIDDEN = re.compile(r"[^\w\-./ ]")


class TrackedRun(BaseModel):
    """Where a training run is found again."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    experiment_id: str
    key: str
    data_hash: str
    code_version: str


def log_run(
    settings: Settings,
    use_case: str,
    key: str,
    data_hash: str,
    parameters: Mapping[str, object],
    metrics: Sequence[SliceMetrics],
    artifacts: Iterable[Path] = (),
    tags: Mapping[str, str] | None = None,
) -> TrackedRun:
    """Log a training run; the same key logs the same run again, so a step that was killed can be repeated.

    Args:
        settings: where MLflow's store is.
        use_case: name of the experiment.
        key: names this training run, for example the pipeline run's id.
        data_hash: sha256 of the raw table.
        parameters: of the model and its training.
        metrics: each becomes ``dataset/slice/metric``, with ``.low`` and ``.high`` for its interval; one without a
            value is left out of the numbers and stands in the artifact ``metrics.json``.
        artifacts: files or directories (plots, reports) to keep with the run.
        tags: further tags.
    """
    mlflow = client(settings)
    experiment = _experiment(mlflow, use_case, settings)
    fixed = {"run_key": key, "data_hash": data_hash, "use_case": use_case, "mlflow.runName": key}
    with one_at_a_time(settings.home / "locks" / "tracking"):
        run = _find(mlflow, experiment, key) or mlflow.create_run(experiment, tags={**fixed, **(tags or {})})
    version = run.data.tags.get("code_version") or code_version()
    if run.info.status != "FINISHED":
        everything = {**(tags or {}), "code_version": version, "mlflow.user": settings.actor}
        _log(mlflow, run, parameters, metrics, everything)
        for path in artifacts:
            (mlflow.log_artifacts if path.is_dir() else mlflow.log_artifact)(run.info.run_id, str(path))
        mlflow.log_dict(run.info.run_id, {"metrics": [m.model_dump(mode="json") for m in metrics]}, "metrics.json")
        mlflow.set_terminated(run.info.run_id, "FINISHED")
    return TrackedRun(
        run_id=run.info.run_id, experiment_id=experiment, key=key, data_hash=data_hash, code_version=version
    )


def metric_name(dataset: str, slice_name: str, metric: str) -> str:
    """Name a metric in MLflow, which takes neither ``=`` nor ``*``.

    >>> metric_name("test", "year=2000", "auc")
    'test/year_2000/auc'
    """
    return _FORBIDDEN.sub("_", f"{dataset}/{slice_name}/{metric}")


def _experiment(mlflow: MlflowClient, name: str, settings: Settings) -> str:
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        # A server keeps artifacts where it was told to; beside a SQLite store they go under our own home.
        local = settings.tracking_uri.startswith("sqlite:")
        try:
            return mlflow.create_experiment(name, str(settings.home / "mlruns" / name) if local else None)
        except MlflowException:
            found = mlflow.get_experiment_by_name(name)  # another process was quicker
            if found is None:
                raise
    return str(found.experiment_id)


def _find(mlflow: MlflowClient, experiment: str, key: str) -> Run | None:
    quoted = key.replace("'", "''")
    return next(iter(mlflow.search_runs([experiment], f"tags.run_key = '{quoted}'", max_results=1)), None)


def _log(
    mlflow: MlflowClient,
    run: Run,
    parameters: Mapping[str, object],
    metrics: Sequence[SliceMetrics],
    tags: Mapping[str, str],
) -> None:
    # One time stamp for all: MLflow then knows a value logged twice for the same one.
    at = run.info.start_time
    numbers = [Metric(name, value, at, 0) for name, value in _numbers(metrics)]
    params = [Param(_FORBIDDEN.sub("_", name), str(value)) for name, value in parameters.items()]
    labels = [RunTag(name, value) for name, value in tags.items()]
    for i in range(0, max(len(numbers), len(params), len(labels)), _BATCH):
        part = slice(i, i + _BATCH)
        mlflow.log_batch(run.info.run_id, metrics=numbers[part], params=params[part], tags=labels[part])


def _numbers(metrics: Sequence[SliceMetrics]) -> Iterable[tuple[str, float]]:
    for m in metrics:
        for name, estimate in m.metrics.items():
            full = metric_name(m.dataset, m.slice, name)
            ends = {full: estimate.value, f"{full}.low": estimate.low, f"{full}.high": estimate.high}
            yield from ((key, value) for key, value in ends.items() if value is not None)
