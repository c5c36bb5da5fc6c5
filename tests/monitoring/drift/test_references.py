from datetime import date, timedelta

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.monitoring.drift.references import pick_reference

DAYS = pl.DataFrame({"day": [date(2003, 1, 1) + timedelta(days=i) for i in range(1100)]})
WINDOW = (date(2005, 3, 1), date(2005, 5, 29))


def test_rolling_is_the_window_of_the_same_length_just_before() -> None:
    found = pick_reference("rolling", DAYS, "day", WINDOW, 90)
    assert (found.window.first, found.window.last) == (date(2004, 12, 1), date(2005, 2, 28))
    assert found.rows.height == found.window.rows == 90
    assert found.reason == ""


def test_seasonal_is_the_same_days_of_the_year_before() -> None:
    found = pick_reference("seasonal", DAYS, "day", WINDOW, 90)
    assert (found.window.first, found.window.last) == (date(2004, 3, 1), date(2004, 5, 29))
    leap = pick_reference("seasonal", DAYS, "day", (date(2004, 2, 29), date(2004, 3, 1)), 1)
    assert leap.rows["day"].to_list() == [date(2003, 2, 28), date(2003, 3, 1)]


def test_training_is_what_was_handed_in_whole() -> None:
    found = pick_reference("training", DAYS.clear(), "day", WINDOW, 90, DAYS[:100])
    assert found.rows.height == 100
    assert found.window.last == date(2003, 4, 10)
    missing = pick_reference("training", DAYS, "day", WINDOW, 90)
    assert missing.rows.is_empty()
    assert missing.reason == "the rows that the model was trained on are not at hand"


@pytest.mark.parametrize("kind", ["rolling", "seasonal"])
def test_too_few_rows_are_none_and_no_other_reference_steps_in(kind: str) -> None:
    found = pick_reference(kind, DAYS, "day", WINDOW, 91, training=DAYS)  # type: ignore[arg-type]
    assert found.rows.is_empty()
    assert found.rows.columns == ["day"]
    assert found.window.rows == 90
    assert found.reason.endswith("has 90 rows, needed 91")


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(FairleadError, match="unknown reference 'lunar'; allowed: training, rolling, seasonal"):
        pick_reference("lunar", DAYS, "day", WINDOW, 1)  # type: ignore[arg-type]
