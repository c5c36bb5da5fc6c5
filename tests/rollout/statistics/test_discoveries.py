import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.statistics.discoveries import discoveries

E_VALUES = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.floats(0, 1e6), max_size=8)


@given(E_VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_it_is_benjamini_and_hochberg_on_inverse_e_values(e_values: dict[str, float], alpha: float) -> None:
    # Wang and Ramdas (2022), section 4: the BH procedure with 1/e in the place of p.
    p = sorted((1 / e if e > 0 else np.inf, name) for name, e in e_values.items())
    k = max((i for i, (value, _) in enumerate(p, 1) if value <= alpha * i / len(p)), default=0)
    assert len(discoveries(e_values, alpha)) == pytest.approx(k)
    assert all(e_values[name] * k * alpha >= len(p) * (1 - 1e-9) for name in discoveries(e_values, alpha))


@given(E_VALUES)
def test_one_strong_enough_by_itself_is_always_found(e_values: dict[str, float]) -> None:
    found = discoveries({**e_values, "strong": 20 * (len(e_values) + 1)}, 0.05)
    assert "strong" in found


@given(E_VALUES, st.floats(1, 5))
def test_more_evidence_never_clears_anyone(e_values: dict[str, float], times: float) -> None:
    more = {name: e * times for name, e in e_values.items()}
    assert set(discoveries(e_values, 0.05)) <= set(discoveries(more, 0.05))


def test_nothing_is_found_among_nothing() -> None:
    assert discoveries({}, 0.05) == ()


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_what_is_no_e_value_is_refused(value: float) -> None:
    with pytest.raises(FairleadError, match="e-values are 0 or more"):
        discoveries({"latency": value}, 0.05)
