from dataclasses import replace

import numpy as np
import pytest

from components.core.errors import FairleadError
from components.judgement.recourse.drawn import declined, draw, spreads
from components.judgement.subject import Subject


def test_equal_seeds_draw_equal_rows_and_declined_ones_only(subject: Subject) -> None:
    first = declined(subject.test, 20, seed=7)
    assert first.tolist() == declined(subject.test, 20, seed=7).tolist()
    assert first.tolist() != declined(subject.test, 20, seed=8).tolist()
    assert (len(set(first)), first.tolist()) == (20, sorted(first))
    assert (subject.test.decision[first] == 1).all()


def test_a_score_that_is_no_number_is_told(subject: Subject) -> None:
    broken = replace(subject.test, probability=np.where(np.arange(len(subject.test)) < 3, np.nan, 0.5))
    with pytest.raises(FairleadError, match=rf"3 of {len(subject.test)} rows have a score that is no number"):
        declined(broken, 20, seed=7)


def test_of_nothing_nothing_is_drawn() -> None:
    assert draw(np.array([], dtype=np.intp), 5, seed=1).tolist() == []


def test_columns_that_hardly_vary_reach_from_end_to_end() -> None:
    rows = {
        "steady": np.array([0.0] * 99 + [8.0]),
        "constant": np.zeros(100),
        "empty": np.full(100, np.nan),
        "wide": np.arange(100.0),
    }
    assert spreads(rows, tuple(rows)) == {"steady": 8.0, "constant": 1.0, "empty": 1.0, "wide": pytest.approx(89.1)}
