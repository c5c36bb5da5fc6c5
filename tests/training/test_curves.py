import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import auc, confusion_matrix, roc_curve

from components.training.curves import ROC_POINTS, AllCurves, curves
from components.training.dataset import read_scored


@pytest.fixture(scope="module")
def scored(small_dataset, predictions):
    frame = read_scored(small_dataset, predictions, "test")
    return frame["probability"].to_numpy(), frame["label"].to_numpy()


@pytest.fixture(scope="module")
def drawn(small_dataset, predictions):
    return curves(small_dataset, predictions, 0.1)


def test_test_and_backtest_are_drawn(drawn, small_dataset):
    sizes = dict(pl.read_parquet(small_dataset)["split"].value_counts().iter_rows())
    assert [(c.dataset, c.rows) for c in drawn] == [(d, sizes[d]) for d in ("test", "backtest")]


def test_the_roc_curve_is_scikit_learns(drawn, scored):
    p, labels = scored
    x, y, _ = roc_curve(labels, p)
    points = drawn[0].roc
    ours_x, ours_y = [q.false_positive_rate for q in points], [q.true_positive_rate for q in points]
    assert auc(ours_x, ours_y) == pytest.approx(auc(x, y), abs=5e-3)
    assert (ours_x[0], ours_y[0], ours_x[-1], ours_y[-1]) == (0, 0, 1, 1)
    assert len(points) <= ROC_POINTS
    for q in points[1::20]:
        assert q.true_positive_rate == pytest.approx((p[labels == 1] >= q.threshold).mean())
        assert q.false_positive_rate == pytest.approx((p[labels == 0] >= q.threshold).mean())


def test_parts_hold_all_rows_riskiest_first(drawn, scored):
    p, labels = scored
    parts = drawn[0].parts
    assert len(parts) == 10
    assert sum(q.rows for q in parts) == len(p)
    assert max(q.rows for q in parts) - min(q.rows for q in parts) <= 1
    assert all(a.mean_probability >= b.mean_probability for a, b in pairwise(parts))
    assert sum(q.share_bad * q.rows for q in parts) == pytest.approx(labels.sum())
    assert np.average([q.lift for q in parts], weights=[q.rows for q in parts]) == pytest.approx(1)
    assert all(q.low <= q.share_bad <= q.high for q in parts)


def test_decisions_are_counted_at_the_threshold(drawn, scored):
    p, labels = scored
    c = drawn[0].confusion
    ours = [[c.true_negatives, c.false_positives], [c.false_negatives, c.true_positives]]
    assert ours == confusion_matrix(labels, p >= 0.1).tolist()


def test_one_class_has_no_curve(small_dataset, predictions, tmp_path):
    kept = (pl.col("split") != "backtest") | (pl.col("label") == 0)
    pl.read_parquet(small_dataset).filter(kept).write_parquet(tmp_path / "dataset.parquet")
    assert [c.dataset for c in curves(tmp_path / "dataset.parquet", predictions, 0.1)] == ["test"]


def test_curves_are_plain_json(drawn):
    text = AllCurves.dump_json(drawn)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert AllCurves.validate_json(text) == drawn


def weighted(small_dataset, folder, weight):
    """The data set with other weights."""
    pl.read_parquet(small_dataset).with_columns(weight=weight).write_parquet(folder / "dataset.parquet")
    return folder / "dataset.parquet"


def test_a_data_set_without_weights_is_drawn_as_one_whose_rows_count_once(drawn, small_dataset, predictions, tmp_path):
    pl.read_parquet(small_dataset).drop("weight").write_parquet(tmp_path / "dataset.parquet")
    assert curves(tmp_path / "dataset.parquet", predictions, 0.1) == drawn


def test_a_weight_of_two_is_a_row_twice_in_the_roc_curve_and_the_decisions(
    small_dataset, predictions, scored, tmp_path
):
    p, labels = scored
    found = curves(weighted(small_dataset, tmp_path, 1.0 + pl.col("label")), predictions, 0.1)[0]
    twice = np.where(labels == 1, 2, 1)
    c = found.confusion
    ours = [[c.true_negatives, c.false_positives], [c.false_negatives, c.true_positives]]
    assert ours == confusion_matrix(np.repeat(labels, twice), np.repeat(p, twice) >= 0.1).tolist()
    assert found.bad == 2 * labels.sum()
    x, y, _ = roc_curve(labels, p, sample_weight=twice)
    for q in found.roc[1::20]:
        assert q.true_positive_rate == pytest.approx(np.average(p >= q.threshold, weights=twice * labels))
    assert auc([q.false_positive_rate for q in found.roc], [q.true_positive_rate for q in found.roc]) == pytest.approx(
        auc(x, y), abs=5e-3
    )


def test_parts_are_means_by_weight(small_dataset, predictions, scored, tmp_path):
    p, labels = scored
    w = 1 + labels
    found = curves(weighted(small_dataset, tmp_path, 1.0 + pl.col("label")), predictions, 0.1)[0].parts
    riskiest = np.argsort(-p, kind="stable")[: found[0].rows]
    assert found[0].share_bad == pytest.approx(np.average(labels[riskiest], weights=w[riskiest]))
    assert found[0].mean_probability == pytest.approx(np.average(p[riskiest], weights=w[riskiest]))
    assert found[0].lift == pytest.approx(found[0].share_bad / np.average(labels, weights=w))


def test_the_unit_of_weights_says_nothing(drawn, small_dataset, predictions, tmp_path):
    """Were it otherwise, rows that stand for ten each would make the intervals of their shares narrower."""
    found = curves(weighted(small_dataset, tmp_path, pl.lit(10.0)), predictions, 0.1)[0]
    for ours, theirs in zip(found.parts, drawn[0].parts, strict=True):
        assert ours.model_dump() == pytest.approx(theirs.model_dump())
    assert found.bad == 10 * drawn[0].bad
