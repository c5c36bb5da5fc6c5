"""Settings of the process: read once, in ``main``, from the environment over defaults."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from components.core.errors import FairleadError


class Settings(BaseModel):
    """Where this process keeps and finds things.

    Every field is read from ``FAIRLEAD_<NAME>``; an empty value counts as absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """Directory for everything that Fairlead writes on this machine."""
    tracking_uri: str
    """MLflow tracking and registry store: ``sqlite:///…`` or a server's URL."""
    bundle_store: str
    """Root under which registered bundles are kept: a directory, ``gs://…`` or ``s3://…``."""
    ledger_path: Path
    """SQLite file of the hash-chained ledger."""
    signing_key: Path
    """Private key (PEM) that signs bundles; made on first use."""
    verify_key: Path
    """Public key (PEM) that a server verifies bundles with."""
    watermark_key: Path
    """Secret that marks models so that they can be told by their answers; made on first use."""
    actor: str
    """Who acts, for the ledger: a user or a service account."""
    roles: Path | None = None
    """YAML file of who has which role; without one the actor has every role."""
    kfp_host: str = ""
    """URL of a Kubeflow Pipelines API; empty means none is configured."""
    log_key: SecretStr = SecretStr("")
    """Secret with which servers hash personal fields in the prediction log, the same for all."""
    alert_webhook: SecretStr = SecretStr("")
    """Where changes of alerts are posted to as JSON; empty means nowhere, as for the others."""
    alert_slack: SecretStr = SecretStr("")
    """Incoming webhook, of Slack or of what takes its format."""
    alert_alertmanager: SecretStr = SecretStr("")
    """Root of an Alertmanager."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from environment variables (``os.environ`` when none are given).

    Raises:
        FairleadError: a ``FAIRLEAD_`` variable is not a known setting.
    """
    given = os.environ if environment is None else environment
    prefix = "FAIRLEAD_"
    values = {k.removeprefix(prefix).lower(): v for k, v in given.items() if k.startswith(prefix) and v}
    unknown_names = sorted(values.keys() - Settings.model_fields.keys())
    if unknown_names:
        known = ", ".join(prefix + name.upper() for name in Settings.model_fields)
        found = ", ".join(prefix + name.upper() for name in unknown_names)
        raise FairleadError(f"unknown setting {found} in the environment; known settings: {known}")
    home = Path(values.get("home", ".fairlead")).absolute()
    defaults = {
        "home": str(home),
        "tracking_uri": f"sqlite:///{home / 'mlflow.db'}",
        "bundle_store": str(home / "bundles"),
        "ledger_path": str(home / "ledger.db"),
        "signing_key": str(home / "keys" / "signing.pem"),
        "verify_key": str(home / "keys" / "signing.pub.pem"),
        "watermark_key": str(home / "keys" / "watermark.key"),
        "actor": given.get("USER") or given.get("LOGNAME") or _account(),
    }
    return Settings.model_validate({**defaults, **values, "home": str(home)})


def write_settings(settings: Settings) -> dict[str, str]:
    """Write the settings as environment variables, secrets in clear: for a process of our own and for nothing else."""
    values = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else "" if value is None else str(value)
        if text:
            values[f"FAIRLEAD_{name.upper()}"] = text
    return values


def _account() -> str:
    """Name the account this process runs under; a container's may have a number only."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
