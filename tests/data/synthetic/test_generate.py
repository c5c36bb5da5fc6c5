from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core import watching
from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.data.expectations import check
from components.data.quarantine import check_rows
from components.data.synthetic.generate import Stretch, generate, numbered, stretches
from components.monitoring.drift.engine import measure_drift
from components.monitoring.values import DriftReport, Window

YEARS = (Stretch("2003", 12), Stretch("2006", 6))


@pytest.mark.parametrize("way", ["plain", "private"])
def test_every_row_passes_the_door(request, way, shops, tmp_path):
    made = generate(request.getfixturevalue(way), shops, 3_000, 2)
    made.write_parquet(tmp_path / "raw.parquet")
    report = check_rows(
        tmp_path / "raw.parquet", shops.data, tmp_path / "clean.parquet", tmp_path / "quarantine.parquet"
    )
    assert (report.rows, report.quarantined) == (3_000, 0)
    assert pl.read_parquet(tmp_path / "clean.parquet").equals(made)
    assert made["day"].is_sorted()


def test_a_course_of_time_is_staged(plain, shops):
    made = generate(plain, shops, 1_800, 3, YEARS)
    assert made["day"].min() >= date(2003, 1, 1)
    assert made["day"].max() < date(2004, 7, 1)
    months = made.group_by(pl.col("day").dt.truncate("1mo")).len()
    assert months["len"].to_list() == [100] * 18
    by_year = dict(made.group_by(pl.col("day").dt.year()).agg(pl.col("amount").log().mean()).iter_rows())
    assert by_year[2003] == pytest.approx(4.0, abs=0.2)
    assert by_year[2004] == pytest.approx(6.1, abs=0.2)


def test_it_can_begin_at_another_time(plain, shops):
    made = generate(plain, shops, 100, 3, [Stretch("2006", 2)], date(2005, 11, 15))
    assert made["day"].dt.month().unique().sort().to_list() == [11, 12]


def test_equal_seeds_give_equal_tables(plain, shops):
    assert generate(plain, shops, 200, 5).equals(generate(plain, shops, 200, 5))
    assert not generate(plain, shops, 200, 5).equals(generate(plain, shops, 200, 6))


def _drift(reference: pl.DataFrame, current: pl.DataFrame) -> DriftReport:
    windows = [Window(first=t["day"].min(), last=t["day"].max(), rows=t.height) for t in (reference, current)]
    kinds = {"amount": "float", "colour": "category"}
    return measure_drift(reference, current, kinds, watching.Drift(multivariate=()), (windows[0], windows[1]))


def test_a_staged_shift_is_found_and_where_none_was_staged_none_is(plain, shops):
    reference, again, later = (
        generate(plain, shops, 1_500, seed, [Stretch(year, 12)])
        for seed, year in ((1, "2003"), (2, "2003"), (3, "2006"))
    )
    assert _drift(reference, again).drifted() == ()
    assert _drift(reference, later).drifted() == ("amount",)


def test_rules_that_no_row_can_keep_are_named(plain, shops):
    never = Rule(name="never", column="amount", expect="amount < 0")
    data = shops.data.model_copy(update={"rules": (*shops.data.rules, never)})
    with pytest.raises(FairleadError, match=r"10 of 10 rows still break a rule .*never \(10\)"):
        generate(plain, shops.model_copy(update={"data": data}), 10, 1)


def test_no_rows_are_no_table(plain, shops):
    with pytest.raises(FairleadError, match="rows is 0"):
        generate(plain, shops, 0, 1)


def test_ids_go_no_further_than_they_may(plain, shops):
    column = shops.data.columns["id"].model_copy(update={"maximum": 5})
    data = shops.data.model_copy(update={"columns": {**shops.data.columns, "id": column}})
    with pytest.raises(FairleadError, match="'id' must be unique and cannot have 10 values"):
        generate(plain, shops.model_copy(update={"data": data}), 10, 1)


def test_ids_of_text_are_numbered_too(plain, shops):
    column = shops.data.columns["id"].model_copy(update={"kind": "category", "minimum": None})
    data = shops.data.model_copy(update={"columns": {**shops.data.columns, "id": column}})
    rows = generate(plain, shops, 3, 1).drop("id")
    made = numbered(rows, shops.model_copy(update={"data": data}))
    assert made["id"].to_list() == ["S000000001", "S000000002", "S000000003"]
    assert check(made, data).breaches.is_empty()


@given(st.lists(st.tuples(st.integers(1900, 2100), st.integers(1, 999)), min_size=1, max_size=5))
def test_a_course_of_time_is_read_as_it_is_written(parts):
    text = ",".join(f"{year}:{months}" for year, months in parts)
    assert [(s.like, s.months) for s in stretches(text)] == [(str(y), m) for y, m in parts]


@pytest.mark.parametrize("text", ["2003", "2003:0", "2003:-1", ":12", "x:3", "2003Q5:2", "2003:12;2004:1"])
def test_what_is_no_course_of_time_is_refused(text):
    with pytest.raises(FairleadError, match="is no stretch of time; write PERIOD:MONTHS"):
        stretches(text)
