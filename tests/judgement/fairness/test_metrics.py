import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from components.core.errors import FairleadError
from components.judgement.fairness import metrics
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows

cells = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 2), st.floats(0, 1), st.integers(1, 4)),
    min_size=1,
    max_size=80,
)


def made(drawn) -> tuple[Rows, Grouping]:
    labels, decision, codes, p, weights = (np.array(c, dtype=float) for c in zip(*drawn, strict=True))
    names = ("a=0", "a=1", "a=2")
    return Rows(labels, decision, p, weights), Grouping("a", names, codes.astype(np.intp))


@settings(deadline=None, max_examples=25)
@given(cells)
def test_shares_are_those_of_fairlearn(drawn):
    rows, groups = made(drawn)
    for ours, theirs, among in (
        (metrics.selection_rate, selection_rate, np.ones(len(rows), dtype=bool)),
        (metrics.true_favourable_rate, true_positive_rate, rows.labels == 0),
        (metrics.false_favourable_rate, false_positive_rate, rows.labels == 1),
        (metrics.predictive_value, precision_score, rows.decision == 0),
    ):
        there = np.unique(groups.codes[among])
        kept = np.isin(groups.codes, there)
        # fairlearn takes a single row for a table of many columns.
        if kept.sum() < 2:
            continue
        frame = MetricFrame(
            metrics=theirs,
            y_true=1 - rows.labels[kept],
            y_pred=1 - rows.decision[kept],
            sensitive_features=groups.codes[kept],
            sample_params={"sample_weight": rows.weights[kept]},
        )
        found = ours(rows, groups)
        assert found.value[there] == pytest.approx(frame.by_group[there].to_numpy(dtype=float), abs=1e-12)
        assert np.isnan(np.delete(found.value, there)).all()
        assert found.rows.tolist() == np.bincount(groups.codes[among], minlength=3).tolist()


@given(cells)
def test_intervals_hold_the_value_and_widen_with_the_level(drawn):
    rows, groups = made(drawn)
    for measure in (metrics.selection_rate, metrics.average_odds, metrics.calibration_gap, metrics.base_rate):
        found = measure(rows, groups)
        there = ~np.isnan(found.value)
        (low, high), (lower, higher) = found.limits(1.0), found.limits(3.0)
        assert (low[there] <= found.value[there] + 1e-12).all()
        assert (found.value[there] <= high[there] + 1e-12).all()
        assert (lower[there] <= low[there] + 1e-12).all()
        assert (high[there] <= higher[there] + 1e-12).all()


def test_weights_count_rows_by_what_they_are_worth():
    """Whole weights give the value of repeated rows; their interval is wider, since nothing more was seen."""
    rng = np.random.default_rng(3)
    y, d, p, codes = rng.integers(0, 2, 200), rng.integers(0, 2, 200), rng.random(200), rng.integers(0, 2, 200)
    weights = rng.integers(1, 5, 200)
    groups = Grouping("a", ("a=0", "a=1"), codes)
    weighted = Rows(y.astype(float), d.astype(float), p, weights.astype(float))
    again = np.repeat(np.arange(200), weights)
    repeated = Rows(y[again].astype(float), d[again].astype(float), p[again], np.ones(len(again)))
    for measure in (metrics.selection_rate, metrics.average_odds, metrics.calibration_gap):
        one = measure(weighted, groups)
        other = measure(repeated, Grouping("a", groups.names, codes[again]))
        assert one.value == pytest.approx(other.value)
        wide, narrow = (high - low for low, high in (one.limits(2.0), other.limits(2.0)))
        assert (wide > narrow).all()


def test_the_interval_of_a_calibration_gap_holds_the_truth():
    rng = np.random.default_rng(4)
    held = []
    for _ in range(600):
        risk = rng.beta(2, 6, 400)
        bad = rng.random(400) < risk
        rows = Rows(bad.astype(float), np.zeros(400), np.clip(risk + 0.05, 0, 1), np.ones(400))
        low, high = metrics.calibration_gap(rows, Grouping("a", ("a=0",), np.zeros(400, dtype=np.intp))).limits(1.96)
        held.append(low[0] <= 0.05 <= high[0])
    assert 0.93 <= np.mean(held) <= 0.975


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": np.array([0.0, 2.0])}, r"labels: 2.0 is the first of 1 in 2 rows; allowed: 0 or 1"),
        ({"labels": np.array([0.0, np.nan])}, "labels: nan is the first of 1"),
        ({"decision": np.array([0.0, 0.5])}, "decision: 0.5 is"),
        (
            {"probability": np.array([np.nan, 0.5])},
            "probability: nan is the first of 1 in 2 rows; allowed: from 0 to 1",
        ),
        ({"probability": np.array([1.5, 0.5])}, "probability: 1.5 is"),
        ({"weights": np.array([-1.0, 1.0])}, "weights: -1.0 is"),
        ({"weights": np.array([1.0])}, "columns of unequal length"),
    ],
)
def test_what_is_no_decision_score_or_outcome_is_refused(changes, text):
    columns = dict.fromkeys(("labels", "decision", "probability", "weights"), np.array([0.0, 1.0]))
    with pytest.raises(FairleadError, match=text):
        Rows(**{**columns, **changes})
