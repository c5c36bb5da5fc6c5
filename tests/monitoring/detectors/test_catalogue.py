"""Checks that every detector has to pass; a new one in the catalogue is found by itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.monitoring.detectors.catalogue import DETECTORS, entry, make
from components.monitoring.detectors.detector import Baseline, Detector, Direction

BASELINE = Baseline(0.1, 0.02)

cannot_tell_a_fall = {name for name, entry in DETECTORS.items() if not entry.both}

every = pytest.mark.parametrize("name", list(DETECTORS))


def fresh(name: str, direction: Direction = "up") -> Detector:
    return make(name, BASELINE, direction)


def draw(seed: int, *parts: tuple[float, int]) -> list[float]:
    """Values of 0 and 1, which every detector takes: (share of 1, how many), one part after the other."""
    rng = np.random.default_rng(seed)
    return np.concatenate([(rng.random(n) < share).astype(float) for share, n in parts]).tolist()


@every
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_a_constant_stream_is_quiet(name: str, value: float) -> None:
    if value == 0.1 and entry(name).wants == "zero_or_one":
        value = 0.0
    detector = make(name, Baseline(value), "both")
    assert detector.run([value] * 3000) == []
    assert detector.state == "quiet"


@every
def test_a_big_jump_is_found_after_it_and_not_before(name: str) -> None:
    # Evenly spread: some find drift in what chance alone does to the beginning of a stream, and are measured for it
    # by the benchmark.
    values = ([0.0] * 9 + [1.0]) * 100 + ([1.0] * 9 + [0.0]) * 50
    assert 1000 <= fresh(name).run(values)[0] < 1250


@every
def test_a_big_fall_is_drift_only_where_it_counts(name: str) -> None:
    values = draw(2, (0.7, 1000), (0.02, 1500))
    baseline = Baseline(0.7, 0.02)
    assert make(name, baseline, "up").run(values) == []
    if name not in cannot_tell_a_fall:
        assert make(name, baseline, "both").run(values)[0] >= 1000


@every
def test_the_same_values_lead_to_the_same(name: str) -> None:
    values = draw(3, (0.1, 400), (0.4, 400))
    first, second = fresh(name), fresh(name)
    assert [first.update(v) for v in values] == [second.update(v) for v in values]


@every
@given(st.integers(0, 200), st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_a_restart_is_survived_by_replay(name: str, before: int, after: int, seed: int) -> None:
    """One that is shown at once what another saw one by one, and in parts, goes on as that one does."""
    values = draw(seed, (0.1, before), (0.8, after))
    steady, restarted = fresh(name), fresh(name)
    for value in values[:before]:
        steady.update(value)
    restarted.run(values[:before])
    assert (steady.state, steady.n) == (restarted.state, restarted.n)
    assert steady.run(values[before:]) == restarted.run(values[before:])
    assert (steady.state, steady.n) == (restarted.state, restarted.n)


@every
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_changes_nothing(name: str, value: float) -> None:
    values = draw(4, (0.1, 300), (0.6, 300))
    disturbed, calm = fresh(name), fresh(name)
    for number, other in enumerate(values):
        if number == 150:
            with pytest.raises(FairleadError, match="is no finite number"):
                disturbed.update(value)
            assert disturbed.n == 150
        assert disturbed.update(other) == calm.update(other)


@every
def test_what_it_cannot_make_sense_of_is_refused(name: str) -> None:
    wrong = {"zero_or_one": 0.5, "unit": 1.5}
    wants = entry(name).wants
    if wants in wrong:
        with pytest.raises(FairleadError, match=r"value .*; allowed: 0"):
            fresh(name).update(wrong[wants])
    else:
        assert fresh(name).update(17.5) == "quiet"


def test_an_unknown_one_is_named_with_those_there_are() -> None:
    with pytest.raises(FairleadError, match="unknown detector 'cusum'; allowed: sequential, adwin, page_hinkley"):
        make("cusum")


def test_one_that_needs_a_baseline_says_so() -> None:
    with pytest.raises(FairleadError, match="'sequential' needs a baseline"):
        make("sequential")
