"""The door for explanations in process: the contract is held as for scores, and the time is short."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from components.serving import explain_codec, v2
from components.serving.batcher import late
from components.serving.explain_codec import Asked
from components.serving.explanations import Explained, Explainer
from components.serving.limits import aside
from components.serving.scoring import Scoring

MAX_ROWS = 100
"""Most rows of one request for explanations; each costs as much as a hundred scores."""

SECONDS = 5.0
"""Longest that one request may wait and work, where its own deadline is not shorter."""


class ExplainDoor:
    """Answers requests for explanations of one bundle, one after the other, beside the event loop.

    One thread of its own: explanations never hold up scores by more than the one core that they take.

    Args:
        scoring: the bundle at work; its rows are explained, with all that is done to them before they are scored.
        model: name under which it is served.
        version: its version.
        max_rows: more are refused.
    """

    def __init__(self, scoring: Scoring, model: str, version: str, max_rows: int = MAX_ROWS) -> None:
        self._scoring, self._model, self._version, self._max_rows = scoring, model, version, max_rows
        self._explainer = Explainer(scoring.bundle)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain")

    async def v1(self, body: bytes, headers: Mapping[str, str], seconds: float | None) -> bytes:
        """Answer a V1 request.

        Args:
            body: the request's.
            headers: the request's, by lower-case name.
            seconds: how long it may take; None for the door's own limit.

        Raises:
            ContractViolation: it does not fit the contract, or has too many rows.
            NotOffered: no explanation is known for this model's kind.
            Unavailable: a history has to be looked up and cannot be.
            Late: it took longer.
        """
        bundle = self._scoring.bundle
        asked = await aside(len(body), explain_codec.decode_v1, body, bundle.contract)
        explained = await self._explain(asked, headers, seconds)
        return explain_codec.encode_v1(explained, asked.top, bundle.transform, self._model, self._version)

    async def v2(self, body: bytes, headers: Mapping[str, str], seconds: float | None) -> bytes:
        """Answer a request in V2 style; arguments and errors as with ``v1``."""
        length, contract = headers.get(v2.HEADER_LENGTH), self._scoring.bundle.contract
        asked = await aside(len(body), explain_codec.decode_v2, body, length, contract)
        explained = await self._explain(asked, headers, seconds)
        request_id = asked.request.id or str(uuid.uuid4())
        return explain_codec.encode_v2(explained, asked.top, self._model, self._version, request_id)

    async def _explain(self, asked: Asked, headers: Mapping[str, str], seconds: float | None) -> Explained:
        allowed = SECONDS if seconds is None else min(seconds, SECONDS)
        until = time.monotonic() + allowed
        limit = asyncio.timeout(allowed)
        try:
            async with limit:
                rows = await self._scoring.rows(asked.request, headers, self._max_rows)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, self._explainer.explain, rows, until)
        except TimeoutError as error:
            if limit.expired():
                raise late(allowed) from error
            raise
