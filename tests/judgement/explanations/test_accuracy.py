from dataclasses import replace

import numpy as np
import pytest

from components.judgement.explanations.accuracy import local_accuracy
from tests.judgement.explanations.made import explained


def test_what_adds_up_is_exact() -> None:
    found = local_accuracy(explained([[0.5, -0.2], [800.0, 0.0], [-800.0, 0.0]], base=0.0))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert (found.low, found.n) == (None, 3)


def test_the_worst_row_counts() -> None:
    sums = explained([[0.5, -0.2]] * 4)
    off = replace(sums, probability=sums.probability + np.array([0.0, 0.001, -0.02, 0.0]))
    assert local_accuracy(off).value == pytest.approx(0.02)


def test_no_rows_are_no_data() -> None:
    assert local_accuracy(explained(np.empty((0, 2)))).value is None
