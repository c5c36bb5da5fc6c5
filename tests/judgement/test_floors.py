"""One floor on its own; how it stops a release with the other gates is tested with the gates."""

import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.errors import FairleadError
from components.core.gating import Floor
from components.judgement.floors import judge_floor


def metrics(**slices: Estimate) -> list[SliceMetrics]:
    named = {name.replace("_", "="): estimate for name, estimate in slices.items()}
    return [SliceMetrics(dataset="test", slice=name, metrics={"auc": e}) for name, e in named.items()]


GOOD = Estimate(value=0.7, low=0.65, high=0.75, n=5000)
POOR = Estimate(value=0.5, low=0.45, high=0.55, n=5000)
FEW = Estimate(value=0.9, low=0.8, high=1.0, n=60)
BARE = Estimate(value=0.7, n=5000)


@pytest.mark.parametrize(
    ("bound", "estimate", "verdict", "value"),
    [
        ("low", GOOD, "pass", 0.65),
        ("value", GOOD, "pass", 0.7),
        ("high", POOR, "fail", 0.55),
        ("low", BARE, "no_data", None),
        ("value", FEW, "no_data", 0.9),
    ],
)
def test_a_floor_judges_the_end_of_the_interval_that_it_names(bound, estimate, verdict, value) -> None:
    (result,) = judge_floor(Floor(gate="g", metric="auc", bound=bound, minimum=0.6), metrics(all=estimate))
    assert (result.verdict, result.value) == (verdict, value)
    assert result.check == f"test/all auc.{bound} >= 0.6"
    assert result.blocking


def test_a_ceiling_is_judged_from_the_other_side() -> None:
    (result,) = judge_floor(Floor(gate="g", metric="auc", maximum=0.6), metrics(all=GOOD))
    assert (result.verdict, result.check) == ("fail", "test/all auc.value <= 0.6")


def test_too_few_rows_say_how_many_were_needed() -> None:
    (result,) = judge_floor(Floor(gate="g", metric="auc", minimum=0.6, minimum_rows=61), metrics(all=FEW))
    assert result.reason == "60 rows; needs 61 and both outcomes"
    (result,) = judge_floor(Floor(gate="g", metric="auc", minimum=0.6, minimum_rows=60), metrics(all=FEW))
    assert result.verdict == "pass"


def test_a_wildcard_takes_its_slices_in_the_order_of_their_names_and_not_the_whole() -> None:
    found = judge_floor(
        Floor(gate="g", metric="auc", slice="*", minimum=0.6), metrics(b_1=POOR, all=GOOD, a_2=GOOD, a_1=FEW)
    )
    assert [r.check.split()[0] for r in found] == ["test/a=1", "test/a=2", "test/b=1"]
    assert [(r.verdict, r.blocking) for r in found] == [("no_data", False), ("pass", True), ("fail", True)]


def test_a_wildcard_of_one_column_takes_no_other() -> None:
    found = judge_floor(Floor(gate="g", metric="auc", slice="a=*", minimum=0.6), metrics(a_1=GOOD, b_1=POOR))
    assert [r.check.split()[0] for r in found] == ["test/a=1"]


def test_a_wildcard_under_which_nothing_could_be_judged_blocks() -> None:
    found = judge_floor(Floor(gate="g", metric="auc", slice="*", minimum=0.6), metrics(a_1=FEW, a_2=FEW))
    assert [(r.verdict, r.blocking) for r in found] == [("no_data", True), ("no_data", True)]


def test_a_floor_that_does_not_block_never_does() -> None:
    (result,) = judge_floor(Floor(gate="g", metric="auc", minimum=0.9, blocking=False), metrics(all=GOOD))
    assert (result.verdict, result.blocking) == ("fail", False)


def test_a_slice_of_the_backtest_alone_is_unknown() -> None:
    hindsight = [m.model_copy(update={"dataset": "backtest"}) for m in metrics(year_2004=GOOD)]
    with pytest.raises(FairleadError, match="unknown slice in gate 'g' 'year=2004'; allowed: all"):
        judge_floor(Floor(gate="g", metric="auc", slice="year=2004", minimum=0.6), [*hindsight, *metrics(all=GOOD)])
