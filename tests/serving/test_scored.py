from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from components.serving.scored import Scores
from tests.serving.logged import batch


def test_nobody_who_is_handed_a_batch_can_change_what_the_others_get():
    one = batch(2)
    with pytest.raises(FrozenInstanceError):
        one.at = 0.0
    assert replace(one, at=0.0).probability is one.probability


def test_what_was_not_looked_at_is_absent_not_nought():
    one = batch(2)
    assert (one.outlier_score, one.outlier, one.lookups) == (None, None, None)


@pytest.mark.parametrize("guarded", [True, False])
def test_rows_that_were_scored_anew_take_the_places_of_the_old(guarded):
    def scores(*values):
        array = np.array(values)
        return Scores(array, (array > 0.5).astype(np.int64), *((array * 10, array > 0.8) if guarded else (None, None)))

    old = scores(0.1, 0.2, 0.3)
    new = old.with_rows([2, 0], scores(0.9, 0.6))
    assert (old.probability.tolist(), new.probability.tolist()) == ([0.1, 0.2, 0.3], [0.6, 0.2, 0.9])
    assert (new.decision.tolist(), new.rows) == ([1, 0, 1], 3)
    assert (new.odd.tolist() if guarded else new.odd) == ([False, False, True] if guarded else None)
    assert (new.oddness.tolist() if guarded else new.oddness) == ([6, 2, 9] if guarded else None)
