"""Gathering: calls that wait while others are under way are made together, on a thread; a lone call goes at once."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[T, R]):
    kind: Hashable
    item: T
    result: "asyncio.Future[R]"


class Gather(Generic[T, R]):
    """Makes calls of one function, of which many together cost little more than one; for one event loop.

    Args:
        run: (kind, items) → a result for each item, in order; called on a thread.
        at_once: how many calls of it may be under way. Where one hangs for ever, the others go on.
        most: items of one call.
    """

    def __init__(self, run: Callable[[Hashable, Sequence[T]], Sequence[R]], at_once: int, most: int) -> None:
        self._run, self._at_once, self._most = run, at_once, most
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="gather")
        self._waiting: list[_Waiting[T, R]] = []
        self._under_way = 0

    async def submit(self, kind: Hashable, item: T) -> R:
        """Return the item's result; it is called together with items of the same kind only.

        Raises:
            Exception: whatever the call raised that it was in.
        """
        waiting = _Waiting[T, R](kind, item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._start()
        return await waiting.result

    def close(self) -> None:
        """Let the threads go; calls under way are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        while self._under_way < self._at_once:
            # Nobody waits any more for a result that is done: it was cancelled.
            waiting = [w for w in self._waiting if not w.result.done()]
            if not waiting:
                self._waiting = []
                return
            taken = [w for w in waiting if w.kind == waiting[0].kind][: self._most]
            self._waiting = [w for w in waiting if w not in taken]
            self._under_way += 1
            call = self._pool.submit(self._run, taken[0].kind, [w.item for w in taken])
            asyncio.wrap_future(call).add_done_callback(partial(self._finish, taken))

    def _finish(self, taken: Sequence[_Waiting[T, R]], done: "asyncio.Future[Sequence[R]]") -> None:
        self._under_way -= 1
        error = None if done.cancelled() else done.exception()
        for i, waiting in enumerate(taken):
            if waiting.result.done():
                continue
            if done.cancelled():
                waiting.result.cancel()
            elif error is not None:
                waiting.result.set_exception(error)
            else:
                waiting.result.set_result(done.result()[i])
        self._start()
