import asyncio
import threading

import pytest

from components.serving.gather import Gather


class Slow:
    """Doubles numbers when it is let; keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.gate = threading.Event()

    def __call__(self, kind, items):
        self.calls.append((kind, list(items)))
        if not self.gate.wait(10):
            raise TimeoutError
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


@pytest.fixture
def slow():
    slow = Slow()
    yield slow
    slow.gate.set()


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_what_waits_is_called_together_by_kind_and_everyone_gets_its_own(slow):
    async def run() -> list[int]:
        gather = Gather(slow, at_once=1, most=3)
        first = asyncio.create_task(gather.submit("a", 1))
        await until(lambda: slow.calls)
        others = [asyncio.create_task(gather.submit(kind, i)) for i, kind in enumerate("abaaab", start=2)]
        await asyncio.sleep(0)
        slow.gate.set()
        found = await asyncio.gather(first, *others)
        gather.close()
        return found

    assert asyncio.run(run()) == [2, 4, 6, 8, 10, 12, 14]
    assert slow.calls == [("a", [1]), ("a", [2, 4, 5]), ("b", [3, 7]), ("a", [6])]


def test_an_error_reaches_all_that_were_in_the_call_and_no_other(slow):
    slow.gate.set()

    async def run() -> list[object]:
        gather = Gather(slow, at_once=1, most=10)
        found = await asyncio.gather(*(gather.submit("a", i) for i in (1, 13, 2)), return_exceptions=True)
        found.append(await gather.submit("a", 3))
        gather.close()
        return found

    first, *both, last = asyncio.run(run())
    assert (first, last) == (2, 6)
    assert [str(error) for error in both] == ["thirteen", "thirteen"]


def test_whoever_gave_up_is_not_called_for(slow):
    async def run() -> None:
        gather = Gather(slow, at_once=1, most=10)
        first = asyncio.create_task(gather.submit("a", 1))
        await until(lambda: slow.calls)
        gone, stays = (asyncio.create_task(gather.submit("a", i)) for i in (2, 3))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        slow.gate.set()
        assert (await first, await stays) == (2, 6)
        gather.close()

    asyncio.run(run())
    assert slow.calls == [("a", [1]), ("a", [3])]


def test_one_call_that_hangs_does_not_hold_up_the_others():
    hangs = threading.Event()

    def run_one(_kind, items):
        if 1 in items:
            hangs.wait(10)
        return list(items)

    async def run() -> list[int]:
        gather = Gather(run_one, at_once=2, most=10)
        first = asyncio.create_task(gather.submit("a", 1))
        await asyncio.sleep(0)
        found = [await gather.submit("a", i) for i in (2, 3)]
        assert not first.done()
        hangs.set()
        found.append(await first)
        gather.close()
        return found

    assert asyncio.run(run()) == [2, 3, 1]
