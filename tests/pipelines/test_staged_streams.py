from dataclasses import replace

import numpy as np
import pytest

from components.monitoring.detectors.catalogue import DETECTORS
from pipelines.benchmarks.staged_streams import AFTER, CHANGES, Change, at_the_edge, delays, detectors_for, false_alarms

DOUBLED = next(c for c in CHANGES if (c.mean, c.times, c.over, c.binary) == (0.1, 2.0, 0, True))
LOSS = next(c for c in CHANGES if not c.binary and not c.over)


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c.kind} {c.size}")
def test_streams_have_the_means_that_are_said(change: Change) -> None:
    values = change.draw(np.random.default_rng(1), 40_000, 40_000)
    assert values.min() >= 0
    assert values.max() <= 1
    assert values[:40_000].mean() == pytest.approx(change.mean, rel=0.06)
    assert values[40_000 + change.over :].mean() == pytest.approx(change.mean * change.times, rel=0.06)
    if change.over:
        middle = values[40_000 : 40_000 + change.over].mean()
        assert middle == pytest.approx(change.mean * (1 + change.times) / 2, rel=0.2)


def test_those_that_want_errors_see_no_losses() -> None:
    assert set(detectors_for(DOUBLED)) == set(DETECTORS)
    assert set(DETECTORS) - set(detectors_for(LOSS)) == {"ddm", "eddm"}


def test_delays_are_counted_from_the_change() -> None:
    found = delays(replace(DOUBLED, times=8.0), streams=3, seed=2)
    assert found["sequential"].found == found["adwin"].found == 1.0
    for name in ("sequential", "adwin", "hddm_a"):
        assert 1 <= found[name].values < 150
    nothing = delays(replace(DOUBLED, times=1.0), streams=2, seed=3)["sequential"]
    assert (nothing.found, nothing.values) == (0.0, None)
    assert AFTER > 150


def test_calls_for_nothing_are_counted() -> None:
    calm = false_alarms(DOUBLED, streams=3, length=3_000, seed=4)
    assert (calm["sequential"].streams, calm["sequential"].per_10_000) == (0.0, 0.0)
    assert calm["eddm"].streams == 1.0
    assert calm["eddm"].per_10_000 > 3


def test_the_edge_is_where_the_promise_just_holds() -> None:
    assert at_the_edge(DOUBLED, streams=30, length=3_000, seed=5) <= 0.1
