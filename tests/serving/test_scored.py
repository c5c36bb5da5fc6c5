from dataclasses import FrozenInstanceError, replace

import pytest

from tests.serving.logged import batch


def test_nobody_who_is_handed_a_batch_can_change_what_the_others_get():
    one = batch(2)
    with pytest.raises(FrozenInstanceError):
        one.at = 0.0
    assert replace(one, at=0.0).probability is one.probability


def test_what_was_not_looked_at_is_absent_not_nought():
    one = batch(2)
    assert (one.outlier_score, one.outlier, one.lookups) == (None, None, None)
