import asyncio
import time

from components.serving import batcher
from components.serving.batcher import Batcher
from components.serving.exchange import Late


class Doubling:
    """Scores a row by doubling it, and keeps the sizes of its calls."""

    def __init__(self):
        self.sizes = []

    def __call__(self, calls):
        self.sizes.append(len(calls))
        if any(call.row["x"] == "broken" for call in calls):
            raise ZeroDivisionError
        return [(2.0 * call.row["x"], call.row["x"]) for call in calls]


def _submit(batch, x, seconds=None):
    return batch.submit({"x": x}, str(x), time.perf_counter(), seconds)


def _run(score, *values):
    async def together():
        batch = Batcher(score)
        return await asyncio.gather(*(_submit(batch, x) for x in values), return_exceptions=True)

    return asyncio.run(together())


def test_what_comes_in_one_turn_is_scored_by_one_call_and_each_gets_its_own():
    score = Doubling()
    assert _run(score, 1, 2, 3) == [(2.0, 1), (4.0, 2), (6.0, 3)]
    assert score.sizes == [3]


def test_a_row_that_comes_alone_is_scored_alone():
    score = Doubling()

    async def one_after_the_other():
        batch = Batcher(score)
        return [await _submit(batch, x) for x in range(3)]

    assert asyncio.run(one_after_the_other()) == [(0.0, 0), (2.0, 1), (4.0, 2)]
    assert score.sizes == [1, 1, 1]


def test_a_call_is_no_larger_than_its_cap(monkeypatch):
    monkeypatch.setattr(batcher, "CAP", 2)
    score = Doubling()
    assert len(_run(score, 1, 2, 3, 4, 5)) == 5
    assert score.sizes == [2, 2, 1]


def test_a_row_that_cannot_be_scored_fails_alone():
    first, second, third = _run(Doubling(), 1, "broken", 3)
    assert (first, third) == ((2.0, 1), (6.0, 3))
    assert isinstance(second, ZeroDivisionError)


def test_a_score_that_gives_too_few_results_is_an_error_to_each():
    found = _run(lambda calls: [] if len(calls) != 2 else [(0.0, 0)], 1, 2)
    assert [type(error) for error in found] == [ValueError, ValueError]


def test_a_client_that_goes_away_harms_nobody():
    score = Doubling()

    async def some_go():
        batch = Batcher(score)
        tasks = [asyncio.ensure_future(_submit(batch, x)) for x in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(some_go())
    assert (first, third) == ((0.0, 0), (4.0, 2))
    assert isinstance(second, asyncio.CancelledError)
    assert score.sizes == [2]


def test_a_row_whose_time_is_over_is_told_so_and_not_scored():
    score = Doubling()

    async def held_up():
        batch = Batcher(score)
        tasks = [asyncio.ensure_future(_submit(batch, 1, 0.005)), asyncio.ensure_future(_submit(batch, 2, 60))]
        await asyncio.sleep(0)
        time.sleep(0.01)
        return await asyncio.gather(*tasks, return_exceptions=True)

    late, intime = asyncio.run(held_up())
    assert intime == (4.0, 2)
    assert isinstance(late, Late)
    assert "not answered within 5 ms" in str(late)
    assert score.sizes == [1]


def test_a_smaller_batch_than_the_last_is_given_turns_for_those_who_were_just_answered():
    score = Doubling()

    async def two_by_two():
        batch = Batcher(score)

        async def client(delay):
            for x in range(3):
                for _ in range(delay):
                    await asyncio.sleep(0)
                await _submit(batch, x)

        await asyncio.gather(client(0), client(0), client(2))

    asyncio.run(two_by_two())
    assert sum(score.sizes) == 9
    assert max(score.sizes) == 3, score.sizes
    # Without these turns the third client would be scored alone each time.
    assert len(score.sizes) < 6, score.sizes


def test_a_promise_that_is_kept_later_is_left_alone():
    async def ask():
        batcher = Batcher(lambda calls: [None if call.row["x"] else (0.5, 1) for call in calls])
        later = asyncio.ensure_future(batcher.submit({"x": 1}, "later", 0.0, None))
        assert await batcher.submit({"x": 0}, "now", 0.0, None) == (0.5, 1)
        assert not later.done()
        later.cancel()

    asyncio.run(ask())
