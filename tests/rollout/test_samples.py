import numpy as np
import pytest

from components.core.errors import FairleadError
from components.rollout.samples import Evidence, Paired, TwoArm

YES = np.array([True, False])


@pytest.mark.parametrize(
    ("share", "value", "message"),
    [
        ([0.5], [0.0, 1.0], "columns of one length"),
        ([[0.5, 0.5]], [0.0, 1.0], "columns of one length"),
        ([0.5, 1.5], [0.0, 1.0], "share holds 1.5"),
        ([0.5, np.nan], [0.0, 1.0], "share holds 1 values that are no finite number"),
        ([0.5, 0.5], [0.0, np.inf], "value holds 1 values that are no finite number"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(share: list[float], value: list[float], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        TwoArm(YES, np.array(share), np.array(value))


def test_a_covariate_is_held_to_the_same_rows() -> None:
    with pytest.raises(FairleadError, match="columns of one length"):
        TwoArm(YES, np.full(2, 0.5), np.zeros(2), np.zeros(3))


def test_a_difference_that_is_no_number_is_refused() -> None:
    with pytest.raises(FairleadError, match="difference holds 1"):
        Paired(np.array([0.1, np.nan]))


def test_no_evidence_is_neither_harm_nor_safety() -> None:
    nothing = Evidence(metric="error_rate", n_candidate=0, n_stable=0, reason="no traffic")
    assert not nothing.has_data
    assert (nothing.e_harm, nothing.e_safe) == (1.0, 1.0)
    assert Evidence.model_validate_json(nothing.model_dump_json()) == nothing
