"""Anomalies of a batch: judged, remedied, and brought back from quarantine once repaired."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.core.use_case import Column, Data
from components.core.watching import RemedyRule
from components.data.ingest import ingest
from components.data.quarantine import originals, sort_rows, write_clean, write_quarantine
from components.data.replay import replay
from components.monitoring.anomalies import Expected, judge_batch, remedied
from components.monitoring.row_detectors import RowDetector, by_forest
from components.training.bundle import Bundle

FIELDS = (
    Field(name="amount", kind="float", nullable=True),
    Field(name="jobs", kind="int", nullable=True),
    Field(name="day", kind="date"),
    Field(name="bank", kind="category", nullable=True),
    Field(name="bank_count", kind="float", nullable=True),
)
REFERENCE = {
    "rows": 100,
    "inputs": {
        "amount": {"missing": 0, "quantiles": [float(i) for i in range(101)]},
        "jobs": {"missing": 3, "quantiles": [float(i // 10) for i in range(101)]},
        "day": {"missing": 0, "quantiles": [f"2000-{1 + i // 10:02}-01" for i in range(101)]},
        "bank": {"missing": 0, "counts": {"A": 60, "B": 40}, "other": 0},
        "bank_count": {"missing": 0, "quantiles": [1.0] * 101},
    },
}
EXPECTED = Expected(FIELDS, REFERENCE)
RULES = (
    RemedyRule(when="out_of_range", column="amount", remedy="reject"),
    RemedyRule(when="new_category", remedy="quarantine"),
    RemedyRule(when="out_of_range", column="jobs", remedy="impute_and_flag"),
    RemedyRule(when="missing", column="bank", remedy="impute_and_flag"),
    RemedyRule(when="missing", column="bank_count", remedy="reject"),
)
DATA = Data(
    source="rows.csv",
    row_id="id",
    event_time="day",
    quarantine_limit=1,
    columns={
        "id": Column(kind="int", unique=True),
        "amount": Column(kind="float", nullable=True),
        "jobs": Column(kind="int", nullable=True),
        "day": Column(kind="date"),
        "bank": Column(kind="category", nullable=True),
    },
)


def _batch(n=40, **odd):
    rng = np.random.default_rng(1)
    days = [date(2000, 1 + i % 9, 1 + i % 20) for i in range(n)]
    rows = {
        "id": list(range(n)),
        "amount": rng.uniform(1, 99, n).tolist(),
        "jobs": rng.integers(0, 9, n).tolist(),
        "day": days,
        "bank": rng.choice(["A", "B"], n).tolist(),
    }
    for name, cells in odd.items():
        for row, value in cells.items():
            rows[name][row] = value
    kinds = {"id": pl.Int64, "amount": pl.Float64, "jobs": pl.Int64, "day": pl.Date, "bank": pl.String}
    return pl.DataFrame(rows, schema=kinds)


ODD = {"amount": {3: 1e6}, "bank": {5: "NEW", 7: None}, "jobs": {9: 500, 11: -1}, "day": {13: date(1999, 1, 1)}}


def test_an_ordinary_batch_has_nothing_odd():
    report = judge_batch(_batch(), RULES, EXPECTED, [40, 41, 38, 44, 40])
    assert (report.rows, report.odd.value, report.by_oddity, report.batch, report.remedies) == (40, 0, (), (), {})
    assert report.detector == "none"
    assert report.not_judged == ("missing of bank_count: reject: the batch has no such column",)


def test_odd_rows_are_counted_with_their_interval_and_named_by_remedy():
    report = judge_batch(_batch(**ODD), RULES, EXPECTED)
    assert report.remedies == {
        "reject": (3,),
        "quarantine": (5,),
        "impute_and_flag": (7, 9, 11),
        "pass_and_flag": (13,),
    }
    assert (report.odd.value, report.odd.n) == (6 / 40, 40)
    assert report.odd.low < 6 / 40 < report.odd.high
    first = report.by_oddity[0]
    assert (first.when, first.column, first.share.value) == ("out_of_range", "jobs", 2 / 40)
    assert {(o.when, o.column) for o in report.by_oddity} == {
        ("out_of_range", "amount"),
        ("out_of_range", "jobs"),
        ("out_of_range", "day"),
        ("new_category", "bank"),
        ("missing", "bank"),
    }


def test_what_goes_on_is_as_it_came_but_for_what_was_replaced():
    batch = _batch(**ODD)
    done = remedied(batch, RULES, EXPECTED, row_id="id")
    assert done.kept.schema == batch.schema
    assert done.kept["id"].to_list() == [i for i in range(40) if i not in (3, 5)]
    replaced = done.kept.filter(pl.col("id").is_in([7, 9, 11]))
    assert replaced["bank"][0] == "A"
    assert replaced["jobs"].to_list()[1:] == [5, 5]
    untouched = ~pl.col("id").is_in([3, 5, 7, 9, 11])
    assert done.kept.filter(untouched).equals(batch.filter(untouched))
    assert done.quarantined.select("row", "row_id", "rule", "column", "value").rows() == [
        (3, "3", "out_of_range", "amount", "1000000"),
        (5, "5", "new_category", "bank", "NEW"),
    ]
    assert done.report == judge_batch(batch, RULES, EXPECTED)


def test_without_ids_rows_go_by_their_position_in_the_raw_table():
    places = pl.Series(range(100, 140))
    done = remedied(_batch(**ODD), RULES, EXPECTED, rows=places)
    assert done.quarantined.select("row", "row_id").rows() == [(103, "#103"), (105, "#105")]


def test_a_batch_without_rows_is_no_data_and_not_nothing_odd():
    done = remedied(_batch().clear(), RULES, EXPECTED)
    assert (done.report.odd.value, done.report.odd.n, len(done.kept), len(done.quarantined)) == (None, 0, 0, 0)
    assert [f.kind for f in done.report.batch] == ["row_count"]


def test_a_batch_of_something_else_and_rules_about_nothing_are_refused():
    with pytest.raises(FairleadError, match=r"none of the model's inputs; found: x, allowed: amount"):
        judge_batch(pl.DataFrame({"x": [1]}), RULES, EXPECTED)
    with pytest.raises(FairleadError, match="'Term'; allowed: amount"):
        judge_batch(_batch(), [RemedyRule(when="missing", column="Term", remedy="reject")], EXPECTED)


def test_outliers_are_found_by_a_forest_where_there_are_no_histories():
    seen = tuple(f for f in FIELDS if f.name != "bank_count")
    known = {
        "amount": np.random.default_rng(0).uniform(1, 99, 2000),
        "jobs": np.random.default_rng(1).integers(0, 9, 2000).astype(float),
        "day": np.full(2000, "2000-05-01", dtype="datetime64[D]"),
        "bank": np.array(["A", "B"] * 1000, dtype=object),
    }
    expected = replace(EXPECTED, detector=by_forest(known, seen, seed=0))
    rules = [RemedyRule(when="outlier", remedy="quarantine")]
    odd = {"amount": {4: 9e9}, "jobs": {4: 4000}, "bank": {4: "X"}}
    done = remedied(_batch(**odd), rules, expected, row_id="id")
    assert done.report.detector == "forest"
    assert 4 in done.report.remedies["quarantine"]
    told = done.quarantined.filter(pl.col("row") == 4, pl.col("rule") == "outlier").row(0, named=True)
    assert told["column"] == "*"
    assert float(told["value"]) > expected.detector.threshold
    # A detector that reads what is not in the batch looks for nothing, and the rule says so.
    blind = replace(expected, detector=replace(expected.detector, fields=("bank_count",)))
    report = judge_batch(_batch(**odd), rules, blind)
    assert report.detector == "none"
    assert report.not_judged[0].startswith("outlier: quarantine: ")


def test_the_bundles_own_detector_judges_a_batch_with_histories(signed_bundle, small_dataset):
    expected = Expected.of(Bundle.open(signed_bundle))
    frame = pl.read_parquet(small_dataset).filter(pl.col("split") == "test").head(300)
    wrong = frame.with_columns(
        pl.when(pl.int_range(pl.len()) < 5).then(pl.col(n) * 1000).otherwise(pl.col(n)).alias(n)
        for n in ("GrAppv", "SBA_Appv")
    )
    rules = [RemedyRule(when="outlier", remedy="reject")]
    report = judge_batch(wrong, rules, expected)
    assert report.detector == "bundle"
    assert set(report.remedies["reject"]) >= {0, 1, 2, 3}
    assert judge_batch(frame, rules, expected).odd.value < report.odd.value


def test_what_was_kept_back_comes_back_when_it_is_repaired(tmp_path):
    _batch(**ODD, id={20: 19}).write_csv(tmp_path / "rows.csv")  # and one row that breaks an expectation
    raw, clean, quarantine = (tmp_path / f"{n}.parquet" for n in ("raw", "clean", "quarantine"))
    ingest(DATA, raw, str(tmp_path / "rows.csv"))
    sort_rows(raw, DATA, clean, quarantine)
    broken, table = pl.read_parquet(quarantine), pl.read_parquet(clean)
    places = pl.Series([i for i in range(40) if i not in broken["row"].to_list()])
    done = remedied(table, RULES, EXPECTED, row_id="id", rows=places)
    assert done.quarantined["row"].to_list() == [3, 5]
    write_quarantine(pl.concat([broken, done.quarantined]).sort("row"), quarantine)
    write_clean(done.kept, DATA, clean)
    waiting = originals(quarantine)
    assert waiting["row"].to_list() == [3, 5, 20]
    repaired = tmp_path / "repaired.csv"
    waiting.filter(pl.col("row") == 3).with_columns(amount=pl.lit("55.5")).write_csv(repaired)
    report = replay(repaired, quarantine, clean, DATA)
    assert (report.joined, report.remaining) == (1, 2)
    back = pl.read_parquet(clean)
    assert back["id"].to_list() == [i for i in range(40) if i not in (5, 20)]
    assert back.filter(pl.col("id") == 3)["amount"].item() == 55.5


cells = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([5.0, 50.0, 1e6, None, float("nan")]),
        "jobs": st.sampled_from([1, 5, 99, None]),
        "day": st.sampled_from([date(2000, 1, 1), date(1990, 1, 1), date(2050, 1, 1)]),
        "bank": st.sampled_from(["A", "B", "C", None]),
    }
)
remedies = st.sampled_from(["reject", "quarantine", "impute_and_flag", "pass_and_flag"])
rules_ = st.lists(
    st.builds(RemedyRule, when=st.sampled_from(["out_of_range", "new_category", "missing"]), remedy=remedies),
    max_size=4,
)
KINDS = {"amount": pl.Float64, "jobs": pl.Int64, "day": pl.Date, "bank": pl.String}


@settings(deadline=None)
@given(st.lists(cells, max_size=8), rules_, st.booleans())
def test_no_row_is_lost_and_none_is_in_both(rows, rules, scored):
    batch = pl.DataFrame(rows, schema=KINDS).with_row_index("id")
    detector = RowDetector("forest", lambda c: np.nan_to_num(c["amount"]), 1e5, ("amount",)) if scored else None
    outlier = [RemedyRule(when="outlier", remedy="quarantine")] if scored else []
    done = remedied(batch, [*rules, *outlier], replace(EXPECTED, detector=detector))
    back = set(done.quarantined["row"].to_list())
    assert sorted([*done.kept["id"].to_list(), *back]) == list(range(len(rows)))
    held = {i for r in ("reject", "quarantine") for i in done.report.remedies.get(r, ())}
    assert back == held
    named = [i for places in done.report.remedies.values() for i in places]
    assert len(named) == len(set(named)) == round((done.report.odd.value or 0) * len(rows))
    assert done.quarantined["original"].null_count() == 0
