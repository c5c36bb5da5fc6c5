import numpy as np
import pytest

from components.monitoring.causes.bins import Bins
from components.monitoring.causes.companions import broken, companions, exchanged

TENTHS = (*(f"x in {i}" for i in range(10)), "x missing")


def tied(n, rho, shift=0.0, seed=1):
    """Tenths of two normal columns with a correlation; the first is moved, and the second with it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(0, 1, n)
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28])
    return np.searchsorted(edges, x), np.searchsorted(edges, y)


def pair(now_x, now_y, rho=0.8):
    before_x, before_y = tied(3000, rho)
    return (
        Bins("x", TENTHS, before_x, np.asarray(now_x), ordered=True),
        Bins("y", TENTHS, before_y, np.asarray(now_y), ordered=True),
    )


def test_where_the_mix_changes_the_others_follow():
    x, y = pair(*tied(1000, 0.8, shift=0.5, seed=2))
    found = companions(x, [x, y])
    assert (found.follow, found.witnesses) == ("follow", ("y",))
    assert found.share == pytest.approx(1, abs=0.2)


def test_where_a_column_is_written_wrongly_the_others_stay():
    x, y = tied(1000, 0.8, seed=2)
    found = companions(*(b if i == 0 else [b] for i, b in enumerate(pair(np.minimum(x + 3, 9), y))))
    assert found.follow == "stay"
    assert found.share == pytest.approx(0, abs=0.1)


def test_without_a_tie_nothing_is_said():
    x, y = pair(*tied(1000, 0.0, shift=0.5, seed=2), rho=0.0)
    assert companions(x, [y]).follow == "unclear"
    assert companions(x, []).follow == "unclear"


def test_only_the_rows_asked_for_count():
    x, y = tied(1000, 0.8, seed=2)
    late = np.arange(500, 1000)
    moved = np.where(np.arange(1000) >= 500, np.minimum(x + 4, 9), x)
    subject, other = pair(moved, y)
    assert companions(subject, [other], late).follow == "stay"


def test_a_tie_that_is_torn_is_named():
    x, y = tied(1000, 0.9, seed=2)
    whole, partner = pair(x, y, rho=0.9)
    assert broken(whole, [whole, partner]) is None
    torn, partner = pair(np.random.default_rng(3).permutation(x), y, rho=0.9)
    assert broken(torn, [partner]).startswith("y (rank correlation 0.8")
    turned, partner = pair(9 - x, y, rho=0.9)
    assert broken(turned, [partner]) is not None


@pytest.mark.parametrize("swapped", [True, False])
def test_an_exchange_of_values_is_shown_by_what_goes_with_them(swapped):
    rng = np.random.default_rng(4)

    def sides(n, share):
        value = (rng.random(n) < share).astype(int)
        return value, np.clip(value * 3 + rng.integers(0, 5, n), 0, 9)

    before, with_before = sides(3000, 0.2)
    now, with_now = sides(1000, 0.2 if swapped else 0.8)
    subject = Bins("c", ("c=a", "c=b", "c missing"), before, 1 - now if swapped else now, ordered=False)
    other = Bins("y", TENTHS, with_before, with_now, ordered=True)
    assert exchanged(subject, {0: 1, 1: 0}, [other]) is swapped
