from pathlib import Path

import pytest

from components.core.use_case import load
from tests.data.validated import report


def test_columns_are_told_in_short(validated: Path) -> None:
    columns = {c.column: c for c in report(validated, "whole").columns}
    assert list(columns) == list(load("sba_loans").data.columns)
    assert columns["NewExist"].top == (("1", 82_236), ("2", 16_846), ("0", 66))
    assert (columns["ApprovalDate"].minimum, columns["ApprovalDate"].maximum) == ("1997-01-02", "2012-12-31")
    assert columns["ChgOffDate"].type == "date"
    assert columns["ChgOffDate"].missing == pytest.approx(0.763, abs=0.001)
    assert columns["GrAppv"].maximum == 5_000_000


def test_text_as_csv_brings_it_reads_like_the_typed_table(validated: Path) -> None:
    assert report(validated, "as_text").columns == report(validated, "few").columns


def test_few_unreadable_values_count_as_missing(validated: Path) -> None:
    columns = {c.column: c for c in report(validated, "few_wrong").columns}
    assert columns["GrAppv"].type == "float"
    assert columns["GrAppv"].missing == pytest.approx(0.01)


def test_date_that_came_as_a_number_is_not_taken_for_days(validated: Path) -> None:
    columns = {c.column: c for c in report(validated, "date_now_number").columns}
    assert (columns["ApprovalDate"].type, columns["ApprovalDate"].top) == ("string", (("19980101", 4_000),))
