"""Workers of this process: interpreters that stay, so that a step need not import again what the last one did.

A worker takes one step at a time; as many are started as steps run side by side, and those that are idle are taken
again. The other side is ``pipelines.runners.worker``, which also says what one step can leave to the next.
"""

import atexit
import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from pipelines.runners.worker_process import Order, Worker, end

MOST_STEPS = 200
"""Steps after which a worker is replaced, whatever its memory."""
MOST_MEMORY = 2 * 2**30
"""Bytes: a worker that holds more after a step is replaced."""
MOST_IDLE = 600.0
"""Seconds: a worker that had nothing to do for so long ends, for a watcher that trains once a month."""


class Workers:
    """The workers of one process.

    Args:
        most_steps: a worker is replaced after so many.
        most_memory: bytes; a worker that holds more is replaced.
        most_idle: seconds; a worker that had nothing to do for so long ends.
    """

    def __init__(
        self, most_steps: int = MOST_STEPS, most_memory: int = MOST_MEMORY, most_idle: float = MOST_IDLE
    ) -> None:
        self._most_steps, self._most_memory, self._most_idle = most_steps, most_memory, most_idle
        self._process = os.getpid()
        # Entered again by the same thread when an interrupt comes while it holds the lock.
        self._lock = threading.RLock()
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._starter = _Starter(self._end_idle, most_idle / 10)

    def run(self, order: Order, timeout: float) -> int:
        """Run a step to its end and return its exit status; what it printed is in its log.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds; its process was killed.
            FairleadError: its process died.
        """
        deadline = time.monotonic() + timeout
        worker = self._take(order)
        try:
            answer = worker.run(order, deadline)
        except BaseException:
            self._give_back(worker, keep=False)
            worker.kill()
            raise
        # What a failed step has left half done in its modules, nobody knows.
        well = answer["status"] == 0 and answer["memory"] <= self._most_memory
        keep = well and worker.steps < self._most_steps
        self._give_back(worker, keep)
        if not keep:
            end([worker])
        return int(answer["status"])

    def processes(self) -> list[int]:
        """Return the process ids of all workers that live."""
        with self._lock:
            return [w.process.pid for w in (*self._idle, *self._busy) if w.alive]

    def cpu_seconds(self) -> float:
        """Return the processor time of the workers that live, and of what they started, as of their last steps."""
        with self._lock:
            return sum(w.cpu_seconds for w in (*self._idle, *self._busy) if w.alive)

    def kill(self) -> None:
        """End all workers at once; steps that run fail."""
        if os.getpid() != self._process:  # a fork's copy of us
            return
        with self._lock:
            for worker in (*self._idle, *self._busy):
                worker.process.kill()

    def close(self) -> None:
        """Let idle workers end in good order and end the others at once."""
        if os.getpid() != self._process:
            return
        with self._lock:
            idle, busy = self._idle[:], self._busy[:]
            self._idle.clear()
            self._busy.clear()
        for worker in busy:
            worker.kill()
        end(idle)

    @contextlib.contextmanager
    def ended_by_interrupt(self) -> Iterator[None]:
        """End the workers on an interrupt, before anything waits for the steps that run in other threads.

        Whoever has another use for interrupts keeps it.
        """
        earlier = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or earlier is not signal.default_int_handler:
            yield
            return

        def interrupted(number: int, frame: Any) -> None:
            self.kill()
            signal.default_int_handler(number, frame)

        signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, earlier)

    def _end_idle(self) -> None:
        """End the workers that had nothing to do for long."""
        with self._lock:
            over = [w for w in self._idle if time.monotonic() - w.since > self._most_idle]
            self._idle = [w for w in self._idle if w not in over]
        end(over)

    def _give_back(self, worker: Worker, keep: bool) -> None:
        with self._lock:
            if worker in self._busy:  # else everything was closed meanwhile
                self._busy.remove(worker)
                if keep:
                    self._idle.append(worker)

    def _take(self, order: Order) -> Worker:
        wanted = order.setting
        with self._lock:
            same = [w for w in self._idle if w.setting.python == wanted.python]
            fit = [w for w in same if w.setting == wanted and w.knows(order.home) and w.alive]
            # The one that has run most has most imported.
            worker = max(fit, key=lambda w: w.steps, default=None)
            outdated = [w for w in same if w not in fit]
            for gone in [*outdated, *filter(None, [worker])]:
                self._idle.remove(gone)
            if worker is not None:
                self._busy.append(worker)
        end(outdated)
        if worker is None:
            worker = self._starter.start(lambda: Worker(wanted, order))
            with self._lock:
                self._busy.append(worker)
        return worker


class _Starter:
    """Starts workers, all from one thread that lives as long as this process.

    Linux ends a worker when the *thread* that started it ends, and those in which kfp runs steps end early.

    Args:
        between: called now and then, while nothing is to be started.
        seconds: how long to wait for something to start, before that.
    """

    def __init__(self, between: Callable[[], None], seconds: float) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Worker], Future[Worker]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(between, seconds), name="worker starter", daemon=True).start()

    def start(self, make: Callable[[], Worker]) -> Worker:
        """Start one and return it; raises what that raises."""
        future: Future[Worker] = Future()
        self._jobs.put((make, future))
        return future.result()

    def _work(self, between: Callable[[], None], seconds: float) -> None:
        while True:
            try:
                make, future = self._jobs.get(timeout=seconds)
            except queue.Empty:
                between()
                continue
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)


_shared: Workers | None = None
_shared_lock = threading.Lock()


def shared() -> Workers:
    """Return the workers of this process; they end with it."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared._process != os.getpid():
            _shared = Workers()
            atexit.register(_shared.close)
        return _shared
