import math

import pytest

from components.core.errors import FairleadError
from components.data.synthetic.guarantee import Guarantee, default_delta, epsilon_of, plain_epsilon_of, rho_for


def test_the_plain_bound_is_that_of_bun_and_steinke():
    # Proposition 1.3 of "Concentrated differential privacy: simplifications, extensions, and lower bounds" (2016).
    assert plain_epsilon_of(0.5, 1e-6) == pytest.approx(0.5 + 2 * math.sqrt(0.5 * math.log(1e6)))


@pytest.mark.parametrize("rho", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-5])
def test_opendps_conversion_is_tighter_and_above_the_exact_cost_of_gaussian_noise(rho, delta):
    # The exact profile of the Gaussian mechanism, Balle and Wang, ICML 2018, theorem 8; it is rho-zCDP with equality.
    def exact(epsilon: float) -> float:
        s = math.sqrt(2 * rho)

        def normal(x: float) -> float:
            return 0.5 * math.erfc(-x / math.sqrt(2))

        return normal(s / 2 - epsilon / s) - math.exp(epsilon) * normal(-s / 2 - epsilon / s)

    found = epsilon_of(rho, delta)
    assert found < plain_epsilon_of(rho, delta)
    assert exact(found) <= delta


@pytest.mark.parametrize("epsilon", [0.05, 1.0, 10.0])
def test_a_budget_is_used_up_and_not_overdrawn(epsilon):
    rho = rho_for(epsilon, 1e-6)
    assert epsilon_of(rho, 1e-6) <= epsilon
    assert epsilon_of(rho * 1.001, 1e-6) > epsilon


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0.0, 1e-6), (-1, 1e-6), (math.inf, 1e-6), (math.nan, 1e-6), (1, 0), (1, 0.5)]
)
def test_a_budget_out_of_range_is_refused(epsilon, delta):
    with pytest.raises(FairleadError, match=r"cannot be used"):
        rho_for(epsilon, delta)


def test_delta_is_far_below_one_rows_share():
    assert all(default_delta(n) <= 0.1 / n for n in (1, 100, 10**6))


def test_what_gives_no_privacy_says_so():
    assert Guarantee(kind="plain").in_words().startswith("NO PRIVACY")
    seeded = Guarantee(kind="private", epsilon=1, delta=1e-6, rho=0.02, seeded=True)
    assert seeded.in_words().startswith("NO PRIVACY")
    assert "No row" in Guarantee(kind="invented").in_words()
