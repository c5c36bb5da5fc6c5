"""The check on all clients: a model that treats people alike passes its gates, others are stopped by name."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.core.gating import Limit
from components.core.judging import Fairness
from components.judgement.check_report import CheckReport
from components.judgement.fairness.check import check
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.groups import groupings
from components.judgement.fairness.meanings import MEANINGS
from components.judgement.fairness.metrics import Rows
from components.judgement.limits import judge_limit
from components.judgement.subject import Subject


def limit(gate: str, figure: str, of: str, bound: str, **threshold: float) -> Limit:
    return Limit.model_validate(
        {"gate": gate, "check": "fairness", "figure": figure, "of": of, "bound": bound, **threshold}
    )


LIMITS = (
    limit("four_fifths_sex", "demographic_parity_ratio", "sex", "low", minimum=0.8),
    limit("four_fifths_marriage", "demographic_parity_ratio", "marriage", "low", minimum=0.8),
    limit("four_fifths_education", "demographic_parity_ratio", "education=*", "low", minimum=0.8, minimum_rows=500),
    limit("age_ratio", "demographic_parity_ratio", "age", "low", minimum=0.75),
    limit("equal_opportunity_sex", "equal_opportunity_difference", "sex", "high", maximum=0.1),
    limit("calibration_sex", "calibration_gap_difference", "sex", "high", maximum=0.05),
    limit("proxy_sex", "proxy_auc", "sex", "high", maximum=0.8),
)


OF_SEX = tuple(one for one in LIMITS if one.of == "sex")


def stopped(report: CheckReport, limits: tuple[Limit, ...] = LIMITS) -> dict[str, str]:
    """Gate → verdict of those that stop a release."""
    gates = [g for one in limits for g in judge_limit(one, [report])]
    return {g.gate: g.verdict for g in gates if g.blocking and g.verdict != "pass"}


def by_sex_alone(subject: Subject, **changes: Any) -> Subject:
    """The subject with one attribute to look at, and other changes."""
    judging = subject.use_case.judgement
    sex = Fairness(attributes=judging.fairness.attributes[:1])
    case = subject.use_case.model_copy(update={"judgement": judging.model_copy(update={"fairness": sex})})
    return replace(subject, use_case=case, **changes)


class Biased:
    """A bundle that adds to the score of women, as a model that reads sex would."""

    def __init__(self, bundle: Any, more: float) -> None:
        self._bundle, self._more = bundle, more

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bundle, name)

    def probability(self, rows: Columns) -> FloatArray:
        found: FloatArray = np.clip(self._bundle.probability(rows) + self._more * (rows["sex"] == "2"), 0, 1)
        return found


@pytest.fixture(scope="module")
def report(good: Subject) -> CheckReport:
    return check(good)


def test_a_model_that_treats_people_alike_passes(report):
    assert stopped(report) == {}


def test_scores_that_are_raised_for_women_are_stopped_by_name(good):
    by_force = stopped(check(by_sex_alone(good, bundle=Biased(good.bundle, 0.12))), OF_SEX)
    assert by_force == dict.fromkeys(("four_fifths_sex", "equal_opportunity_sex", "calibration_sex"), "fail")
    a_little = stopped(check(by_sex_alone(good, bundle=Biased(good.bundle, 0.05))), OF_SEX)
    assert a_little == {"calibration_sex": "fail"}


def test_a_feature_that_is_the_attribute_is_stopped_as_a_proxy(good):
    """As if the limit had been given by sex alone: features tell it without a mistake."""
    subject = by_sex_alone(good)
    for split in ("train", "test"):
        part = getattr(good, split)
        told = np.where(part.frame["sex"].to_numpy() == "2", 1e5, 1e4)
        subject.__dict__[split] = replace(part, columns={**part.columns, "limit": told})
    found = check(subject)
    assert found.figure("proxy_auc", "sex").estimate.value == 1.0
    assert found.data["carriers"]["sex"][0]["feature"] == "log_limit"
    assert stopped(found, OF_SEX) == {"proxy_sex": "fail"}


def test_the_report_tells_every_group_and_each_figure_is_explained(report, good):
    names = {f.of for f in report.figures}
    assert {"all", "sex", "sex=female", "age=30 to 39", "sex & marriage", "sex=female & marriage=single"} <= names
    assert {f.name for f in report.figures} == set(MEANINGS)
    for f in report.figures:
        assert (f.estimate.value is None) == f.reason.startswith("not enough data: ")
        if f.estimate.value is not None:
            assert f.estimate.low <= f.estimate.value <= f.estimate.high
    assert report.data["agreement"]["aif360"]["figures"] > 50
    assert report.data["agreement"]["fairlearn"]["figures"] > 50
    assert report.data["against"]["sex & marriage"] == "sex=male & marriage=married"
    first = {name: carriers[0]["feature"] for name, carriers in report.data["carriers"].items()}
    assert set(first.values()) <= set(good.bundle.contract.features)
    assert len(report.tables) == 4
    assert "age=50 and over" in report.charts[0].svg


def test_the_same_model_gives_the_same_report(report, good):
    assert check(replace(good)).model_dump_json() == report.model_dump_json()


def test_people_in_random_groups_are_not_taken_for_unfair(good):
    """The false-alarm rate of gates: groups of the real sizes, dealt anew at random."""
    part, settings = good.test, good.use_case.judgement.fairness
    rows = Rows(part.labels, part.decision, part.probability, part.weights)
    real, rng, rounds = groupings(part.frame, settings)[:4], np.random.default_rng(9), 60
    alarms, shown = 0, 0
    for _ in range(rounds):
        dealt = rng.permutation(len(rows))
        figures = [f for g in real for f in compare(rows, replace(g, codes=g.codes[dealt]), settings).figures]
        found = CheckReport(check="fairness", figures=tuple(figures), meanings=dict(MEANINGS))
        verdicts = [g for one in LIMITS if one.figure != "proxy_auc" for g in judge_limit(one, [found])]
        alarms += any(g.blocking and g.verdict != "pass" for g in verdicts)
        shown += sum(found.figure("demographic_parity_difference", g.name).estimate.low > 0 for g in real)
    assert alarms == 0
    assert shown / (4 * rounds) <= 0.1


def test_without_attributes_the_way_out_is_said(good):
    nobody = good.use_case.judgement.model_copy(update={"fairness": Fairness()})
    with pytest.raises(FairleadError, match=r"names no protected attribute.*judgement\.omit\.fairness"):
        check(replace(good, use_case=good.use_case.model_copy(update={"judgement": nobody})))


def test_an_attribute_with_one_member_or_one_group_is_no_data(good):
    lonely = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("9")).otherwise(pl.lit("1"))
    subject = by_sex_alone(good)
    for split in ("train", "test"):
        part = getattr(good, split)
        subject.__dict__[split] = replace(part, frame=part.frame.with_columns(sex=lonely))
    found = check(subject)
    assert found.figure("selection_rate", "sex=unlisted").reason == "not enough data: 1 row, needs 100"
    assert found.figure("selection_rate", "sex=female").reason == "not enough data: 0 rows, needs 100"
    assert found.figure("proxy_auc", "sex").estimate.value is None
    assert stopped(found, OF_SEX) == dict.fromkeys((one.gate for one in OF_SEX), "no_data")
