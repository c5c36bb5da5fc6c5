import dataclasses

import pytest

from components.core.errors import FairleadError
from components.core.gating import Limit
from components.judgement.limits import judge_limit
from components.judgement.watermark.check import check
from tests.training.clients import KEY, marked_case

LIMITS = [
    Limit(gate="read", check="watermark", figure="watermark_false_positive", maximum=1e-6),
    Limit(gate="free", check="watermark", figure="watermark_auc_cost", bound="low", maximum=0.0),
    Limit(
        gate="copied",
        check="watermark",
        figure="watermark_survives_false_positive",
        of="attack=copied_all",
        maximum=1e-6,
    ),
]


@pytest.fixture(scope="module")
def report(marked):
    return check(marked.subject())


def test_a_marked_model_is_told_and_copies_of_it_too(report):
    assert [result.verdict for limit in LIMITS for result in judge_limit(limit, [report])] == ["pass"] * 3
    match = report.figure("watermark_match").estimate
    assert match.n == 80
    assert match.low <= match.value <= match.high
    assert report.data["key"] == KEY.id
    assert report.data["needed"] == 62
    assert KEY.secret.hex() not in report.model_dump_json()
    assert "is told as ours" in report.summary[0]
    rows = {row[0]: row for row in report.tables[0].rows}
    assert rows["the model"][3] == "yes"
    assert rows["the same model without its mark"][3] == "no"


def test_the_report_is_the_same_again(report, marked):
    assert check(marked.subject()) == report


def test_an_unmarked_model_gives_no_data_and_is_stopped(marked):
    report = check(marked.subject(marked.plain_bundle))
    results = [result for limit in LIMITS for result in judge_limit(limit, [report])]
    assert [result.verdict for result in results] == ["no_data"] * 3
    assert all("trained without one" in result.reason for result in results)


def test_where_no_key_is_named_there_is_no_data(marked):
    report = check(dataclasses.replace(marked.subject(), watermark_key=None))
    assert "no watermark key was named" in report.figure("watermark_match").reason


def test_without_the_key_there_is_no_data_and_none_is_made(marked, tmp_path):
    report = check(dataclasses.replace(marked.subject(), watermark_key=tmp_path / "none"))
    assert report.figure("watermark_match").estimate.value is None
    assert "no watermark key here" in report.figure("watermark_match").reason
    assert not list(tmp_path.iterdir())


def test_a_level_that_no_number_of_marks_reaches_gives_no_data(marked):
    case = marked.case
    strict = case.judgement.watermark.model_copy(update={"maximum_false_positive": 1e-30})
    case = case.model_copy(update={"judgement": case.judgement.model_copy(update={"watermark": strict})})
    report = check(marked.subject(case=case))
    assert report.figure("watermark_match").reason == "80 marks cannot rule out chance at 1e-30, whatever they say"


def test_a_use_case_without_marks_is_refused_with_the_way_out(marked):
    with pytest.raises(FairleadError, match=r"triggers is 0; set it .* or leave the check out .*omit"):
        check(marked.subject(case=marked_case(0)))
