from datetime import date

import numpy as np
import polars as pl
import pytest

from components.monitoring.causes.bins import cut, dates, numbers
from components.monitoring.causes.faults import Course, course, judge, pattern, schema
from components.monitoring.causes.onset import Onset
from components.monitoring.causes.patterns import Pattern
from tests.monitoring.causes.staged import KINDS, faults, stage, worlds

DAY = date(2004, 2, 1)


def followed(s, name):
    days = tuple(dates(side, "event_time") for side in (s.reference, s.current))
    values = tuple(numbers(side, name, KINDS[name]) for side in (s.reference, s.current))
    bins = cut(s.reference, s.current, name, KINDS[name])
    return bins, course(bins, days, None if KINDS[name] == "category" else values)


def test_a_fault_from_a_day_on_is_followed_to_its_day():
    name, breaks = faults()["cents, from a day on"]
    s = breaks(stage(2003))
    _, found = followed(s, name)
    assert (found.onset.shape, found.onset.day) == ("step", date(2004, 2, 1))
    assert s.current[found.rows]["event_time"].min() == date(2004, 2, 1)


def test_round_values_that_rise_slowly_are_no_step():
    s = worlds()["one price rises"](stage(2005, 2000, 4))
    _, found = followed(s, "GrAppv")
    assert found.onset.shape != "step"


def test_a_column_that_stands_still_has_no_onset():
    s = stage(2003)
    _, found = followed(s, "NoEmp")
    assert found.onset is None
    assert len(found.rows) == len(s.current)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda f: f.drop("GrAppv"), "column_gone"),
        (lambda f: f.with_columns(pl.col("GrAppv").cast(pl.String)), "type_changed"),
        (lambda f: f.with_columns(pl.col("GrAppv") > 1e5), "type_changed"),
        (lambda f: f.with_columns(pl.col("GrAppv").cast(pl.Int64)), None),
        (lambda f: f.with_columns(pl.lit(None).alias("GrAppv")), None),
    ],
)
def test_the_schema_is_held_to_the_references(change, name):
    s = stage(2003)
    found = schema(s.reference, change(s.current), "GrAppv", "float")
    assert (found and found.name) == name
    assert schema(s.reference.drop("GrAppv"), s.current, "GrAppv", "float") is None


def test_text_tells_how_much_of_it_can_still_be_read():
    s = stage(2003)
    text = s.current.with_columns(pl.format("{} USD", "GrAppv").alias("GrAppv"))
    assert "0% of its values can be read" in schema(s.reference, text, "GrAppv", "float").reason


def test_a_fault_of_some_rows_is_found_in_those():
    s = stage(2003)
    rows = np.arange(2000, len(s.current))
    broken = s.current.with_row_index().with_columns(
        pl.when(pl.col("index") >= 2000).then(pl.col("GrAppv") * 1000).otherwise("GrAppv").alias("GrAppv")
    )
    assert pattern(s.reference, broken, "GrAppv", "float", rows).name == "unit"
    assert pattern(s.reference, s.current, "GrAppv", "float", rows) is None


def shape(shape_, day=DAY):
    return Onset(day, day, shape_, 0.1, 0.5, 0.002)


UNIT, SWAP = Pattern("unit", "a thousand times"), Pattern("constant", "all the same", certain=False)


@pytest.mark.parametrize(
    ("world", "found", "onset", "steps", "verdict"),
    [
        # A known fault …
        (None, UNIT, None, (), "data_fault"),
        (None, UNIT, "slope", (), "unclear"),
        (None, SWAP, "step", (), "data_fault"),
        (None, SWAP, "step", (DAY, DAY), "unclear"),
        (None, SWAP, "slope", (), "unclear"),
        (None, SWAP, None, (), "unclear"),
        ("larger loans", SWAP, "step", (), "world_change"),  # what goes with it followed
        # … and none.
        (None, None, "slope", (), "world_change"),
        (None, None, "step", (), "unclear"),  # nothing moved, so nothing had to follow or stay
        ("larger loans", None, "step", (), "world_change"),
    ],
)
def test_evidence_is_weighed(world, found, onset, steps, verdict):
    s = stage(2003)
    s = worlds()[world](s) if world else s
    bins = [cut(s.reference, s.current, n, k) for n, k in KINDS.items()]
    subject = next(b for b in bins if b.name == "GrAppv")
    of = Course(shape(onset) if onset else None, np.arange(len(s.current)))
    assert judge(subject, found, of, bins, steps)[0] == verdict


@pytest.mark.parametrize(("steps", "verdict"), [((), "data_fault"), ([DAY], "data_fault"), ([DAY] * 2, "unclear")])
def test_one_column_that_moves_alone_and_at_once_is_at_fault(steps, verdict):
    s = stage(2003)
    odd = s.now(pl.col("GrAppv") * np.random.default_rng(1).uniform(1, 5, len(s.current)))
    bins = [cut(odd.reference, odd.current, n, k) for n, k in KINDS.items()]
    subject = next(b for b in bins if b.name == "GrAppv")
    found, reason = judge(subject, None, Course(shape("step"), np.arange(len(odd.current))), bins, steps)
    assert found == verdict
    assert "in one step on 2004-02-01" in reason
    assert "stays where it was" in reason
