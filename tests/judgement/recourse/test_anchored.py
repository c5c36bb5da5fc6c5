import numpy as np
import pytest

from components.core.contracts import Columns
from components.judgement.explanation import AnchorExplanation, Condition
from components.judgement.recourse.anchored import NO_ANCHORS, applies, figures, table, try_on

ROWS: Columns = {
    "amount": np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, np.nan]),
    "bank": np.array(["A", "B", "A", "A", "A", "A", "A", None], dtype=object),
}
DECLINED = np.array([True, True, True, True, True, False, False, True])


def _anchor(*conditions: Condition) -> AnchorExplanation:
    return AnchorExplanation(
        row="background row 3",
        probability=0.9,
        decision=1,
        rules=tuple(f"{c.input} {c.low} {c.high}" for c in conditions),
        conditions=conditions,
        precision=0.97,
        coverage=0.5,
        samples=100,
        sought_precision=0.95,
    )


def test_an_anchor_is_tried_on_the_rows_that_it_applies_to() -> None:
    anchor = _anchor(Condition(input="amount", low=3.0), Condition(input="bank", low="A", high="A"))
    assert applies(anchor, ROWS).tolist() == [False, False, True, True, True, True, True, False]
    (found,) = try_on([anchor], ROWS, DECLINED)
    assert (found.rows, found.coverage) == (5, 5 / 8)
    assert found.precision == pytest.approx(0.6)


def test_an_anchor_without_rules_applies_to_all_and_one_that_no_row_meets_to_none() -> None:
    nobody = _anchor(Condition(input="amount", low=99.0))
    everybody, nobody_tried = try_on([_anchor(), nobody], ROWS, DECLINED)
    assert (everybody.rows, everybody.coverage) == (8, 1)
    assert (nobody_tried.rows, nobody_tried.coverage) == (0, 0)
    assert np.isnan(nobody_tried.precision)
    precision, coverage = figures([nobody_tried] * 6)
    assert (precision.estimate.value, coverage.estimate.value) == (None, 0)
    assert ("amount 99.0 None", "6", "97.0%", "no rows", "0") in table([nobody_tried] * 6).rows


def test_means_are_over_anchors_and_without_any_there_is_no_data() -> None:
    tried = try_on([_anchor(), _anchor(Condition(input="amount", low=3.0))] * 3, ROWS, DECLINED)
    precision, coverage = figures(tried)
    assert precision.estimate.value == pytest.approx((6 / 8 + 3 / 5) / 2)
    assert coverage.estimate.value == pytest.approx((1 + 5 / 8) / 2)
    assert {(f.estimate.value, f.reason) for f in figures([])} == {(None, NO_ANCHORS)}
