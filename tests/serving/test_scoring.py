import asyncio
import json
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest

from components.serving import v2
from components.serving.engines import Engines
from components.serving.exchange import Late
from components.serving.hooks import Hooks
from components.serving.scoring import OFF_THE_LOOP, Scoring
from components.training.booster import FILE, open_booster
from components.training.scorer import TOLERANCE
from components.training.v2_request import v2_body


class Guarding:
    """Calls every second row odd."""

    def score(self, matrix):
        scores = np.arange(len(matrix), dtype=np.float64)
        return scores, scores % 2 == 1


class Silent:
    def preprocess(self, request, _):
        return request


def _request(opened, rows, n):
    few = {name: values[:n] for name, values in rows.items()}
    return v2.decode(json.dumps(v2_body(few, opened.contract.inputs, "mine")).encode())


def _answer(scoring, request):
    return asyncio.run(scoring.answer(request, {}, time.perf_counter()))


@pytest.mark.parametrize("n", [1, OFF_THE_LOOP - 1, OFF_THE_LOOP, 1000])
def test_either_engine_on_either_thread_gives_the_probability_of_training(opened, candidate, rows, n):
    threads = set()

    def noted(score):
        return lambda matrix: threads.add(threading.current_thread() is threading.main_thread()) or score(matrix)

    engines = Engines(noted(opened.scorer.score), noted(open_booster(opened.path / FILE)), 500)
    answer = _answer(Scoring(opened, "m", "1", 1000, engines=engines), _request(opened, rows, n))
    expected = candidate.probability({name: values[:n] for name, values in rows.items()})
    assert np.abs(answer.outputs[0].values - expected).max() <= TOLERANCE
    assert answer.outputs[1].values.tolist() == opened.decide(expected).tolist()
    assert threads == {n < OFF_THE_LOOP}


def test_what_was_scored_is_told_row_by_row(opened, rows):
    told = []
    scoring = Scoring(opened, "m", "1", 10, guard=Guarding(), recorder=told.append)
    answer = _answer(scoring, _request(opened, rows, 3))
    (batch,) = told
    assert (list(batch.request_ids), list(batch.row_numbers)) == (["mine"] * 3, [0, 1, 2])
    assert batch.probability.tolist() == answer.outputs[0].values.tolist()
    assert (batch.outlier_score.tolist(), batch.outlier.tolist()) == ([0, 1, 2], [False, True, False])
    assert set(batch.columns) == {f.name for f in opened.contract.inputs}
    assert len(set(batch.latency_ms)) == 1
    assert batch.latency_ms[0] > 0


def test_with_hooks_no_request_is_taken_by_the_short_way(opened, good):
    assert Scoring(opened, "m", "1", 10).read(good) is not None
    assert Scoring(opened, "m", "1", 10, hooks=Hooks(Silent())).read(good) is None


def test_rows_are_given_without_being_scored(opened, rows):
    told = []
    scoring = Scoring(opened, "m", "1", 10, recorder=told.append)
    found = asyncio.run(scoring.rows(_request(opened, rows, 2), {}, 5))
    assert found["Zip"].tolist() == rows["Zip"][:2].tolist()
    assert told == []


class Failing:
    async def postprocess(self, answer, headers):
        if "wait" in headers:
            await asyncio.Event().wait()
        if "fail" in headers:
            raise ZeroDivisionError
        return answer


@pytest.mark.parametrize(
    ("headers", "seconds", "error"),
    [({}, None, None), ({"fail": ""}, None, ZeroDivisionError), ({"wait": ""}, 0.2, Late)],
)
def test_what_a_hook_keeps_from_the_client_is_not_recorded(opened, rows, headers, seconds, error):
    told = []
    scoring = Scoring(opened, "m", "1", 10, hooks=Hooks(Failing()), recorder=told.append)
    with nullcontext() if error is None else pytest.raises(error):
        asyncio.run(scoring.answer(_request(opened, rows, 2), headers, time.perf_counter(), seconds))
    assert [list(batch.row_numbers) for batch in told] == ([] if error else [[0, 1]])
