import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zlib import crc32

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.monitoring.joined import TOLD, Joined
from components.serving.outcomes import read_outcomes, record_outcomes
from components.serving.records import Recorder
from components.serving.sinks.parquet import ParquetSink
from components.serving.sinks.sqlite import SqliteSink
from tests.serving.logged import AT, FIELDS, batch

START = date(2004, 1, 1)
LATER = date(2010, 1, 1)


def day(number):
    return START + timedelta(days=number)


@pytest.fixture(scope="session")
def case(sba):
    """Loans that mature after a month, and whose day is the input ``approved``."""
    return sba.model_copy(
        update={
            "data": sba.data.model_copy(update={"event_time": "approved"}),
            "labels": sba.labels.model_copy(update={"maturity_months": 1}),
        }
    )


class World:
    """A log and outcomes in a folder of their own."""

    def __init__(self, folder, case, mask=None):
        self.log, self.outcomes, self.case, self.mask = folder / "log.db", folder / "outcomes.db", case, mask
        self.sink = SqliteSink(self.log)

    def write(self, *logged):
        self.sink.write([record for one in logged for record in made(*one, self.mask)])

    def tell(self, *told):
        schema = {"request_id": pl.String, "row": pl.Int64, "label": pl.Int64, "known_at": pl.Datetime("us", "UTC")}
        rows = [(i, row, label, datetime(2004, 1, 1, 12, tzinfo=UTC) + timedelta(days=d)) for i, row, label, d in told]
        record_outcomes(self.outcomes, pl.DataFrame(rows, schema, orient="row"))

    def joined(self, **given):
        return Joined(self.log, self.outcomes, self.case, FIELDS, **given)


def made(request_id, row, version, variant, second, event, mask=None):
    """One record; what else it holds depends on which it is alone."""
    number = crc32(repr((request_id, row, version, variant, second)).encode()) % 1000
    columns = {
        "jobs": np.array([float(number)]),
        "amount": np.array([np.nan if number % 2 else number / 4]),
        "bank": np.array([None if number % 3 else "A, “B”"], dtype=object),
        "approved": np.array([event], dtype="datetime64[D]"),
    }
    one = batch(1, request_id, AT + second, columns=columns, row_numbers=[row], probability=np.array([number / 1000]))
    return Recorder("loans", version, variant, FIELDS, mask).records([one])


@pytest.fixture
def world(tmp_path, case):
    return World(tmp_path, case)


def of(frame, request_id="a", row=0):
    return frame.filter((pl.col("request_id") == request_id) & (pl.col("row") == row)).row(0, named=True)


def test_a_row_has_what_was_asked_answered_and_known(world):
    world.write(("a", 0, "7", "stable", 0, day(5)))
    world.tell(("a", 0, 1, 20))
    found = world.joined().at(LATER)
    row = of(found)
    assert row["version"] == "7"
    assert row["event_time"] == row["approved"] == day(5)
    assert row["probability"] == row["jobs"] / 1000
    assert row["outlier"] is None
    assert (row["outcome"], row["outcome_time"], row["known_on"]) == (1, day(20), day(20))
    assert (row["matures"], row["mature"], row["label"]) == (date(2004, 2, 6), True, 1.0)
    assert dict(found.schema.items()) | {"jobs": pl.Float64(), "bank": pl.String(), "label": pl.Float64()} == dict(
        found.schema.items()
    )


@pytest.mark.parametrize(
    ("now", "told", "label"),
    [
        pytest.param(day(4), [], "absent", id="before its day"),
        pytest.param(day(5), [], None, id="on its day"),
        pytest.param(day(36), [("a", 0, 1, 20)], 1.0, id="bad"),
        pytest.param(day(20), [("a", 0, 1, 20)], 1.0, id="bad on the day it becomes known"),
        pytest.param(day(19), [("a", 0, 1, 20)], None, id="bad the day before it is known"),
        pytest.param(day(36), [("a", 0, 1, 36)], 1.0, id="bad on the day of maturity"),
        pytest.param(day(90), [("a", 0, 1, 37)], 0.0, id="bad the day after maturity"),
        pytest.param(day(36), [], None, id="mature and nothing told"),
        pytest.param(day(36), [("a", 0, 0, 36)], 0.0, id="mature and told to be good"),
        pytest.param(day(35), [("a", 0, 0, 10)], None, id="told to be good, and may turn bad still"),
        pytest.param(day(36), [("a", 0, 0, 10)], 0.0, id="told to be good early, and mature"),
        pytest.param(day(90), [("a", 0, 1, 10), ("a", 0, 0, 50)], 0.0, id="bad, taken back"),
        pytest.param(day(49), [("a", 0, 1, 10), ("a", 0, 0, 50)], 1.0, id="bad, not yet taken back"),
        pytest.param(day(90), [("a", 0, 0, 50), ("a", 0, 1, 10)], 0.0, id="taken back, told the other way round"),
        pytest.param(day(90), [("a", 0, 1, 10), ("a", 0, 1, 60)], 1.0, id="confirmed after maturity is bad since then"),
        pytest.param(day(90), [("a", 0, 1, 9), ("a", 0, 0, 20), ("a", 0, 1, 60)], 0.0, id="bad again, too late"),
        pytest.param(day(90), [("a", 0, 0, 9), ("a", 0, 1, 20), ("a", 0, 1, 60)], 1.0, id="good, then bad in time"),
        pytest.param(day(90), [("a", 0, 1, 20), ("a", 0, 0, 20)], 0.0, id="of equally late ones the last recorded"),
        pytest.param(day(90), [("a", 0, 0, 20), ("a", 0, 1, 20)], 1.0, id="the same the other way round"),
        pytest.param(day(90), [("a", 1, 1, 20), ("b", 0, 1, 20)], None, id="of another row and of another request"),
    ],
)
def test_a_label(world, now, told, label):
    world.write(("a", 0, "1", "stable", 0, day(5)))
    for one in told:
        world.tell(one)
    found = world.joined().at(now)
    assert (of(found)["label"] if len(found) else "absent") == label


@pytest.mark.parametrize(
    ("logged", "counts"),
    [
        pytest.param([("stable", 0), ("stable", 0)], ("stable", 0), id="written twice"),
        pytest.param([("stable", 5), ("stable", 3)], ("stable", 3), id="sent again: the first"),
        pytest.param([("candidate", 1), ("stable", 2)], ("stable", 2), id="copied to the candidate"),
        pytest.param([("candidate", 2)], ("candidate", 2), id="answered by the candidate"),
        pytest.param([("shadow", 1), ("canary", 2)], ("canary", 2), id="a shadow never counts"),
        pytest.param([("shadow", 1)], None, id="a shadow alone"),
    ],
)
def test_one_record_counts(world, logged, counts):
    for variant, second in logged:
        world.write(("a", 0, "1", variant, second, day(0)))
    found = world.joined().at(LATER)
    assert len(found) == (counts is not None)
    if counts:
        expected = made("a", 0, "1", *counts, day(0))[0]
        assert (of(found)["variant"], of(found)["probability"]) == (counts[0], expected.probability)


def test_who_asks_for_variants_gets_these_the_first_before_the_others(world):
    world.write(("a", 0, "1", "stable", 0, day(0)), ("a", 0, "2", "candidate", 1, day(0)))
    world.write(("b", 0, "1", "stable", 0, day(0)), ("c", 0, "2", "shadow", 0, day(0)))
    found = world.joined(variants=("candidate", "stable")).at(LATER)
    assert found.select("request_id", "version").rows() == [("a", "2"), ("b", "1")]
    assert world.joined(variants=("shadow",)).at(LATER)["request_id"].to_list() == ["c"]
    assert world.joined(model="another").at(LATER).is_empty()


def test_masked_and_missing_inputs_are_null(tmp_path, case):
    mask = {"jobs": lambda value: f"hash of {value}", "approved": None, "bank": "?".format}
    world = World(tmp_path, case, mask)
    world.write(("a", 0, "1", "stable", 0, day(0)))
    row = of(world.joined().at(LATER))
    assert row["jobs"] is None
    assert row["approved"] is None
    assert row["event_time"] == datetime.fromtimestamp(AT, UTC).date()
    fields = (*FIELDS, Field(name="made_later", kind="float"), Field(name="since", kind="date"))
    newer = Joined(world.log, world.outcomes, case, fields).at(LATER)
    assert newer.select("made_later", "since").row(0) == (None, None)


def test_inputs_that_are_no_objects_and_names_that_clash_are_refused(world):
    world.sink.write([r._replace(inputs="x") for r in made("a", 0, "1", "stable", 0, day(0))])
    with pytest.raises(FairleadError, match="inputs are no JSON objects"):
        world.joined().at(LATER)
    with pytest.raises(FairleadError, match=r"inputs are named label, version.*name them otherwise"):
        Joined(world.log, world.outcomes, world.case, [Field(name=n, kind="int") for n in ("version", "label")])


def test_without_a_log_and_outcomes_there_are_no_rows_of_the_same_columns(world):
    nothing = world.joined().at(LATER)
    world.write(("a", 0, "1", "stable", 0, day(0)))
    assert nothing.is_empty()
    assert nothing.schema == world.joined().at(LATER).schema
    assert set(TOLD) < set(nothing.columns)


def test_a_log_in_parquet_gives_the_same(world, tmp_path):
    logged = [(f"r{i}", i % 2, "1", "stable", i, day(i)) for i in range(20)]
    world.write(*logged)
    sink = ParquetSink(tmp_path / "parquet", rows=3, seconds=60)
    sink.write([record for one in logged for record in made(*one)])
    sink.close()
    log = f"parquet:///{sink.path}"
    assert_frame_equal(Joined(log, world.outcomes, world.case, FIELDS).at(day(9)), world.joined().at(day(9)))


ids = st.sampled_from("abc")
records = st.builds(
    lambda *who: (*who, day(crc32(repr(who).encode()) % 40)),
    ids,
    st.integers(0, 1),
    st.sampled_from("12"),
    st.sampled_from(["stable", "candidate", "shadow"]),
    st.integers(0, 3),
)
# One record for each row and time: of two that were known at the same time the last recorded would win.
told = st.lists(
    st.tuples(ids, st.integers(0, 1), st.integers(0, 1), st.integers(0, 80)),
    max_size=14,
    unique_by=lambda t: (t[0], t[1], t[3]),
)


def expected(logged, told, now):
    """What counts as of a day, by the words of the docstrings and without a table."""
    result = {}
    rank = {"stable": 0, "candidate": 1}
    for record in sorted(
        (r for r in logged if r[3] in rank and r[5] <= now), key=lambda r: (rank[r[3]], r[4], r[2]), reverse=True
    ):
        result[record[:2]] = record
    labels = {}
    for key, record in result.items():
        known = sorted((t[3], t[2]) for t in told if t[:2] == key and day(t[3]) <= now)
        since = None
        for when, label in known:
            since = (since or when) if label else None
        matures = (record[5].replace(day=1) + timedelta(days=32)).replace(day=1)
        last = (matures + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        matures = matures.replace(day=min(record[5].day, last.day))
        bad = since is not None and day(since) <= matures
        labels[key] = (record[2], record[3], 1.0 if bad else 0.0 if known and matures <= now else None)
    return labels


@given(st.data(), st.lists(records, max_size=12), told)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_batches_and_looks_give_the_same(tmp_path_factory, case, data, logged, told):
    world = World(tmp_path_factory.mktemp("world"), case)
    arrivals = [("write", r) for r in logged] + [("tell", t) for t in told]
    again = data.draw(st.lists(st.sampled_from(arrivals), max_size=6)) if arrivals else []
    arrivals = data.draw(st.permutations(arrivals + again))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), max_size=3)))
    looking = world.joined()
    for start, end in pairwise([0, *cuts, len(arrivals)]):
        for kind in ("write", "tell"):
            if some := [what for k, what in arrivals[start:end] if k == kind]:
                getattr(world, kind)(*some)
        looking.at(day(data.draw(st.integers(0, 80))))
    for number in (80, 45, 20, 0):
        now = day(number)
        found = looking.at(now)
        assert_frame_equal(found, world.joined().at(now))
        labels = {(r["request_id"], r["row"]): (r["version"], r["variant"], r["label"]) for r in found.to_dicts()}
        assert labels == expected(logged, told, now)
        outcomes = found.select("request_id", "row", pl.col("outcome").alias("label")).drop_nulls()
        whole = datetime(2004, 1, 2, tzinfo=UTC) + timedelta(days=number)
        truth = read_outcomes(world.outcomes, whole).select("request_id", "row", "label")
        keys = ["request_id", "row"]
        assert_frame_equal(outcomes.sort(keys), truth.join(found, on=keys, how="semi").sort(keys))


def test_looking_again_reads_what_is_new_alone(world):
    world.write(("a", 0, "1", "stable", 0, day(0)))
    world.tell(("a", 0, 1, 3))
    joined = world.joined()
    assert of(joined.at(LATER))["label"] == 1
    with closing(sqlite3.connect(world.log)) as db, db:
        db.execute("DELETE FROM predictions")
    with closing(sqlite3.connect(world.outcomes)) as db, db:
        db.execute("DELETE FROM outcomes")
    world.write(("b", 0, "1", "stable", 0, day(0)))
    world.tell(("b", 0, 1, 3))
    assert joined.at(LATER)["label"].to_list() == [1, 1]
