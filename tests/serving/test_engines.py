import logging
import shutil

import numpy as np
import pytest

from components.serving import engines
from components.serving.engines import Engines, crossing_point, open_engines
from components.training.booster import open_booster
from components.training.bundle import Bundle
from components.training.export import export
from components.training.scorer import TOLERANCE


@pytest.fixture(scope="module")
def matrix(opened, rows):
    return opened.transform.apply(rows)


def test_both_engines_answer_alike_with_values_missing_too(opened, matrix):
    large = open_booster(opened.path / "model.ubj")
    assert np.isnan(matrix).any()
    holes = np.where(np.random.default_rng(0).random(matrix.shape) < 0.3, np.float32(np.nan), matrix)
    for some in (matrix, holes, np.full_like(matrix, np.nan)):
        found, expected = (opened.calibration.apply(score(some)) for score in (large, opened.scorer.score))
        assert np.abs(found - expected).max() <= TOLERANCE


def test_few_rows_go_to_one_engine_and_many_to_the_other():
    both = Engines(lambda m: np.zeros(len(m)), lambda m: np.ones(len(m)), 4)
    assert [both.score(np.zeros((n, 1), np.float32)).tolist()[0] for n in (1, 3, 4, 9)] == [0, 0, 1, 1]
    assert both.describe() == {"engine": "onnxruntime", "engine_large": "xgboost", "engine_large_from_rows": "4"}
    assert Engines(both.small).describe() == {"engine": "onnxruntime"}


class Clock:
    """A clock that only engines move, so that a busy machine changes nothing."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def taking(self, base, each):
        """Make an engine that takes so many microseconds, and so many for each row."""

        def engine(matrix):
            self.now += (base + each * len(matrix)) * 1e-6
            return np.zeros(len(matrix))

        return engine


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(engines, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [((0, 2.0), (300, 0.1), 256), ((0, 1.0), (0, 5.0), None), ((500, 2.0), (0, 0.1), 16)],
)
def test_the_crossing_is_where_the_second_engine_becomes_the_faster(clock, small, large, expected):
    assert crossing_point(clock.taking(*small), clock.taking(*large), np.zeros((7, 2), np.float32)) == expected
    assert clock.now < 10 * engines.BUDGET


def test_timing_is_given_up_when_it_takes_too_long(clock, monkeypatch):
    monkeypatch.setattr(engines, "BUDGET", -1.0)
    assert crossing_point(clock.taking(0, 2.0), clock.taking(0, 0.1), np.zeros((7, 2), np.float32)) is None


def test_a_bundle_has_both_engines_where_the_second_is_the_faster_one(opened, monkeypatch):
    monkeypatch.setattr(engines, "crossing_point", lambda *_: 64)
    found = open_engines(opened)
    assert (found.crossing, found.large is not None) == (64, True)
    monkeypatch.setattr(engines, "crossing_point", lambda *_: None)
    assert open_engines(opened).large is None


def test_an_engine_that_disagrees_is_left_out(opened, baseline, matrix, tmp_path, monkeypatch, caplog):
    other = shutil.copytree(opened.path, tmp_path / "other")
    booster = open_booster(other / "model.ubj")
    monkeypatch.setattr(engines, "open_booster", lambda _: lambda m: booster(m) + 1e-4)
    with caplog.at_level(logging.WARNING):
        assert open_engines(Bundle.open(other)).describe() == {"engine": "onnxruntime"}
    assert "model.ubj differs from model.onnx by" in caplog.text
    # A model of the other algorithm has no second form at all.
    export(baseline, matrix, tmp_path)
    assert not (tmp_path / "model.ubj").exists()
