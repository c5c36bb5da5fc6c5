"""The server: listens at once, becomes ready when its bundle has proved itself, and says why when it does not."""

import asyncio
import gc
import logging
import re
import signal
import sys
from dataclasses import dataclass, field

import grpc
from kserve import ModelServer

from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry.store import fetch
from components.serving import rpc
from components.serving.equip import Around, Equipment, equip
from components.serving.limits import Limits
from components.serving.model import BundleModel
from components.serving.rest import Rest
from components.serving.score import check_examples
from components.training import signing
from components.training.bundle import Bundle

logger = logging.getLogger("kserve.fairlead")

REFUSED = 4
"""Exit status when the bundle is refused and the server was told to end then (uvicorn has 3: it cannot listen)."""


@dataclass(frozen=True)
class Options:
    """How to serve."""

    bundle: str
    """Directory, ``gs://…``, ``s3://…``, ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``."""
    origin: str = ""
    """Where something else has fetched the bundle from, such as an init container; its number is the version told."""
    name: str = ""
    """Name to serve under; empty takes the contract's."""
    host: str = "127.0.0.1"
    http_port: int = 8080
    grpc_port: int = 0
    """0 serves no gRPC."""
    max_rows: int = 10_000
    max_body: int = 16 * 1024 * 1024
    """Most bytes of one request."""
    max_in_flight: int = 1_000
    """Most requests under way at once; 0 for no limit."""
    deadline_ms: int = 10_000
    """Longest that one request may take; 0 for no limit."""
    drain_seconds: float = 0.0
    """How long requests are still taken after the server was told to stop, and says that it is not ready."""
    access_log: bool = False
    """A line for each request."""
    exit_on_refusal: bool = False
    """End with status ``REFUSED`` instead of staying up, not ready."""
    around: Around = field(default_factory=Around)
    """What stands around the model."""


class Server(ModelServer):  # type: ignore[misc]
    """A ``kserve.ModelServer`` for one bundle.

    Args:
        options: how to serve.
        settings: where keys, registry and stores are.
    """

    def __init__(self, options: Options, settings: Settings) -> None:
        super().__init__(
            http_port=options.http_port,
            grpc_port=options.grpc_port,
            enable_grpc=options.grpc_port > 0,
            enable_latency_logging=False,
        )
        self._options = options
        self._settings = settings
        self._model = BundleModel(options.name, options.around.variant)
        self._limits = Limits(options.max_body, options.max_in_flight, options.deadline_ms)
        self._rest = Rest(
            self,
            self._model,
            options.host,
            self._limits,
            drain_seconds=options.drain_seconds,
            access_log=options.access_log,
        )
        self._equipment: Equipment | None = None
        self._refused = False

    def run(self) -> int:
        """Serve until told to stop; returns the exit status."""
        with asyncio.Runner(loop_factory=self._rest.config.get_loop_factory()) as runner:
            runner.run(self._run())
        return REFUSED if self._refused and self._options.exit_on_refusal else 0

    async def _run(self) -> None:
        self.setup_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn stops at either, and then sends it on to the handler it found: this one, so that gRPC stops too.
            signal.signal(number, lambda *_: None)
        remote = await self._start_grpc()
        loading = asyncio.create_task(self._load())
        try:
            await self._rest.start()
        finally:
            loading.cancel()
            if remote is not None:
                await remote.stop(grace=5)
            if self._equipment is not None:
                await asyncio.to_thread(self._equipment.close)

    async def _start_grpc(self) -> grpc.aio.Server | None:
        if not self.enable_grpc:
            return None
        servicer = rpc.Servicer(self.dataplane, self.model_repository_extension, self._model, self._limits)
        return await rpc.start(servicer, self._options.host, self.grpc_port, self._options.max_body)

    async def _load(self) -> None:
        try:
            # In a thread, so that liveness and readiness are answered while a large bundle is fetched.
            version, equipment = await asyncio.to_thread(self._open)
        except Exception as error:
            self._refuse(error)
            return
        self._equipment = equipment
        equipment.watch.in_flight(lambda: self._limits.in_flight)
        # What was loaded stays: the collector need not go through it again and again, for 80 ms at a time.
        gc.collect()
        gc.freeze()
        self._model.take(equipment.scoring, version, equipment.watch)
        self.register_model(self._model)
        how = ", ".join(f"{name} {value}" for name, value in self._model.properties().items())
        logger.info("ready: model %s, version %s, from %s; %s", self._model.name, version, self._options.bundle, how)

    def _open(self) -> tuple[str, Equipment]:
        options = self._options
        bundle, version = open_bundle(options.bundle, self._settings)
        version = numbered(options.origin) or version
        name = options.name or bundle.contract.model
        return version, equip(bundle, name, version, options.max_rows, options.around, self._settings)

    def _refuse(self, error: Exception) -> None:
        self._refused = True
        why = str(error)
        if not isinstance(error, FairleadError):
            logger.error("loading %s failed", self._options.bundle, exc_info=error)
            why = f"{self._options.bundle} could not be loaded; the trace above says why"
        print(f"NOT READY: {why}", file=sys.stderr, flush=True)
        # Clients learn that it is so; where things lie, and what is wrong with them, is for who runs the server.
        self._model.waiting_for = "the model was refused; the server's log says why"
        if self._options.exit_on_refusal:
            self._rest.stop()


def open_bundle(uri: str, settings: Settings) -> tuple[Bundle, str]:
    """Fetch a bundle, verify its signature, open it and score its examples.

    Args:
        uri: where it is.
        settings: where fetched bundles, the verify key and the registry are.

    Returns:
        The bundle, and its version: the registry's number where the URI has one, else the digest of its contract.

    Raises:
        FairleadError: nothing is there, or it is not what it says it is.
    """
    uri = _numbered(uri, settings)
    path = fetch(uri, settings.home / "fetched", settings)
    signing.verify(path, settings.verify_key)
    bundle = Bundle.open(path)
    check_examples(bundle)
    return bundle, numbered(uri) or bundle.version()


def numbered(uri: str) -> str:
    """Return the registry's number out of a model's URI; empty where it has none.

    >>> numbered("models:/sba_loans/2")
    '2'
    """
    found = re.fullmatch(r"models:/[^/@]+/(\d+)", uri)
    return found.group(1) if found else ""


def _numbered(uri: str, settings: Settings) -> str:
    """Write the number in the place of an alias: what is logged is joined with the registry by it, when the alias has
    moved on."""
    found = re.fullmatch(r"models:/([^/@]+)@([^/@]+)", uri)
    if found is None:
        return uri
    # Imported here: a server that is given a directory does not pay for the registry's client.
    from components.registry.client import MlflowException, client

    try:
        version = client(settings).get_model_version_by_alias(*found.groups())
    except MlflowException as error:
        raise FairleadError(f"no model {uri} in the registry at {settings.tracking_uri}: {error.message}") from error
    return f"models:/{found[1]}/{version.version}"
