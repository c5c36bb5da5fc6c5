"""Taking a part out really takes it out: each is held against the server with the part in."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kserve.protocol.rest.server import RESTServer

from components.serving.batcher import Batcher
from components.serving.lane import Lane
from components.serving.rest import Rest
from components.serving.scored import ScoredBatch
from components.serving.scoring import Scoring
from components.serving.shortcut import Shortcut
from components.training.bundle import Bundle
from pipelines.benchmarks.serving.programs.fairlead_parts import (
    PARTS,
    without_batching,
    without_lane,
    without_shortcut,
)

ROWS = 5


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test takes out is put back after it."""
    monkeypatch.setattr(Batcher, "__init__", Batcher.__init__)
    monkeypatch.setattr(Rest, "create_application", Rest.create_application)


class Promised:
    """Waits for a score as a connection does."""

    def __init__(self) -> None:
        self.pair: tuple[float, int] | None = None

    def done(self) -> bool:
        return False

    def set_result(self, pair: tuple[float, int]) -> None:
        self.pair = pair

    def set_exception(self, exception: Exception) -> None:
        raise exception


def batches(opened: Bundle, way: str) -> list[int]:
    """Bring rows to the scoring at once, in one of the two ways in which requests come; returns the batches' sizes."""
    recorded: list[ScoredBatch] = []
    scoring = Scoring(opened, "sba_loans", "1", 100, recorder=recorded.append)
    request = opened.examples()[1]["request"]
    row = scoring.read(request)
    assert row is not None

    async def ask() -> list[tuple[float, int] | None]:
        if way == "lane":
            return list(
                await asyncio.gather(
                    *(scoring.one(row, request, str(i), time.perf_counter(), None) for i in range(ROWS))
                )
            )
        waiting = [Promised() for _ in range(ROWS)]
        for i, promise in enumerate(waiting):
            scoring.put(row, str(i), time.perf_counter(), None, promise)
        async with asyncio.timeout(10):
            while any(promise.pair is None for promise in waiting):
                await asyncio.sleep(0)
        return [promise.pair for promise in waiting]

    expected = opened.examples()[1]["probability"]
    assert [pair[0] for pair in asyncio.run(ask()) if pair] == pytest.approx([expected] * ROWS, abs=1e-6)
    return [len(batch.request_ids) for batch in recorded]


@pytest.mark.parametrize("way", ["lane", "shortcut"])
def test_rows_that_come_together_are_scored_together_unless_batching_is_out(signed_bundle: Path, way: str) -> None:
    opened = Bundle.open(signed_bundle)
    assert batches(opened, way) == [ROWS]
    without_batching()
    assert batches(opened, way) == [1] * ROWS


def application(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Let the server make its application; returns it and the protocol that calls it."""
    monkeypatch.setattr(RESTServer, "create_application", lambda _: None)
    rest = Rest.__new__(Rest)
    rest.config = SimpleNamespace(app="KServe's", http="uvicorn's")
    rest._model, rest._limits = cast(Any, None), cast(Any, None)
    rest.create_application()
    return rest.config.app, rest.config.http


def test_with_all_parts_the_lane_stands_ahead_and_the_shortcut_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app, http = application(monkeypatch)
    assert isinstance(app, Lane)
    assert http is Shortcut


def test_without_the_shortcut_uvicorns_protocol_calls_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    without_shortcut()
    app, http = application(monkeypatch)
    assert isinstance(app, Lane)
    assert http == "uvicorn's"


def test_without_the_lane_there_is_kserves_application_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESTServer, "create_application", lambda _: None)
    without_lane()
    assert application(monkeypatch) == ("KServe's", "uvicorn's")


def test_every_part_has_a_name() -> None:
    assert set(PARTS) == {"lane", "shortcut", "batching"}
