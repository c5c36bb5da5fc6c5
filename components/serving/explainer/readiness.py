"""Whether the explainer may answer: its bundle has proved itself, and the predictor is up and serves just that."""

import logging
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from components.core.config import Settings
from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import UseCase, load, shipped
from components.registry.store import fetch
from components.serving.exchange import NotReady
from components.serving.explainer.explaining import Explaining, anchor_explainer
from components.serving.explainer.predictor import Predictor
from components.serving.score import check_examples
from components.training.bundle import Bundle

logger = logging.getLogger("uvicorn.error")

SECONDS = 10.0
"""For the examples to be scored by the predictor."""


@dataclass(frozen=True)
class Sources:
    """Where the explainer has its knowledge from."""

    bundle: str
    """Directory, ``gs://…``."""
    name: str
    """Name that the predictor serves the model under; empty takes the contract's."""
    predictor_host: str
    use_case: str = ""
    """One that ships, or a YAML file; empty takes the one of the contract's name, if it ships."""


class Readiness:
    """Opens the bundle once, and asks the predictor whenever it is asked."""

    def __init__(self, sources: Sources, settings: Settings) -> None:
        self._sources, self._settings = sources, settings
        self._waiting_for = "the bundle is being loaded"
        self._explaining: Explaining | None = None
        self._same = False

    @property
    def explaining(self) -> Explaining:
        """What explains.

        Raises:
            NotReady: there is no bundle yet, or it was refused; says why.
        """
        if self._explaining is None:
            raise NotReady(f"not ready: {self._waiting_for}")
        return self._explaining

    def open(self) -> None:
        """Open the bundle; a refusal is kept and printed, not raised, so that it can be asked for."""
        try:
            self._explaining = open_explaining(self._sources, self._settings)
        except Exception as error:
            # Clients learn that it is so; where things lie is for who runs the explainer.
            self._waiting_for = "the bundle was refused; the explainer's log says why"
            why = str(error)
            if not isinstance(error, FairleadError):
                logger.error("loading %s failed", self._sources.bundle, exc_info=error)
                why = f"{self._sources.bundle} could not be loaded; the trace above says why"
            print(f"NOT READY: {why}", file=sys.stderr, flush=True)

    def require(self) -> None:
        """Check that a request could be answered now.

        Raises:
            NotReady: there is no bundle.
            Unavailable: the predictor is not ready, or serves another model.
        """
        explaining = self.explaining
        explaining.predictor.require_ready()
        if not self._same:  # asked until it holds; after that each request is compared by itself
            explaining.require_same_model(time.monotonic() + SECONDS)
            self._same = True


def open_explaining(sources: Sources, settings: Settings) -> Explaining:
    """Fetch a bundle, let it prove itself, and read what goes with it.

    Raises:
        FairleadError: nothing is there, it is not what it says it is, or the use case does not fit.
    """
    bundle = Bundle.open(_fetched(sources.bundle, settings))
    check_examples(bundle)
    if anchor_explainer() is None:  # loaded now, so that the first request does not wait for it
        logger.warning("there is no alibi in this environment: counterfactuals are told, anchors are not")
    predictor = Predictor(sources.predictor_host, sources.name or bundle.contract.model)
    return Explaining(bundle, predictor, _use_case(sources.use_case, bundle.contract.model))


def _fetched(uri: str, settings: Settings) -> Path:
    try:
        path = fetch(uri, settings.home / "fetched", settings)
    except ImportError as error:
        raise FairleadError(
            f"{uri} cannot be fetched in this environment ({error}); give a directory, or gs://…"
        ) from error
    if find_spec("model_signing") is None:
        # What is explained is compared with the answers of the predictor, which has verified the signature.
        logger.warning("the signature of %s is not verified: this environment has no model-signing", path)
    else:
        from components.training import signing

        signing.verify(path, settings.verify_key)
    return path


def _use_case(given: str, model: str) -> UseCase | None:
    if not given and model not in shipped():
        logger.warning("no use case %s ships and none was given: no input may be acted on", model)
        return None
    use_case = load(given or model)
    if use_case.name != model:
        raise IntegrityError(f"use case {use_case.name!r} was given for a bundle of {model!r}; give the bundle's own")
    return use_case
