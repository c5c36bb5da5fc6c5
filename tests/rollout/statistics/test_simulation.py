import numpy as np
import pytest

from components.core.errors import FairleadError
from components.rollout.statistics.simulation import Draw, first_look, randomise


def test_a_drift_is_followed() -> None:
    found = Draw(np.linspace(0.1, 0.5, 5)).values(np.random.default_rng(1), (20_000, 5))
    assert found.mean(axis=0) == pytest.approx(np.linspace(0.1, 0.5, 5), abs=0.015)


def test_a_spread_that_cannot_be_is_refused() -> None:
    with pytest.raises(FairleadError, match=r"spread 0.5 is too wide for a mean of 0.1"):
        Draw(0.1, 0.5).values(np.random.default_rng(1), (2, 2))


def test_the_same_seed_draws_the_same() -> None:
    one, two = (randomise(np.random.default_rng(3), 4, np.full(9, 0.5), Draw(0.3), Draw(0.3)) for _ in range(2))
    assert (one[0] == two[0]).all()
    assert (one[1] == two[1]).all()


def test_a_look_that_never_comes_is_after_the_last() -> None:
    assert first_look(np.zeros((2, 7), dtype=bool)).tolist() == [7, 7]
