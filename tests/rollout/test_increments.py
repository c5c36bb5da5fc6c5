import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.increments import Increments
from components.rollout.prometheus import Series


class Told:
    """A source with these points by pod."""

    def __init__(self, **pods):
        self.pods = pods
        self.asked = []
        self.down = False

    def range(self, _query, start, end, step):
        if self.down:
            raise FairleadError("down")
        self.asked.append((start, end))
        times = range(start, end + 1, step)
        found = {pod: {t: float(p[t]) for t in times if t in p} for pod, p in self.pods.items()}
        return [Series({"pod": pod}, points) for pod, points in found.items() if points]


def read(source, end, key=lambda _: "n"):
    return [s.get("n", 0) for s in Increments(source, "n", key, 0, 10).read(end)]


def test_only_what_is_added_after_the_start_counts():
    assert read(Told(a={0: 100, 10: 103, 20: 103, 30: 110}), 30) == [3, 0, 7]


def test_a_server_that_starts_anew_or_later_counts_from_nothing():
    assert read(Told(a={0: 100, 10: 4, 20: 6}, b={20: 9}), 20) == [4, 11]


def test_a_gap_is_made_up_for_when_it_ends():
    assert read(Told(a={0: 1, 10: 2, 30: 9}), 30) == [1, 0, 7]


def test_a_series_without_a_key_is_left_out():
    source = Told(a={0: 0, 10: 5}, b={0: 0, 10: 7})
    assert read(source, 10, key=lambda labels: "n" if labels["pod"] == "a" else None) == [5]


def test_each_interval_is_read_once():
    source = Told(a={t: t for t in range(0, 100, 10)})
    counter = Increments(source, "n", lambda _: "n", 0, 10)
    assert counter.read(9) == []
    assert counter.read(29) == [{"n": 10}, {"n": 10}]
    assert counter.read(29) == []
    assert counter.read(50) == [{"n": 10}] * 3
    assert source.asked == [(0, 0), (10, 20), (30, 50)]


def test_what_failed_is_read_again():
    source = Told(a={t: t for t in range(0, 100, 10)})
    counter = Increments(source, "n", lambda _: "n", 0, 10)
    counter.read(10)
    source.down = True
    with pytest.raises(FairleadError):
        counter.read(30)
    source.down = False
    assert counter.read(30) == [{"n": 10}, {"n": 10}]


@given(st.lists(st.integers(0, 50), min_size=2, max_size=30), st.lists(st.integers(0, 300), max_size=8))
def test_however_it_is_read_on_the_same_is_found(values, looks):
    total, points = 0, {}
    for i, value in enumerate(values):
        total += value
        points[10 * i] = total
    counter = Increments(Told(a=points), "n", lambda _: "n", 0, 10)
    end = 10 * (len(values) - 1)
    found = [s for at in [*sorted(min(t, end) for t in looks), end] for s in counter.read(at)]
    assert [s.get("n", 0) for s in found] == values[1:]
