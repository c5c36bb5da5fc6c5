"""The gates that are proposed let the good model pass and stop the brittle one, by name."""

import numpy as np
import pytest

from components.core.errors import FairleadError
from components.core.gating import Limit
from components.judgement.check_report import CheckReport
from components.judgement.limits import judge_limit
from components.judgement.robustness.check import check
from components.judgement.subject import Subject, open_subject
from tests.judgement.robustness.conftest import made, with_settings, without_levers

LIMITS = [
    Limit(gate="attacks", check="robustness", figure="attack_success", bound="high", maximum=0.3),
    Limit(gate="punished", check="robustness", figure="reverse_attack_success", bound="high", maximum=0.25),
    Limit(gate="steady", check="robustness", figure="decisions_flipped", of="noise=0.01", bound="high", maximum=0.08),
    Limit(gate="noise", check="robustness", figure="auc_drop", of="noise=0.05", bound="high", maximum=0.04),
    Limit(gate="shift", check="robustness", figure="loss_under_shift", of="worst", bound="high", maximum=1.0),
]


def verdicts(report: CheckReport) -> dict[str, str]:
    return {limit.gate: result.verdict for limit in LIMITS for result in judge_limit(limit, [report])}


def test_the_good_model_passes(good_report: CheckReport) -> None:
    assert set(verdicts(good_report).values()) == {"pass"}


def test_the_brittle_model_is_stopped_by_name(brittle_report: CheckReport) -> None:
    found = verdicts(brittle_report)
    assert (found["attacks"], found["punished"], found["steady"]) == ("fail", "fail", "fail")


def test_the_brittle_model_is_worse_than_its_champion(brittle_report: CheckReport) -> None:
    worse = brittle_report.figure("attack_success_worse").estimate
    assert worse.low is not None
    assert worse.low > 0


def test_equal_subjects_give_equal_reports_and_numpys_generator_stays(good: Subject) -> None:
    few = with_settings(good, rows=12, queries=40)
    np.random.seed(1)
    first = check(few)
    np.random.seed(2)
    before = np.random.get_state()[1].tolist()
    assert check(few) == first
    assert np.random.get_state()[1].tolist() == before


def test_without_levers_stress_and_shift_are_measured_all_the_same(good: Subject) -> None:
    report = check(without_levers(good))
    attacked = report.figure("attack_success")
    assert attacked.estimate.value is None
    assert "names no input" in attacked.reason
    assert verdicts(report)["attacks"] == "no_data"
    assert report.figure("auc_drop", "noise=0.05").estimate.value is not None
    assert report.figure("loss_under_shift", "worst").estimate.value is not None


def test_a_model_without_trees_is_judged_alike(good: Subject) -> None:
    logistic = open_subject(good.use_case, made(good.use_case, good.dataset, "linear", "logistic"), good.dataset)
    report = check(with_settings(logistic, rows=20, queries=40))
    assert set(verdicts(report)) == {limit.gate for limit in LIMITS}
    assert report.figure("attack_success").estimate.n == 20
    # A linear score punishes nobody for paying more.
    assert report.figure("reverse_attack_success").estimate.value == 0


def test_a_score_that_is_none_is_an_error(good: Subject) -> None:
    with pytest.raises(FairleadError, match="gives nan for a probability"):
        check(with_nan(good))


def with_nan(subject: Subject) -> Subject:
    subject = with_settings(subject)
    scores = subject.test.probability
    scores[3] = np.nan
    return subject
