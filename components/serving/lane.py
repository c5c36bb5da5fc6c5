"""The fast lane: an ASGI application ahead of KServe's; it answers the V2 infer route and hands on the rest."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson

from components.core.errors import FairleadError
from components.serving import v2
from components.serving.batcher import expiry
from components.serving.exchange import NotReady, Overloaded, status_of
from components.serving.limits import TIMEOUT, ClientGone, Limits, Receive
from components.serving.model import BundleModel
from components.serving.scoring import Scoring

logger = logging.getLogger("kserve.fairlead")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
RAW: tuple[bytes, bytes] = (b"content-type", b"application/octet-stream")
RETRY: tuple[bytes, bytes] = (b"retry-after", b"1")

_HEADER_LENGTH = v2.HEADER_LENGTH.encode()
_TIMEOUT = TIMEOUT.encode()


class Lane:
    """Everything that reaches the server passes here first.

    Args:
        app: what answers all that is no V2 infer call of the model that is served.
        model: the model.
        limits: what one request, and all of them, may take.
    """

    def __init__(self, app: App, model: BundleModel, limits: Limits) -> None:
        self._app = app
        self._model = model
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (or hand on what is none)."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._model.infer_paths:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if is_cloud_event(headers):
            await self._app(scope, receive, send)
            return
        arrived = time.perf_counter()
        try:
            self._limits.enter()
        except Overloaded as error:
            await _send(send, *refusal(error))
            return
        try:
            status, extra, body = await self._respond(headers, receive, arrived)
        except ClientGone:
            return
        finally:
            self._limits.in_flight -= 1
        self._model.answered("infer", status, time.perf_counter() - arrived)
        await _send(send, status, extra, body)

    async def _respond(
        self, headers: dict[bytes, bytes], receive: Receive, arrived: float
    ) -> tuple[int, Headers, bytes]:
        try:
            seconds = self._limits.seconds(headers.get(_TIMEOUT))
            body = await self._limits.body(receive, headers.get(b"content-length"), seconds)
            return await self._infer(self._model.scoring, headers, body, arrived, seconds)
        except FairleadError as error:
            return refusal(error)
        except TimeoutError:
            return _error(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
        except ClientGone:
            raise
        except Exception as error:
            return failure("POST infer", error)

    async def _infer(
        self, scoring: Scoring, headers: dict[bytes, bytes], body: bytes, arrived: float, seconds: float | None
    ) -> tuple[int, Headers, bytes]:
        length = headers.get(_HEADER_LENGTH)
        if length is None:
            content = v2.parse(body)
            row = scoring.read(content)
            if row is not None:
                name = content.get("id") or given_id(headers)
                pair = await scoring.batcher.submit(row, name, arrived, expiry(arrived, seconds))
                return HTTPStatus.OK, self._model.stamps, self._model.encode_one(name, pair)
            request = v2.request_of(content)
        else:
            request = v2.decode(body, length.decode("latin-1"))
        if not request.id:
            request = replace(request, id=given_id(headers))
        answer = await scoring.answer(request, arrived, seconds)
        payload, json_length = v2.encode(answer)
        if json_length is None:
            return HTTPStatus.OK, self._model.stamps, payload
        extra = [RAW, (_HEADER_LENGTH, b"%d" % json_length), *self._model.stamps[1:]]
        return HTTPStatus.OK, extra, payload


def is_cloud_event(headers: dict[bytes, bytes]) -> bool:
    """Say whether a request is a CloudEvent, in binary or in structured form."""
    return b"ce-specversion" in headers or headers.get(b"content-type", b"").startswith(b"application/cloudevents")


def given_id(headers: dict[bytes, bytes]) -> str:
    """Name a request whose body does not: by its ``x-request-id`` header, else by a new name."""
    given = headers.get(b"x-request-id")
    return given.decode("latin-1")[:200] if given else str(uuid.uuid4())


def refusal(error: FairleadError) -> tuple[int, Headers, bytes]:
    """Answer what is the client's to mend, or for it to try again."""
    # Whoever probes for readiness does so for ever: the reason was printed once, when it came up.
    level = logging.DEBUG if isinstance(error, NotReady) else logging.INFO
    status = status_of(error)
    logger.log(level, "POST infer: %d %s", status, error)
    _, headers, body = _error(status, str(error))
    return status, [*headers, RETRY] if isinstance(error, Overloaded) else headers, body


def failure(what: str, error: Exception) -> tuple[int, Headers, bytes]:
    """Answer what is nobody's fault but ours; the client learns nothing of our inside, the log has it all."""
    logger.error("%s failed", what, exc_info=error)
    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this request; its log says why")


def _error(status: int, text: str) -> tuple[int, Headers, bytes]:
    return status, [JSON], orjson.dumps({"error": text})


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": int(status),
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})
