"""The one door to MLflow: its client on our settings, and the look-up of ``models:/`` URIs."""

import os
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from components.core.artifacts import one_at_a_time, whole_file
from components.core.config import Settings
from components.core.errors import FairleadError, unknown

# Both are read while mlflow is imported, hence the one door: no usage telemetry, and no chatter about a new store.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

__all__ = ["Metric", "MlflowClient", "MlflowException", "ModelVersion", "Param", "Run", "RunTag", "client", "resolve"]

_SQLITE = "sqlite:///"
_VERSION = re.compile(r"models:/([^/@]+)/([0-9]+)")
_ALIAS = re.compile(r"models:/([^/@]+)@([^/@]+)")


def client(settings: Settings) -> MlflowClient:
    """Return MLflow's client on the tracking and registry store of the settings; a new SQLite store is made first."""
    if settings.tracking_uri.startswith(_SQLITE):
        _make_store(Path(settings.tracking_uri.removeprefix(_SQLITE)))
    return MlflowClient(tracking_uri=settings.tracking_uri, registry_uri=settings.tracking_uri)


def resolve(uri: str, settings: Settings) -> str:
    """Return the URI under which the bundle of ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS`` is stored.

    Raises:
        FairleadError: the form is another one, or the registry has no such model, version or alias.
    """
    version, alias = _VERSION.fullmatch(uri), _ALIAS.fullmatch(uri)
    found = version or alias
    if found is None:
        raise unknown("model URI", uri, ("models:/NAME/VERSION", "models:/NAME@ALIAS"))
    name, which = found.groups()
    mlflow = client(settings)
    try:
        model = mlflow.get_model_version(name, which) if version else mlflow.get_model_version_by_alias(name, which)
    except MlflowException as error:
        raise FairleadError(f"no model {uri} in the registry at {settings.tracking_uri}: {error.message}") from error
    return str(model.source)


def _make_store(path: Path) -> None:
    """Make MLflow's tables where there are none.

    MLflow runs its migrations step by step on the file itself: two processes that do so at once fail, and one that
    is killed leaves a file that no other can use. So they run on a scratch file, by one process, and its finished
    copy is put in place by a rename.
    """
    if path.exists():
        return
    with one_at_a_time(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, whole_file(path) as whole:
            scratch = Path(folder) / path.name
            MlflowClient(tracking_uri=f"{_SQLITE}{scratch}", registry_uri=f"{_SQLITE}{scratch}")
            with closing(sqlite3.connect(scratch)) as made, closing(sqlite3.connect(whole)) as copy:
                made.backup(copy)
