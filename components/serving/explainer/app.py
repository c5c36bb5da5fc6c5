"""The explainer's routes: V1 and V2-style requests for anchors and counterfactuals, and health."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from components.core.errors import FairleadError
from components.serving import v2
from components.serving.door import check
from components.serving.exchange import Late, NotReady, Unavailable, UnknownModel, for_log, status_of
from components.serving.exchange import Request as Decoded
from components.serving.explainer import codec
from components.serving.explainer.explaining import Told
from components.serving.explainer.readiness import Readiness
from components.serving.limits import TIMEOUT, ClientGone, Limits

logger = logging.getLogger("uvicorn.error")


@dataclass(frozen=True)
class Budget:
    """What one request may cost."""

    max_rows: int = 10
    max_body: int = 1024 * 1024
    max_in_flight: int = 8
    """Requests that are worked on or wait; explanations are made one after the other."""
    seconds: float = 30.0
    """Longest that a request may wait and work."""


class App:
    """The explainer.

    Args:
        readiness: what is explained.
        budget: what one request may cost.
    """

    def __init__(self, readiness: Readiness, budget: Budget) -> None:
        self._readiness, self._budget = readiness, budget
        self._limits = Limits(budget.max_body, budget.max_in_flight, int(budget.seconds * 1000))
        # alibi seeds numpy's own generator: two at once would draw from each other's.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain")

    def application(self) -> Starlette:
        """Build the ASGI application; the bundle is opened when it starts, beside the event loop."""
        get = {
            "/": self._live,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/v1/models/{name}": self._ready,
            "/v2/models/{name}/ready": self._ready,
        }
        post = {"/v1/models/{name}:explain": self._v1, "/v2/models/{name}/explain": self._v2}
        return Starlette(
            routes=[
                *(Route(path, handler, methods=["GET"]) for path, handler in get.items()),
                *(Route(path, handler, methods=["POST"]) for path, handler in post.items()),
            ],
            exception_handlers={
                FairleadError: _refused,
                HTTPException: _no_such_route,
                ClientGone: _gone,
                Exception: _broken,
            },
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        opening = asyncio.create_task(asyncio.to_thread(self._readiness.open))
        yield
        await opening
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _live(self, _: Request) -> Response:
        return _json({"live": True})

    async def _ready(self, request: Request) -> Response:
        if "name" in request.path_params:
            self._require(request)
        await asyncio.to_thread(self._readiness.require)
        return _json({"name": self._readiness.explaining.predictor.model, "ready": True})

    async def _v1(self, request: Request) -> Response:
        self._require(request)
        with self._limits.one_more():
            body, until = await self._body(request)
            contract = self._readiness.explaining.bundle.contract
            decoded, method = codec.decode_v1(body, request.query_params.get("method"), contract)
            told = await self._explain(decoded, method, until, request)
        return _raw(codec.encode_v1(told, method, self._readiness.explaining.predictor.model))

    async def _v2(self, request: Request) -> Response:
        self._require(request)
        with self._limits.one_more():
            body, until = await self._body(request)
            length, asked = request.headers.get(v2.HEADER_LENGTH), request.query_params.get("method")
            decoded, method = codec.decode_v2(body, length, asked)
            told = await self._explain(decoded, method, until, request)
        request_id = decoded.id or str(uuid.uuid4())
        return _raw(codec.encode_v2(told, method, self._readiness.explaining.predictor.model, request_id))

    async def _explain(self, decoded: Decoded, method: str, until: float, request: Request) -> Told:
        explaining = self._readiness.explaining
        rows = check(decoded, explaining.bundle.contract, self._budget.max_rows)
        given, headers = [tensor.name for tensor in decoded.tensors], dict(request.headers)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, explaining.explain, method, rows, given, until, headers)
        try:
            # The work looks at the clock itself; this ends the wait where it cannot.
            return await asyncio.wait_for(work, max(0.0, until - time.monotonic()))
        except TimeoutError as error:
            raise Late("not explained in time; allow more of it, or ask for fewer rows in a request") from error

    async def _body(self, request: Request) -> tuple[bytes, float]:
        seconds = self._limits.seconds(request.headers.get(TIMEOUT)) or self._budget.seconds
        until = time.monotonic() + seconds
        try:
            body = await self._limits.body(request.receive, request.headers.get("content-length"), seconds)
        except TimeoutError as error:
            raise Late(f"the request did not come within {seconds:g} s; send it faster, or in parts") from error
        return body, until

    def _require(self, request: Request) -> None:
        name, served = request.path_params["name"], self._readiness.explaining.predictor.model
        if name != served:
            raise UnknownModel(f"unknown model {name[:80]!r}; explained here: {served}")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, FairleadError)  # registered for these alone
    status = status_of(error)
    level = logging.DEBUG if isinstance(error, NotReady | Unavailable) else logging.INFO
    logger.log(level, "%s %s: %d %s", request.method, request.url.path[:200], status, for_log(error))
    return _json({"error": str(error)}, status)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for these alone
    text = "no such route" if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
    return _json({"error": f"{request.method} {request.url.path[:200]}: {text}"}, error.status_code)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it


async def _broken(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _json({"error": "the explainer failed on this request; its log says why"}, HTTPStatus.INTERNAL_SERVER_ERROR)


def _json(content: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _raw(body: bytes) -> Response:
    return Response(body, media_type="application/json")
