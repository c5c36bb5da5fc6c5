import numpy as np

from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.judgement.recourse.drawn import take
from components.judgement.recourse.reasoned import reasoned
from components.judgement.recourse.texts import texts_of
from components.judgement.subject import Subject


def test_each_row_has_its_reasons_and_whether_they_hold(subject: Subject, case: UseCase, rows: Columns) -> None:
    found = reasoned(subject, rows, texts_of(case))
    assert len(found.told) == len(found.quiet) == len(found.elsewhere) == 40
    assert all(1 <= len(one.principal) <= 4 for one in found.told)
    assert found.elsewhere.mean() > 0.5


def test_of_no_rows_there_are_no_reasons(subject: Subject, case: UseCase, rows: Columns) -> None:
    found = reasoned(subject, take(rows, np.array([], dtype=np.intp)), texts_of(case))
    assert (len(found.told), len(found.quiet), len(found.elsewhere)) == (0, 0, 0)
