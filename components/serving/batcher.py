"""Natural batching: requests that were read in one turn of the event loop are scored by one call."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from components.serving.exchange import Late
from components.serving.quick import Row

CAP = 256
"""Most rows of one call; the rest of a turn is scored in further calls."""

TURNS = 8
"""Most further turns of the loop that are given to a batch that is smaller than the last one was. The clients who were
just answered send their next requests while the answers to the others are being written; a few microseconds for them
save a whole call. A row that comes alone after another that came alone is given none."""

FOREVER = float("inf")


Pair = tuple[float, int] | tuple[float, int, str]
"""Probability and decision of one row; and ``exchange.Answer.remedies`` where values of it were replaced."""


class Promise(Protocol):
    """Who waits for a score: a future, or the connection that it goes out on."""

    def done(self) -> bool:
        """Say whether nobody waits any more."""
        ...

    def set_result(self, result: Pair, /) -> None:
        """Hand over the score."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """Hand over why there is none."""
        ...


@dataclass(slots=True)
class Call:
    """One row on its way.

    Args:
        row: what to score.
        id: of its request.
        arrived: when its request came in, by ``time.perf_counter``.
        expires: by the same clock, when nobody waits for it any more; infinite without a deadline.
        note: what became of its online lookup; None when there was none.
        score: where it goes.
    """

    row: Row
    id: str
    arrived: float
    expires: float
    note: str | None
    score: Promise = field(repr=False)


Scored = Sequence[Pair | None]
Score = Callable[[Sequence[Call]], Scored]
"""Scores rows together: (probability, decision) of each, in their order; None of one whose promise is kept later."""


class Batcher:
    """Collects rows until the loop has run what was ready, then scores them together.

    There is no timer, and nobody waits for a batch to fill: turns of the loop are given, not time.

    Args:
        score: called in the event loop; keep it short.
    """

    def __init__(self, score: Score) -> None:
        self._score = score
        self._waiting: list[Call] = []
        self._last = 0
        self._turns = 0

    async def submit(
        self, row: Row, request_id: str, arrived: float, seconds: float | None, note: str | None = None
    ) -> Pair:
        """Score one row.

        Args:
            row: what to score.
            request_id: of its request.
            arrived: when its request came in, by ``time.perf_counter``.
            seconds: how long it may take from then on; None for no limit.
            note: what became of its online lookup.

        Returns:
            Probability and decision.

        Raises:
            Late: its turn came later than that.
        """
        future: asyncio.Future[Pair] = asyncio.get_running_loop().create_future()
        self.put(Call(row, request_id, arrived, FOREVER if seconds is None else arrived + seconds, note, future))
        return await future

    def put(self, call: Call) -> None:
        """Score a row; its promise is kept in one of the next turns of the loop."""
        if not self._waiting:
            self._turns = TURNS
            asyncio.get_running_loop().call_soon(self._turn)
        self._waiting.append(call)

    def _turn(self) -> None:
        if len(self._waiting) < self._last and self._turns > 0:
            self._turns -= 1
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._last = len(self._waiting)
        self._flush()

    def _flush(self) -> None:
        calls, self._waiting = self._waiting, []
        now = time.perf_counter()
        live = []
        for call in calls:
            if call.score.done():
                continue  # cancelled: its client has gone
            if call.expires < now:
                call.score.set_exception(late(call.expires - call.arrived))
            else:
                live.append(call)
        for start in range(0, len(live), CAP):
            self._run(live[start : start + CAP])

    def _run(self, calls: Sequence[Call]) -> None:
        try:
            results = list(zip(calls, self._score(calls), strict=True))
        except Exception as error:
            if len(calls) == 1:
                calls[0].score.set_exception(error)
                return
            # One row that cannot be scored must not take its neighbours with it.
            for call in calls:
                self._run([call])
            return
        for call, result in results:
            if result is not None:
                call.score.set_result(result)


def late(seconds: float) -> Late:
    """Make the error for a request whose time is over."""
    return Late(f"not answered within {seconds * 1000:.0f} ms, its deadline; send fewer rows, or allow more time")
