import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Columns
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.judgement.recourse.waiting import Course, Moving, course_of, first_for_good, move_on, periods_needed
from components.judgement.subject import Subject

RECORD = Course((Moving(("sep", "aug", "jul"), "0"), Moving(("bill",), "GREATEST(bill - 10, 0)")), "{periods}")


def test_a_record_moves_on_by_one_place_and_other_columns_stay() -> None:
    rows: Columns = {
        "sep": np.array([1.0, 4.0]),
        "aug": np.array([2.0, 5.0]),
        "jul": np.array([3.0, np.nan]),
        "bill": np.array([25.0, 5.0]),
        "bank": np.array(["A", None], dtype=object),
    }
    once = move_on(rows, RECORD)
    assert [once[n].tolist() for n in ("sep", "aug", "jul", "bill")] == [[0, 0], [1, 4], [2, 5], [15, 0]]
    assert once["bank"] is rows["bank"]
    thrice = move_on(move_on(once, RECORD), RECORD)
    assert [thrice[n].tolist() for n in ("sep", "aug", "jul", "bill")] == [[0, 0], [0, 0], [0, 0], [0, 0]]
    assert rows["sep"].tolist() == [1, 4]


def test_what_cannot_be_computed_is_told() -> None:
    broken = Course((Moving(("sep",), "sep + june"),), "")
    with pytest.raises(
        FairleadError, match=r"explanations.course: 'sep \+ june' cannot be computed: .*allowed: SQL over sep"
    ):
        move_on({"sep": np.array([1.0])}, broken)


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6))
def test_from_the_period_that_is_told_on_all_are_good(good: list[list[bool]]) -> None:
    found = first_for_good([np.array(period) for period in good])
    for row, period in enumerate(found):
        after = [one[row] for one in good]
        if period == 0:
            assert not after[-1]
        else:
            assert all(after[period - 1 :])
            assert period == 1 or not after[period - 2]


def test_periods_are_counted_on_the_model(subject: Subject, case: UseCase, rows: Columns) -> None:
    course = course_of(case)
    assert course is not None
    assert course.periods == 2
    found = periods_needed(subject.bundle, rows, course)
    after_one = subject.bundle.decide(subject.bundle.probability(move_on(rows, course)))
    assert (after_one[found == 1] == 0).all()
    assert (after_one[found == 2] == 1).all()


def test_a_course_is_over_numbers_among_the_inputs(case: UseCase, sba: UseCase) -> None:
    explanations = case.explanations.model_copy(update={"course": Course((Moving(("Bank",), "0"),), "")})
    with pytest.raises(FairleadError, match=r"explanations\.course 'Bank'; allowed: Zip, NAICS, NoEmp"):
        course_of(case.model_copy(update={"explanations": explanations}))
    bare = sba.model_copy(update={"explanations": type(sba.explanations)()})
    assert course_of(bare) is None
