import math

import pytest

from components.core.errors import FairleadError
from components.monitoring.detectors.detector import Baseline, Detector, State


class Above(Detector):
    """Is in drift for as long as values are above 5."""

    def __init__(self) -> None:
        super().__init__("number")

    def _see(self, value: float) -> State:
        return "drift" if value > 5 else "quiet"


def test_a_lasting_drift_is_counted_where_it_began() -> None:
    detector = Above()
    assert detector.run([1, 6, 7, 1, 6]) == [1, 4]
    assert detector.run([7, 1]) == []
    assert detector.n == 7


@pytest.mark.parametrize(("mean", "tolerated"), [(math.nan, 0.0), (0.1, -0.01), (0.1, math.inf)])
def test_a_baseline_is_made_of_numbers(mean: float, tolerated: float) -> None:
    with pytest.raises(FairleadError, match="allowed: finite numbers, tolerated at least 0"):
        Baseline(mean, tolerated)
