"""The door for explanations in process: the contract is held as for scores, and the time is short."""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from components.serving import explain_codec
from components.serving.batcher import late
from components.serving.door import check
from components.serving.explain_codec import Asked
from components.serving.explanations import Explained, Explainer
from components.training.bundle import Bundle

MAX_ROWS = 100
"""Most rows of one request for explanations; each costs as much as a hundred scores."""

SECONDS = 5.0
"""Longest that one request may wait and work, where its own deadline is not shorter."""


class ExplainDoor:
    """Answers requests for explanations of one bundle, one after the other, beside the event loop.

    One thread of its own: explanations never hold up scores by more than the one core that they take.

    Args:
        bundle: an opened bundle.
        model: name under which it is served.
        version: its version.
        max_rows: more are refused.
    """

    def __init__(self, bundle: Bundle, model: str, version: str, max_rows: int = MAX_ROWS) -> None:
        self._bundle, self._model, self._version, self._max_rows = bundle, model, version, max_rows
        self._explainer = Explainer(bundle)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain")

    async def v1(self, body: bytes, seconds: float | None) -> bytes:
        """Answer a V1 request.

        Args:
            body: the request's.
            seconds: how long it may take; None for the door's own limit.

        Raises:
            ContractViolation: it does not fit the contract, or has too many rows.
            NotOffered: no explanation is known for this model's kind.
            Late: it took longer.
        """
        asked = explain_codec.decode_v1(body, self._bundle.contract)
        explained = await self._explain(asked, seconds)
        return explain_codec.encode_v1(explained, asked.top, self._bundle.transform, self._model, self._version)

    async def v2(self, body: bytes, header_length: str | None, seconds: float | None) -> bytes:
        """Answer a request in V2 style; arguments and errors as with ``v1``."""
        asked = explain_codec.decode_v2(body, header_length, self._bundle.contract)
        explained = await self._explain(asked, seconds)
        request_id = asked.request.id or str(uuid.uuid4())
        return explain_codec.encode_v2(explained, asked.top, self._model, self._version, request_id)

    async def _explain(self, asked: Asked, seconds: float | None) -> Explained:
        allowed = SECONDS if seconds is None else min(seconds, SECONDS)
        until = time.monotonic() + allowed
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._now, asked, until)
        try:
            return await asyncio.wait_for(work, allowed)
        except TimeoutError as error:
            raise late(allowed) from error

    def _now(self, asked: Asked, until: float) -> Explained:
        rows = check(asked.request, self._bundle.contract, self._max_rows)
        return self._explainer.explain(rows, until)
