from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from components.judgement.explanations.measured import NO_CHAMPION, SHOWN, Measured, measure
from components.judgement.subject import Subject
from components.training.bundle import Bundle


def test_trees_have_two_methods_and_a_line_has_one(first: Measured, second: Measured) -> None:
    assert list(first.accuracies) == ["tree_shap_path_dependent", "tree_shap_interventional"]
    assert first.agreement is not None
    assert first.agreement.importance.value > 0.8
    assert list(second.accuracies) == ["linear_interventional"]
    assert second.agreement is None


def test_good_explanations_are_found_to_be_good(first: Measured, second: Measured) -> None:
    for found in (first, second):
        assert found.stability.rows.low > 0.5
        assert found.faithfulness.deletion_gain.low > 0.1
        assert found.faithfulness.insertion_gain.low > 0.1


def test_examples_stand_for_low_middling_and_high_risk(first: Measured) -> None:
    assert [w.name for w in first.waterfalls] == ["low risk", "middling risk", "high risk"]
    risks = [w.probability for w in first.waterfalls]
    assert risks == sorted(risks)
    assert risks[1] == pytest.approx(np.median(first.explained.probability), abs=1e-3)


def test_the_most_important_features_have_curves(first: Measured) -> None:
    order = [first.importance.features[i] for i in first.importance.order]
    assert list(first.dependence) == order[:SHOWN]


def test_the_champion_is_compared_with_or_it_is_said_why_not(first: Measured, second: Measured) -> None:
    assert (first.shift, first.no_shift) == (None, NO_CHAMPION)
    assert second.no_shift == ""
    assert second.shift is not None
    assert second.shift.moved.low > 0.1
    assert len(second.shift_rows) == len(second.shift.rows)


def test_a_champion_that_cannot_be_explained_here_gives_the_reason(small_case, trees, small_dataset) -> None:
    foreign = trees.contract.model_copy(update={"algorithm": "forest"})
    other = Bundle(trees.path, foreign, trees.transform, trees.calibration, trees.scorer)
    found = measure(Subject(small_case, trees, small_dataset, champion=other))
    assert found.shift is None
    assert found.no_shift.startswith("the champion cannot be explained on these rows: models of kind 'forest'")


def test_a_handful_of_test_rows_is_no_data_and_no_error(small_case, trees, small_dataset, tmp_path) -> None:
    rows = pl.read_parquet(small_dataset)
    few = pl.concat([rows.filter(pl.col("split") != "test"), rows.filter(pl.col("split") == "test").head(1)])
    few.write_parquet(tmp_path / "few.parquet")
    found = measure(Subject(small_case, trees, tmp_path / "few.parquet", champion=trees))
    assert found.stability.rows.value is None
    assert found.faithfulness.deletion_gain.value is None
    assert found.shift is not None
    assert found.shift.moved.value is None
    assert all(c.gap.value is None for c in found.cohorts)


def test_the_seed_decides_on_the_rows(small_case, trees, small_dataset, first: Measured) -> None:
    again = measure(Subject(small_case, trees, small_dataset))
    assert again.stability == first.stability
    training = small_case.training.model_copy(update={"seed": 8})
    other = measure(Subject(small_case.model_copy(update={"training": training}), trees, small_dataset))
    assert other.stability != first.stability
    assert replace(other, stability=first.stability).accuracies["tree_shap_path_dependent"] == pytest.approx(
        first.accuracies["tree_shap_path_dependent"]
    )
