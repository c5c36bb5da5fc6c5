"""The fast lane: an ASGI application ahead of KServe's; it answers the V2 infer route and hands on the rest."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson

from components.core.errors import FairleadError
from components.serving import v2
from components.serving.exchange import (
    EXPLAINS,
    KEPT_AS,
    REQUEST_ID,
    NotReady,
    Overloaded,
    Slow,
    Withheld,
    checked_id,
    for_log,
    plain,
    status_of,
)
from components.serving.limits import BIG, TIMEOUT, ClientGone, Limits, Receive, aside
from components.serving.model import BundleModel
from components.serving.watch import INFER, OTHER, route_of

logger = logging.getLogger("kserve.fairlead")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]
Reply = tuple[int, Headers, bytes, int]
"""Status, headers, body, and how many rows were scored."""

ROWS = "fairlead.rows"
"""Where in the scope a handler says how many rows it scored."""

TRACEPARENT = b"traceparent"

_JSON: Headers = ((b"content-type", b"application/json"),)
_RETRY: Headers = ((b"retry-after", b"1"),)
_CLOSE: Headers = ((b"connection", b"close"),)
"""Ends the connection with the answer: a client that keeps it would send its next request to nobody."""
_HEADER_LENGTH = v2.HEADER_LENGTH.encode()
_TIMEOUT = TIMEOUT.encode()
_REQUEST_ID, _ID_HEADER = REQUEST_ID.encode(), f"header {REQUEST_ID}"
_EXPLAINS, _KEPT_AS = EXPLAINS.encode(), KEPT_AS.encode()


class Lane:
    """Everything that reaches the server passes here first; everything that leaves it is counted here.

    Args:
        app: what answers all that is no V2 infer call of the model that is served.
        model: the model.
        limits: what one request, and all of them, may take.
    """

    def __init__(self, app: App, model: BundleModel, limits: Limits) -> None:
        self._app = app
        self.model = model
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if scope["path"] in self.model.infer_paths and scope["method"] == "POST" and not is_cloud_event(headers):
            await self._fast(headers, receive, send)
        else:
            await self._others(scope, headers, receive, send)

    async def _fast(self, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        arrived = time.perf_counter()
        watch = self.model.watch
        trace = watch.begin(INFER, headers.get(TRACEPARENT), headers.get(b"tracestate"))
        try:
            status, extra, body, rows = await self._respond(headers, receive, arrived)
        except ClientGone:
            return
        told = [*extra, *self.model.stamps, (b"content-length", b"%d" % len(body))]
        if self.model.stopping:
            told += _CLOSE
        if trace.traceparent:
            told.append((TRACEPARENT, trace.traceparent.encode()))
        trace.end(status, rows)
        if _EXPLAINS in headers:
            watch.answered(OTHER, status, time.perf_counter() - arrived)
        else:
            watch.answered(INFER, status, time.perf_counter() - arrived, rows)
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, headers: dict[bytes, bytes], receive: Receive, arrived: float) -> Reply:
        try:
            self.limits.enter()
        except Overloaded as error:
            return self.refusal(error)
        try:
            seconds = self.limits.seconds(headers.get(_TIMEOUT))
            body = await self.limits.body(receive, headers.get(b"content-length"), seconds)
            plain(headers.get(b"content-encoding"))
            return await self._infer(headers, body, arrived, seconds)
        except FairleadError as error:
            return self.refusal(error)
        except ClientGone:
            raise
        except Exception as error:
            return self.refusal(error)
        finally:
            self.limits.in_flight -= 1

    async def _infer(self, headers: dict[bytes, bytes], body: bytes, arrived: float, seconds: float | None) -> Reply:
        scoring = self.model.scoring
        if _EXPLAINS in headers:
            scoring = scoring.unrecorded()
        length = headers.get(_HEADER_LENGTH)
        if len(body) >= BIG:
            request = await aside(len(body), v2.decode, body, None if length is None else length.decode("latin-1"))
        elif length is None:
            content = v2.parse(body)
            row = scoring.read(content)
            if row is not None:
                name = content.get("id") or given_id(headers)
                pair = await scoring.one(row, content, name, arrived, seconds)
                return 200, _JSON, self.model.encode_one(name, pair), 1
            request = v2.request_of(content)
        else:
            request = v2.decode(body, length.decode("latin-1"))
        if not request.id:
            request = replace(request, id=given_id(headers))
        answer = await scoring.answer(request, texts(headers) if scoring.hooks else {}, arrived, seconds)
        payload, json_length = v2.encode(answer)
        if json_length is None:
            return 200, _JSON, payload, answer.rows
        kind = (b"content-type", b"application/octet-stream")
        return 200, (kind, (_HEADER_LENGTH, b"%d" % json_length)), payload, answer.rows

    def refusal(self, error: Exception) -> Reply:
        """Turn an error into what the client is told; of our own faults it learns no more than that there is one."""
        if not isinstance(error, FairleadError):
            logger.error("POST %s failed", INFER, exc_info=error)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this request; its log says why")
        status = status_of(error)
        # Whoever waits for the model does so for ever: the reason was printed once, when it came up.
        level = logging.DEBUG if isinstance(error, NotReady) else logging.INFO
        logger.log(level, "POST %s: %d %s", INFER, status, for_log(error))
        self.model.watch.refused(error)
        return _error(status, str(error), headers_of(error))

    async def _others(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        arrived = time.perf_counter()
        route, status = route_of(scope["path"]), 0
        trace = self.model.watch.begin(route, headers.get(TRACEPARENT), headers.get(b"tracestate"))

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = [*message.get("headers", ()), *self.model.stamps]
                if self.model.stopping:
                    told += _CLOSE
                if trace.traceparent:
                    told.append((TRACEPARENT, trace.traceparent.encode()))
                message = {**message, "headers": told}
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            rows = scope.get(ROWS, 0)
            trace.end(status, rows)
            if status:
                self.model.watch.answered(route, status, time.perf_counter() - arrived, rows)


def headers_of(error: Exception) -> Headers:
    """Say what a refusal's headers tell besides: when to come again, where its rows are kept, or that the connection
    ends in the middle."""
    if isinstance(error, Overloaded):
        return _RETRY
    if isinstance(error, Withheld):
        return ((_KEPT_AS, error.group.encode()),)
    return _CLOSE if isinstance(error, Slow) else ()


def is_cloud_event(headers: dict[bytes, bytes]) -> bool:
    """Say whether a request is a CloudEvent, in binary or in structured form."""
    return b"ce-specversion" in headers or (
        (kind := headers.get(b"content-type", b"")) != b"application/json"
        and kind.lower().startswith(b"application/cloudevents")
    )


def given_id(headers: dict[bytes, bytes]) -> str:
    """Name a request whose body does not: by its ``x-request-id`` header, else by a new name.

    Raises:
        ContractViolation: the header is too long.
    """
    given = headers.get(_REQUEST_ID)
    return checked_id(given.decode("latin-1"), _ID_HEADER) if given else str(uuid.uuid4())


def texts(headers: dict[bytes, bytes]) -> dict[str, str]:
    """Return headers as text."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


def _error(status: int, text: str, more: Headers = ()) -> Reply:
    return int(status), (*_JSON, *more), orjson.dumps({"error": text}), 0
