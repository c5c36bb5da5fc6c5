"""MLflow's client on our settings, and the look-up of ``models:/`` URIs."""

import os
import re

from components.core.config import Settings
from components.core.errors import FairleadError, unknown

# Read by mlflow when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

_VERSION = re.compile(r"models:/([^/@]+)/([0-9]+)")
_ALIAS = re.compile(r"models:/([^/@]+)@([^/@]+)")


def client(settings: Settings) -> MlflowClient:
    """Return MLflow's client on the tracking and registry store of the settings."""
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
