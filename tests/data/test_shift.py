from pathlib import Path

from components.core.use_case import load
from components.data.schema_report import Shift, require
from tests.data.validated import report


def _compared_inputs() -> set[str]:
    use_case = load("sba_loans")
    return {name for name in use_case.features.inputs if use_case.data.columns[name].kind != "date"}


def _exceeded(shifts: tuple[Shift, ...]) -> set[str]:
    return {s.column for s in shifts if s.exceeded}


def test_random_halves_show_neither_skew_nor_drift(validated: Path) -> None:
    found = report(validated, "random_halves")
    assert len(found.skew) == len(found.drift) == len(_compared_inputs())
    for shift in (*found.skew, *found.drift):
        assert (shift.baseline_rows, shift.compared_rows) == (10_000, 10_000)
        assert shift.value is not None
        assert not shift.exceeded
    assert (found.skew[0].baseline, found.skew[0].compared) == ("up to 2000-12-31", "after 2003-12-31")
    assert (found.drift[0].baseline, found.drift[0].compared) == ("earlier half", "later half")


def test_staged_change_is_found_in_the_changed_columns_alone(validated: Path) -> None:
    found = report(validated, "staged")
    assert _exceeded(found.skew) == _exceeded(found.drift) == {"GrAppv", "NewExist"}
    measures = {s.column: s.measure for s in found.skew}
    assert (measures["GrAppv"], measures["NewExist"]) == ("jensen_shannon", "l_infinity")


def test_skew_and_drift_do_not_block(validated: Path) -> None:
    require(report(validated, "staged"))


def test_value_is_what_the_measure_says(validated: Path) -> None:
    # A third of the later half became a 2, which some of these rows already were.
    values = {s.column: s.value for s in report(validated, "staged").skew}
    before = {s.column: s.value for s in report(validated, "random_halves").skew}
    kept_as_new = 16_846 / 99_148
    assert values["NewExist"] is not None
    assert before["NewExist"] is not None
    assert abs(values["NewExist"] - (1 - kept_as_new) / 3) < before["NewExist"] + 0.02


def test_years_of_the_shipped_table_show_its_known_breaks(validated: Path) -> None:
    found = report(validated, "whole")
    exceeded = {(s.column, s.compared) for s in found.drift if s.exceeded}
    # The form began to ask for UrbanRural in 1999, and the industry code of the day changed to NAICS in 2001.
    assert {("UrbanRural", "1999"), ("UrbanRural", "2000"), ("NAICS", "2001")} <= exceeded
    assert len(found.drift) == 15 * len(_compared_inputs())


def test_every_input_but_dates_is_compared_and_nothing_else(validated: Path) -> None:
    for name in ("whole", "other_use_case"):  # the curated schema and an inferred one
        found = report(validated, name)
        assert {s.column for s in found.skew} == {s.column for s in found.drift} == _compared_inputs()


def test_small_groups_are_not_compared(validated: Path) -> None:
    found = report(validated, "few")
    small = [s for s in found.drift if min(s.baseline_rows, s.compared_rows) < 500]
    assert small
    assert all(s.value is None and not s.exceeded for s in small)


def test_table_without_readable_event_time_is_not_compared(validated: Path) -> None:
    found = report(validated, "date_now_number")
    assert found.skew == found.drift == ()
