import numpy as np
import pytest

from pipelines.benchmarks import late
from pipelines.benchmarks.late import HEAD, SMALL_LATE, LateSizes, bench_late, harm_after


def test_late_harm_is_found_soon_whatever_came_before() -> None:
    restarted, cumulative = harm_after(10_000, 3_000, 6, seed=1)
    assert len(restarted) == len(cumulative) == 6
    assert (restarted % 10 == 0).all()
    assert (restarted <= 1_500).all()
    assert np.median(restarted) < np.median(cumulative) / 1.5


def test_harm_from_the_beginning_is_found_nearly_as_soon_as_before() -> None:
    restarted, cumulative = harm_after(0, 1_500, 20, seed=2)
    assert np.median(restarted) <= 1.1 * np.median(cumulative)
    assert (restarted >= cumulative).all()


def test_what_is_not_found_is_longer_than_all_there_was() -> None:
    restarted, cumulative = harm_after(100, 20, 3, seed=3)
    assert restarted.tolist() == cumulative.tolist() == [30, 30, 30]


def test_each_length_has_a_promise_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    figures, rows = bench_late(said.append, LateSizes((0, 500), after=1_500, runs=4), seed=4)
    assert len(said) == len(figures) == len(rows) - 1 == 2
    assert rows[0] == HEAD
    assert {len(row) for row in rows} == {len(HEAD)}
    assert not any(figure.missed for figure in figures)
    monkeypatch.setattr(late, "WITHIN", 20)
    assert all(figure.missed for figure in bench_late(said.append, LateSizes((500,), 1_500, 4), seed=4)[0])


def test_the_small_sizes_are_small() -> None:
    assert (sum(SMALL_LATE.before) + len(SMALL_LATE.before) * SMALL_LATE.after) * SMALL_LATE.runs < 200_000
