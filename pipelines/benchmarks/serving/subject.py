"""The model that every server serves: a registered one, else one that the training pipeline makes for the purpose."""

from dataclasses import dataclass
from pathlib import Path

from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.registry.store import fetch
from components.training import signing
from components.training.bundle import Bundle
from pipelines.benchmarks.measure import Say, apart
from pipelines.benchmarks.overhead import SHARDS, through_runner
from pipelines.benchmarks.serving.peers import MODEL

CHAMPION = f"models:/{MODEL}@champion"


@dataclass(frozen=True)
class Subject:
    """A signed bundle.

    Args:
        path: its directory.
        verify_key: the public key that it was signed with.
        origin: where it came from, for the report.
    """

    path: Path
    verify_key: Path
    origin: str


def subject(settings: Settings, uri: str, folder: Path, say: Say) -> Subject:
    """Find the model.

    Args:
        settings: where the registry and the key are.
        uri: a bundle's URI; empty takes the champion, or trains one where there is none that this code serves.
        folder: directory to keep what is fetched or trained in; a trained one is used again.
        say: takes one line of progress.

    Raises:
        FairleadError: the bundle that was asked for is not there, or is refused, or is no XGBoost model.
    """
    try:
        path = fetch(uri or CHAMPION, folder / "fetched", settings)
        return _checked(Subject(path, settings.verify_key, uri or CHAMPION))
    except FairleadError as error:
        if uri:
            raise
        say(f"{CHAMPION} cannot be served: {str(error).splitlines()[0]}")
    return _trained(folder / "trained", say)


def _checked(found: Subject) -> Subject:
    signing.verify(found.path, found.verify_key)
    opened = Bundle.open(found.path)
    if opened.contract.model != MODEL or opened.contract.algorithm != "xgboost":
        raise FairleadError(
            f"{found.origin} is {opened.contract.algorithm} for {opened.contract.model}; the peers are written for "
            f"xgboost for {MODEL}"
        )
    return found


def _trained(home: Path, say: Say) -> Subject:
    say("training one with the pipeline (about a minute; it is kept)")
    ran = apart(through_runner, home, SHARDS, say=say).result
    settings = read_settings({"FAIRLEAD_HOME": str(home), "USER": "bench"})
    path = ran.artifact("package", "bundle")
    return _checked(Subject(path, settings.verify_key, "trained for this benchmark"))
