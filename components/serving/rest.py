"""The REST doors: V1 and V2 routes on KServe's application, and what they answer when a request is no good."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from socket import socket
from types import FrameType

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from kserve.model_server import ModelServer, app
from kserve.protocol.rest.server import RESTServer, metrics_handler
from starlette.exceptions import HTTPException

from components.core.errors import FairleadError
from components.serving import v1, v2
from components.serving.cloud_events import Event, is_event
from components.serving.exchange import REQUEST_ID, Answer, NotReady, Wanted, checked_id, for_log, plain, status_of
from components.serving.exchange import Request as Decoded
from components.serving.explain_door import ExplainDoor
from components.serving.lane import ROWS, Lane, headers_of
from components.serving.limits import TIMEOUT, ClientGone, Limits, aside
from components.serving.model import BundleModel
from components.serving.shortcut import Shortcut

logger = logging.getLogger("kserve.fairlead")

PROBES = ("/v2/health/", "/metrics")
"""Routes that machines ask for ever; left out of the access log, where they would bury everything else."""


class Rest(RESTServer):  # type: ignore[misc]
    """KServe's REST server on a host of our choice, with our own doors.

    The SDK's doors read requests through data models that let wrong requests through, answer many of them with 500
    and have no limit on a body's size; and they let anyone unload the model. So only its application, its metrics and
    its data plane are used, and nothing is reachable but what is registered here.
    """

    def __init__(
        self,
        server: ModelServer,
        model: BundleModel,
        host: str,
        limits: Limits,
        *,
        drain_seconds: float = 0.0,
        access_log: bool = False,
    ) -> None:
        super().__init__(
            "kserve.model_server:app",
            server.dataplane,
            server.model_repository_extension,
            server.http_port,
            grace_period=server.grace_period,
        )
        self.config.host = host
        self.config.proxy_headers = self.config.server_header = False
        self._server = _Server(self.config, model, drain_seconds)
        access = logging.getLogger("uvicorn.access")
        access.addFilter(_no_probe)
        if not access_log:
            access.handlers, access.propagate = [], False
        self._model = model
        self._limits = limits
        self._explanations: ExplainDoor | None = None

    def create_application(self) -> None:
        """Put the lane ahead of KServe's application."""
        super().create_application()
        self.config.app = Lane(app, self._model, self._limits)
        self.config.http = Shortcut

    def stop(self) -> None:
        """Finish the requests under way, then end."""
        self._server.should_exit = True

    def _register_endpoints(self, app: FastAPI) -> None:
        # FastAPI's own pages, and redirects to the host that a client names, are nothing that we serve.
        app.router.routes.clear()
        app.router.redirect_slashes = False
        get = {
            "/": self._live,
            "/metrics": metrics_handler,
            "/v2": self._server_metadata,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/v2/models": self._models,
            "/v2/models/{name}": self._metadata,
            "/v2/models/{name}/versions/{version}": self._metadata,
            "/v2/models/{name}/ready": self._model_ready,
            "/v2/models/{name}/versions/{version}/ready": self._model_ready,
            "/v1/models": self._models,
            "/v1/models/{name}": self._model_ready,
        }
        post = {
            "/v2/models/{name}/infer": self._infer,
            "/v2/models/{name}/versions/{version}/infer": self._infer,
            "/v1/models/{name}:predict": self._predict,
            "/v1/models/{name}:explain": self._explain_v1,
            "/v2/models/{name}/explain": self._explain_v2,
            "/v2/models/{name}/versions/{version}/explain": self._explain_v2,
        }
        for path, handler in get.items():
            app.add_route(path, handler, methods=["GET"])
        for path, handler in post.items():
            app.add_route(path, handler, methods=["POST"])

    def _add_middlewares(self, app: FastAPI) -> None:
        """Leave out the SDK's line per request with its timings; the histograms under /metrics have them."""

    def _add_exception_handlers(self, app: FastAPI) -> None:
        app.add_exception_handler(FairleadError, self._refused)
        app.add_exception_handler(ClientGone, _gone)
        app.add_exception_handler(HTTPException, _no_such_route)
        app.add_exception_handler(Exception, _broken)

    async def _live(self, _: Request) -> Response:
        return _json({"live": True})

    async def _ready(self, _: Request) -> Response:
        self._model.require_ready()
        return _json({"ready": True})

    async def _server_metadata(self, _: Request) -> Response:
        return _json({**self.dataplane.metadata(), "extensions": ["binary_tensor_data"]})

    async def _models(self, _: Request) -> Response:
        return _json({"models": [self._model.name] if self._model.ready else []})

    async def _metadata(self, request: Request) -> Response:
        self._require(request)
        model = self._model
        return _json(
            {
                "name": model.name,
                "versions": [model.version],
                "platform": "onnx_onnxv1",
                "inputs": model.get_input_types(),
                "outputs": model.get_output_types(),
                "properties": model.properties(),
            }
        )

    async def _model_ready(self, request: Request) -> Response:
        self._require(request)
        self._model.require_ready()
        return _json({"name": self._model.name, "ready": True})

    async def _infer(self, request: Request) -> Response:
        """Answer what the lane hands on: CloudEvents, and calls of what is not served here."""
        return await self._scored(request, v2.decode, lambda answer: v2.encode(answer)[0])

    async def _predict(self, request: Request) -> Response:
        return await self._scored(request, lambda body: v1.decode(body, self._model.bundle.contract), v1.encode)

    async def _scored(
        self, request: Request, decode: Callable[[bytes], Decoded], encode: Callable[[Answer], bytes]
    ) -> Response:
        arrived = time.perf_counter()
        self._require(request)
        headers = dict(request.headers)
        with self._limits.one_more():
            body, seconds = await self._body(request)
            event, decoded = await aside(len(body), self._decoded, headers, body, decode)
            decoded = replace(decoded, id=decoded.id or checked_id(headers.get(REQUEST_ID), f"header {REQUEST_ID}"))
            if event is not None:  # numbers as JSON, whatever was asked for: raw bytes do not fit into an event
                decoded = replace(decoded, binary=False, outputs=_as_json(decoded.outputs))
            answer = await self._model.scoring.answer(decoded, headers, arrived, seconds)
            request.scope[ROWS] = answer.rows
            if event is None:
                return Response(encode(answer), media_type="application/json")
            content, told = event.answer(self._model.name, encode(answer))
            return Response(content, headers=told)

    def _decoded(
        self, headers: dict[str, str], body: bytes, decode: Callable[[bytes], Decoded]
    ) -> tuple[Event | None, Decoded]:
        event = Event(self.dataplane, headers, body) if is_event(headers) else None
        return event, decode(body if event is None else event.content)

    async def _explain_v1(self, request: Request) -> Response:
        self._require(request)
        with self._limits.one_more():
            body, seconds = await self._body(request)
            content = await self._explain_door().v1(body, request.headers, seconds)
        return Response(content, media_type="application/json")

    async def _explain_v2(self, request: Request) -> Response:
        self._require(request)
        with self._limits.one_more():
            body, seconds = await self._body(request)
            content = await self._explain_door().v2(body, request.headers, seconds)
        return Response(content, media_type="application/json")

    def _explain_door(self) -> ExplainDoor:
        if self._explanations is None:
            self._explanations = ExplainDoor(self._model.scoring, self._model.name, self._model.version)
        return self._explanations

    def _require(self, request: Request) -> None:
        self._model.require(request.path_params["name"], request.path_params.get("version"))

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, FairleadError)  # registered for these alone
        status = status_of(error)
        # Whoever probes for readiness does so for ever: the reason was printed once, when it came up.
        level = logging.DEBUG if isinstance(error, NotReady) else logging.INFO
        logger.log(level, "%s %s: %d %s", request.method, request.url.path[:200], status, for_log(error))
        self._model.watch.refused(error)
        told = {name.decode(): value.decode() for name, value in headers_of(error)}
        return _json({"error": str(error)}, status, told)

    async def _body(self, request: Request) -> tuple[bytes, float | None]:
        seconds = self._limits.seconds(request.headers.get(TIMEOUT))
        body = await self._limits.body(request.receive, request.headers.get("content-length"), seconds)
        plain(request.headers.get("content-encoding"))
        return body, seconds


class _Server(uvicorn.Server):
    """uvicorn's server; told to stop, it first says that it is not ready, and for a while does no more than that."""

    def __init__(self, config: uvicorn.Config, model: BundleModel, drain_seconds: float) -> None:
        super().__init__(config)
        self._model = model
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket] | None = None) -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order at the first signal; a second one does not wait for those who still come."""
        if self._model.stopping or not self._drain_seconds or self._loop is None:
            self._model.stopping = True
            super().handle_exit(sig, frame)
            return
        self._model.stopping = True
        # Only this call may come from a signal handler.
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, super().handle_exit, sig, frame)


def _as_json(outputs: tuple[Wanted, ...] | None) -> tuple[Wanted, ...] | None:
    return None if outputs is None else tuple(Wanted(wanted.name) for wanted in outputs)


def _no_probe(record: logging.LogRecord) -> bool:
    # uvicorn's arguments: client, method, path, HTTP version, status.
    arguments = record.args
    return not (isinstance(arguments, tuple) and len(arguments) == 5 and str(arguments[2]).startswith(PROBES))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # to nobody


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for these alone
    text = "no such route" if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
    text = f"{request.method} {request.url.path[:200]}: {text}; see /v2 and /v1/models"
    return _json({"error": text}, error.status_code, dict(error.headers or {}))


async def _broken(request: Request, error: Exception) -> Response:
    # The client learns nothing of our inside; the log has it all.
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _json({"error": "the server failed on this request; its log says why"}, HTTPStatus.INTERNAL_SERVER_ERROR)


def _json(content: object, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
