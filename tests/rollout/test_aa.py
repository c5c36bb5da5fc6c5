import numpy as np
import pytest

from components.core.errors import FairleadError
from components.rollout.aa import ASSIGNMENT, compare_alike, placebo
from components.rollout.samples import Measured, Paired, TwoArm

ERRORS = Measured("error_rate", "proportion", tolerated=0.05, margin=0.1)
SHIFT = Measured("score_shift", "paired")
RNG = np.random.default_rng(9)
N = 8_000
HALF = np.full(N, 0.5)


def split(share: float = 0.5, worse: float = 0.0) -> TwoArm:
    who = RNG.random(N) < share
    return TwoArm(who, HALF, (RNG.random(N) < 0.03 + worse * who).astype(float))


def test_the_same_on_both_sides_differs_in_nothing() -> None:
    found = compare_alike([ERRORS, SHIFT], {"error_rate": split(), "score_shift": Paired(np.zeros(50))}, 0.05)
    assert found.differing == ()
    assert set(found.e_values) == {"error_rate", "score_shift", ASSIGNMENT}


@pytest.mark.parametrize("worse", [-0.025, 0.03])
def test_a_side_that_is_better_or_worse_shows_however_much_a_plan_tolerates(worse: float) -> None:
    assert compare_alike([ERRORS], {"error_rate": split(worse=worse)}, 0.05).differing == ("error_rate",)


def test_a_split_that_is_not_the_planned_one_shows() -> None:
    assert compare_alike([ERRORS], {"error_rate": split(share=0.4)}, 0.05).differing == (ASSIGNMENT,)


def test_a_metric_without_data_is_no_difference_and_no_likeness() -> None:
    found = compare_alike([ERRORS, SHIFT], {"error_rate": split()}, 0.05)
    assert "score_shift" not in found.e_values
    assert found.evidence["score_shift"].reason


def test_the_promise_holds_on_bursty_traffic() -> None:
    # Errors come in bursts of fifty, as they do when a store is down.
    value = np.repeat((RNG.random(60) < 0.15).astype(float), 50)
    share = np.repeat([0.05, 0.5], 1_500)
    found = placebo(ERRORS, value, share, alpha=0.1, rounds=300)
    assert found.rounds == 300
    assert (found.false_harm + found.false_better) / found.rounds <= found.promised


def test_a_placebo_takes_a_covariate_and_repeats_itself() -> None:
    value = RNG.random(500)
    one, two = (
        placebo(Measured("brier", "mean"), value, np.full(500, 0.5), 0.1, covariate=value, rounds=20) for _ in range(2)
    )
    assert one == two


@pytest.mark.parametrize("n", [0, 3])
def test_a_placebo_of_nothing_is_refused(n: int) -> None:
    with pytest.raises(FairleadError, match=f"found {n} values and 4 shares"):
        placebo(ERRORS, np.zeros(n), np.full(4, 0.5), 0.05)
