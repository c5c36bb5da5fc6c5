import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components.monitoring.drift import grid
from components.monitoring.drift.binned import count
from components.monitoring.drift.grid import CELLS, count_unsorted, grid_of

RNG = np.random.default_rng(51)
FLOATS = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(-3, 3) | st.floats(-1e300, 1e300))


@given(FLOATS, FLOATS)
def test_unsorted_values_are_counted_as_sorted_ones(values: np.ndarray, edges: np.ndarray) -> None:
    edges = np.unique(edges)
    assert count_unsorted(values, edges, grid_of(edges)).tolist() == count(np.sort(values), edges).tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.uint8])
def test_any_number_will_do(kind: type) -> None:
    values = RNG.integers(0, 200, 100_000).astype(kind)
    edges = np.arange(0.0, 200.0, 7)
    assert count_unsorted(values, edges, grid_of(edges)).tolist() == count(np.sort(values), edges).tolist()


@given(FLOATS, FLOATS)
def test_a_cell_never_falls_as_the_value_rises(sample: np.ndarray, values: np.ndarray) -> None:
    laid = grid_of(np.sort(sample))
    if laid is not None:
        cells = laid.cells(np.sort(values))
        assert (np.diff(cells) >= 0).all()
        assert cells[0] >= 0
        assert cells[-1] < CELLS


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [-np.inf, 0.0], [0.0, np.inf], [0.0, 5e-324], [-1e308, 1e308]])
def test_no_grid_where_there_is_no_width(values: list[float]) -> None:
    laid = grid_of(np.array(values))
    assert laid is None or laid.scale > 0
    assert count_unsorted(np.array(values), np.array(values[:1]), laid).sum() == len(values)


def test_hardly_any_value_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    sort = np.sort
    values, edges = RNG.normal(size=200_000), sort(RNG.normal(size=100))
    monkeypatch.setattr(grid.np, "sort", lambda some: lengths.append(len(some)) or sort(some))
    count_unsorted(values, edges, grid_of(edges))
    assert sum(lengths) < 20_000


def test_no_values_are_no_rows() -> None:
    assert count_unsorted(np.empty(0), np.array([1.0, 2.0]), grid_of(np.array([1.0, 2.0]))).tolist() == [0, 0, 0]
    assert count_unsorted(np.array([1.0]), np.empty(0), None).tolist() == [1]
