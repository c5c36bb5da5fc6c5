"""Scoring, as all doors share it: rows of one request or of several, through one transform, and told to who records."""

import asyncio
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.serving import quick
from components.serving.batcher import Batcher, Call, late
from components.serving.batcher import Scored as Pairs
from components.serving.door import check
from components.serving.engines import Engines
from components.serving.exchange import Answer, Request
from components.serving.score import answer, request_id, wanted_outputs
from components.serving.scored import ScoredBatch
from components.training.bundle import Bundle

OFF_THE_LOOP = 256
"""From so many rows on a request is scored in a thread, so that it does not hold up the others."""

Recorder = Callable[[ScoredBatch], None]
"""Takes what was scored; must neither wait nor raise."""


class Scoring:
    """One bundle at work.

    Args:
        bundle: an opened bundle.
        name: under which it is served.
        version: for answers.
        max_rows: most rows of one request.
        engines: how its model is run.
        recorders: who is told of scored rows: log, metrics.
    """

    def __init__(
        self,
        bundle: Bundle,
        name: str,
        version: str,
        max_rows: int,
        engines: Engines,
        recorders: Sequence[Recorder] = (),
    ) -> None:
        self.bundle = bundle
        self.engines = engines
        self.read = quick.reader(bundle.contract)
        """Accepts a request of one row in the usual form."""
        self.batcher = Batcher(self._together)
        self._layout = quick.Layout(bundle.contract.inputs)
        self._name, self._version, self._max_rows = name, version, max_rows
        self._recorders = recorders

    async def answer(self, request: Request, arrived: float, seconds: float | None = None) -> Answer:
        """Check a request at the door, score its rows and give the outputs that were asked for.

        Args:
            request: decoded.
            arrived: when it came in, by ``time.perf_counter``.
            seconds: how long it may take from then on.

        Raises:
            ContractViolation: the request does not fit the contract.
            Late: it took longer.
        """
        if seconds is None:
            return await self._answer(request, arrived)
        try:
            async with asyncio.timeout(arrived + seconds - time.perf_counter()):
                return await self._answer(request, arrived)
        except TimeoutError as error:
            raise late(seconds) from error

    async def _answer(self, request: Request, arrived: float) -> Answer:
        rows = request.tensors[0].shape[0] if request.tensors and request.tensors[0].shape else 0
        if rows < OFF_THE_LOOP:
            return self._alone(request, arrived)
        return await asyncio.to_thread(self._alone, request, arrived)

    def _alone(self, request: Request, arrived: float) -> Answer:
        wanted = wanted_outputs(request, self.bundle.contract)
        columns = check(request, self.bundle.contract, self._max_rows)
        probability, decision = self._score(columns)
        n, name = len(probability), request_id(request)
        latency = [(time.perf_counter() - arrived) * 1000] * n
        self._record(ScoredBatch(time.time(), [name] * n, range(n), columns, probability, decision, latency))
        return answer(self._name, self._version, name, wanted, self.bundle.contract, probability, decision)

    def _together(self, calls: Sequence[Call]) -> Pairs:
        columns = self._layout.columns([call.row for call in calls])
        probability, decision = self._score(columns)
        now = time.perf_counter()
        latency = [(now - call.arrived) * 1000 for call in calls]
        ids = [call.id for call in calls]
        self._record(ScoredBatch(time.time(), ids, [0] * len(ids), columns, probability, decision, latency))
        return list(zip(probability.tolist(), decision.tolist(), strict=True))

    def _score(self, columns: Columns) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        matrix = self.bundle.transform.apply(columns)
        probability = self.bundle.calibration.apply(self.engines.score(matrix))
        return probability, self.bundle.decide(probability)

    def _record(self, batch: ScoredBatch) -> None:
        for recorder in self._recorders:
            recorder(batch)
