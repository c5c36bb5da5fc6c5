import xml.etree.ElementTree as ElementTree
from datetime import date

import pytest

from components.core.contracts import Estimate
from components.monitoring.charts import COLOURS, by_cohort, by_look, newest
from tests.monitoring.findings import cohort, findings, loss


def text(svg):
    assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314  our own drawing
    return svg


def test_each_way_of_knowing_has_its_words_and_young_cohorts_their_ground():
    cohorts = [
        cohort(date(2004, 1, 1), realised=loss(0.1), estimated=loss(0.1)),
        cohort(date(2004, 4, 1), mature=0, labelled=0, early=loss(0.2), estimated=loss(0.1)),
    ]
    drawn = text(by_cohort(cohorts, "log_loss", Estimate(value=0.1, low=0.09, high=0.11, n=900)))
    for words in ("realised: mature", "early: labels known", "estimated: without", "when it was judged", "not mature"):
        assert words in drawn
    assert "not mature" not in text(by_cohort(cohorts[:1], "log_loss"))
    assert "early" not in text(by_cohort(cohorts[:1], "log_loss"))


def test_the_share_of_bad_rows_is_drawn_by_how_it_is_known():
    rate = Estimate(value=0.1, low=0.08, high=0.12, n=500)
    drawn = text(by_cohort([cohort(date(2004, 1, 1), bad_rate=rate)], "bad_rate"))
    assert "realised" in drawn
    assert "early" in text(by_cohort([cohort(date(2004, 1, 1), mature=10, bad_rate=rate)], "bad_rate"))


@pytest.mark.parametrize("cohorts", [[], [cohort(date(2004, 1, 1))]])
def test_without_a_value_the_chart_says_so(cohorts):
    assert ">no data<" in text(by_cohort(cohorts, "log_loss"))


def test_looks_are_drawn_with_their_severity():
    looks = [findings(now=date(2004, m, 28), performance=[cohort(date(2003, m, 1), early=loss(0.1))]) for m in (1, 2)]
    drawn = text(by_look(looks, "log_loss"))
    assert all(f">{severity.replace('_', ' ')}<" in drawn for severity in COLOURS)
    assert ">no data<" in text(by_look([findings(performance=[])], "log_loss"))


def test_the_newest_loss_is_that_of_the_version_that_reigns():
    mine = cohort(date(2003, 1, 1), version="2", early=loss(0.3))
    others = [cohort(date(2003, 4, 1), early=loss(0.1)), cohort(date(2003, 4, 1), group="A=1", early=loss(0.9))]
    assert newest(findings(performance=[mine, *others], version="2"), "early", "log_loss").value == 0.3
    assert newest(findings(performance=others, version="2"), "early", "log_loss").value == 0.1
    assert newest(findings(performance=others, version="2"), "realised", "log_loss") is None
