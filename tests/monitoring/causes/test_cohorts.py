import polars as pl
import pytest

from components.monitoring.causes.cohorts import slice_causes
from tests.monitoring.causes.staged import KINDS, some, stage, worlds


def told(s, verdicts=None):
    return slice_causes(s.reference, s.current, KINDS, verdicts or {})


def test_a_slice_that_turned_bad_is_the_world():
    s = stage(2003)
    mask = (pl.col("UrbanRural") == "1") & (pl.col("NewExist") == "2")
    turned = s.now(pl.when(mask & some(s.current, 0.6)).then(1.0).otherwise(pl.col("label")).alias("label"))
    first = max(told(turned), key=lambda c: c.share)
    assert first.subject == "NewExist=2 and UrbanRural=1"
    assert first.verdict == "world_change"
    assert "rows are bad, expected" in first.reason
    assert "elsewhere" in first.reason


def test_a_slice_made_by_a_column_at_fault_is_no_finding_about_the_world():
    s = stage(2003)
    broken = s.now(pl.lit("2").alias("NewExist"))
    found = {c.subject: c.verdict for c in told(broken, {"NewExist": "data_fault"})}
    assert found["NewExist=2"] == "data_fault"


def test_all_rows_are_named_where_all_turned_bad():
    s = stage(2003)
    found = told(worlds()["everything turns bad"](s))
    (all_,) = [c for c in found if c.subject == "all"]
    assert all_.verdict == "world_change"
    assert all_.share > 0.9
    (doubted,) = [c for c in told(worlds()["everything turns bad"](s), {"GrAppv": "data_fault"}) if c.subject == "all"]
    assert doubted.verdict == "unclear"


@pytest.mark.parametrize("drop", [["label"], ["label", "probability"]])
def test_without_labels_only_growth_is_told(drop):
    s = worlds()["more new businesses at once"](stage(2003))
    found = slice_causes(s.reference.drop(drop), s.current.drop(drop), KINDS, {"NewExist": "world_change"})
    assert "NewExist=2" in found[0].subject
    assert found[0].verdict == "world_change"
    assert "in the reference" in found[0].reason


def test_labels_of_the_newest_window_alone_do_not_tell_what_is_new():
    s = stage(2003)
    turned = s.now(pl.when(pl.col("RevLineCr") == "Y").then(1.0).otherwise(pl.col("label")).alias("label"))
    found = slice_causes(s.reference.drop("label"), turned.current, KINDS, {})
    assert {c.verdict for c in found} == {"unclear"}
