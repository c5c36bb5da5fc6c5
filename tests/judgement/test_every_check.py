"""What every check keeps to: figures with intervals and rows, the same twice, and no number that was made up."""

import dataclasses
import importlib
import math
from collections.abc import Callable
from typing import cast

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.judging import CHECKS
from components.judgement.check_report import CheckReport
from components.judgement.checks import MODULES
from components.judgement.subject import Subject
from components.training.scorer import Scorer

NO_INTERVAL = {
    # Largest of all differences, a count that has to be none, a probability that is computed: not estimates.
    "local_accuracy",
    "watermark_false_positive",
    "watermark_survives_false_positive",
}


@dataclasses.dataclass(frozen=True)
class Gives:
    """Takes the place of a bundle's model."""

    value: float

    def score(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), self.value)


def check(name: str, subject: Subject) -> CheckReport:
    return cast(CheckReport, importlib.import_module(MODULES[name]).check(subject))


@pytest.fixture
def quick(card_subject: Subject, tmp_path) -> Subject:
    """The subject under settings that make every check quick."""
    judging = card_subject.use_case.judgement.model_dump()
    judging["explanations"] |= {"background": 20, "quality_rows": 20}
    judging["recourse"] |= {"rows": 6, "samples": 200}
    judging["robustness"] |= {"rows": 6, "queries": 30}
    judging["privacy"] |= {"rows": 150}
    case = card_subject.use_case
    settings = type(case.judgement).model_validate(judging)
    training = case.training.model_copy(update={"bootstrap_rounds": 30})
    case = case.model_copy(update={"judgement": settings, "training": training})
    return dataclasses.replace(card_subject, use_case=case, watermark_key=tmp_path / "watermark.key")


def changed(subject: Subject, folder, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Subject:
    change(pl.read_parquet(subject.dataset)).write_parquet(folder / "changed.parquet")
    return dataclasses.replace(subject, dataset=folder / "changed.parquet")


def scored(subject: Subject, value: float) -> Subject:
    scorer = cast(Scorer, Gives(value))
    return dataclasses.replace(subject, bundle=dataclasses.replace(subject.bundle, scorer=scorer))


def one_outcome(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(label=pl.when(pl.col("split") == "test").then(0.0).otherwise("label"))


def three_rows(frame: pl.DataFrame) -> pl.DataFrame:
    test = pl.col("split") == "test"
    return pl.concat([frame.filter(~test), frame.filter(test).head(3)])


@pytest.mark.parametrize("name", CHECKS)
def test_figures_stand_beside_interval_and_rows_and_come_out_the_same_again(name, quick):
    report = check(name, quick)
    for figure in report.figures:
        found = figure.estimate
        assert found.n >= 0
        if found.value is None:
            assert figure.reason, f"{figure.name} of {figure.of} gives no value and no reason"
        else:
            assert math.isfinite(found.value)
            assert found.n > 0
            assert found.low is not None or figure.name in NO_INTERVAL, f"{figure.name} of {figure.of} has no interval"
            if found.low is not None and found.high is not None:
                assert found.low <= found.value <= found.high, f"{figure.name} of {figure.of}: {found}"
    again = dataclasses.replace(quick)  # nothing that the first look kept
    assert check(name, again) == report


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("case", ["one outcome", "three rows", "one score", "no number"])
def test_what_cannot_be_measured_is_told_and_never_made_up(name, case, quick, tmp_path):
    subject = {
        "one outcome": lambda: changed(quick, tmp_path, one_outcome),
        "three rows": lambda: changed(quick, tmp_path, three_rows),
        "one score": lambda: scored(quick, 0.3),
        "no number": lambda: scored(quick, math.nan),
    }[case]()
    try:
        report = check(name, subject)
    except FairleadError:
        return  # a clear error is an answer; any other exception fails the test
    for figure in report.figures:
        value = figure.estimate.value
        assert value is None or math.isfinite(value), f"{figure.name} of {figure.of} is {value}"
        assert value is not None or figure.reason
