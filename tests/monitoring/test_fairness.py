"""Groups of people over time, on rows of a world in which one group comes to be treated otherwise."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Estimate
from components.core.errors import ContractViolation
from components.core.gating import Limit
from components.core.judging import Attribute, Fairness, Judging
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.groups import grouping
from components.judgement.fairness.metrics import Rows
from components.monitoring.alerts.measured import measured
from components.monitoring.calls import fairness_calls
from components.monitoring.fairness import fairness
from components.monitoring.joined import Joined
from components.monitoring.look import look
from components.monitoring.report import write_report
from components.monitoring.values import CohortFairness
from tests.monitoring.alerts.looks import findings
from tests.monitoring.served import NOW as LAST
from tests.monitoring.watched_rows import rows

NOW = date(2012, 1, 1)
SIZE = Attribute(column="size", privileged="large")


@pytest.fixture(scope="module")
def case(sba):
    settings = Fairness(attributes=(SIZE,), minimum_rows=40, minimum_of_outcome=5)
    return sba.model_copy(update={"judgement": Judging(fairness=settings, omit=sba.judgement.omit)})


@pytest.fixture(scope="module")
def fair():
    return rows(now=NOW)


def unfair_from(frame, day):
    """From a day on two small ones of three are flagged, whatever their score."""
    hit = (pl.col("size") == "small") & (pl.col("event_time") >= day) & (pl.int_range(pl.len()) % 3 > 0)
    return frame.with_columns(decision=pl.when(hit).then(1).otherwise("decision"))


def gate(**changes):
    given = {"gate": "four_fifths", "check": "fairness", "figure": "demographic_parity_ratio", "of": "size"}
    return Limit(**{**given, "bound": "low", "minimum": 0.8, **changes})


def figures(cohort):
    return {(f.name, f.of): f for f in cohort.figures}


def test_a_cohort_has_the_figures_that_judgement_gives_for_the_same_rows(case, fair):
    found = fairness(fair, case, NOW)
    assert [c.cohort.first for c in found] == sorted(c.cohort.first for c in found)
    assert sum(c.cohort.rows for c in found) == len(fair)
    quarter = found[3]
    mine = fair.filter(pl.col("event_time").is_between(quarter.cohort.first, quarter.cohort.last))
    arrays = (mine[c].to_numpy().astype(np.float64) for c in ("label", "decision", "probability"))
    judged = compare(Rows(*arrays, np.ones(len(mine))), grouping(mine, SIZE), case.judgement.fairness)
    assert {f.name: f for f in quarter.figures if f.of == "size"} == {
        f.name: f for f in judged.figures if f.of == "size"
    }
    assert (quarter.labelled, quarter.against, quarter.severity) == (len(mine), "size=large", "green")


def test_decisions_are_compared_before_an_outcome_is_known_and_the_rest_has_no_data(case, fair):
    early = fair.with_columns(label=pl.lit(None, pl.Float64), mature=pl.lit(value=False))
    newest = fairness(early, case, NOW)[-1]
    told = figures(newest)
    assert told["demographic_parity_ratio", "size"].estimate.low > 0.5
    assert told["equal_opportunity_difference", "size"].estimate.value is None
    assert newest.labelled == 0
    assert newest.reason == "no row is mature, so only decisions are compared"


def test_a_group_of_which_labels_do_not_arrive_is_not_told_by_those_that_did(case, fair):
    """Bad outcomes alone would arrive for it, and it would look as if nobody of it were good."""
    lost = (pl.col("size") == "small") & (pl.col("label") == 0)
    partly = fair.with_columns(label=pl.when(lost).then(None).otherwise("label"))
    first = fairness(partly, case, NOW)[0]
    told = figures(first)
    assert told["true_favourable_rate", "size=large"].estimate.value is not None
    assert told["calibration_gap", "size=small"].estimate.value is None
    assert told["calibration_gap_difference", "size"].estimate.value is None
    assert "size=small: labels of" in first.reason
    assert told["selection_rate", "size=small"].estimate.value is not None


def test_a_column_that_the_log_does_not_have_is_no_data_and_stops_nothing(case, fair):
    settings = case.judgement.fairness.model_copy(update={"attributes": (SIZE, Attribute(column="sex"))})
    other = case.model_copy(update={"judgement": Judging(fairness=settings)})
    unlogged, *told = fairness(fair, other, NOW)
    assert (unlogged.attribute, unlogged.severity) == ("sex", "no_data")
    assert "the log has no column 'sex'" in unlogged.reason
    assert {c.attribute for c in told} == {"size"}


def test_without_attributes_or_rows_nothing_is_told_and_rows_of_another_kind_are_refused(sba, case, fair):
    assert fairness(fair, sba, NOW) == ()
    assert fairness(fair.clear(), case, NOW) == ()
    with pytest.raises(ContractViolation, match="watched rows lack decision"):
        fairness(fair.drop("decision"), case, NOW)


def test_a_group_that_comes_to_be_flagged_is_called_red_and_a_fair_world_is_not(case, fair):
    assert fairness_calls(fairness(fair, case, NOW), [gate()]) == []
    unfair = fairness(unfair_from(fair, date(2009, 10, 1)), case, NOW)
    (call,) = fairness_calls(unfair, [gate(), gate(gate="again")])
    assert (call.name, call.severity, call.threshold) == ("fairness", "red", 0.8)
    assert call.subject == "demographic_parity_ratio of size"
    assert call.summary.startswith("events 2009-10-01 to 2009-12-31: demographic parity ratio of size 0.2785 [0.1750")
    assert call.summary.endswith("gate four_fifths asks for at least 0.8")


def test_the_newest_cohort_that_tells_it_speaks(case, fair):
    back = unfair_from(fair, date(2008, 1, 1)).filter(pl.col("event_time") < date(2009, 1, 1))
    mended = pl.concat([back, fair.filter(pl.col("event_time") >= date(2009, 1, 1))])
    assert fairness_calls(fairness(mended, case, NOW), [gate()]) == []


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, "red"),
        ({"of": "size=*"}, "red"),
        ({"blocking": False}, "amber"),
        ({"minimum_rows": 10_000}, None),
        ({"minimum": 0.05}, None),
        ({"minimum": None, "maximum": 0.1}, "red"),
        ({"of": "sex"}, None),
        ({"figure": "proxy_auc"}, None),
        ({"check": "privacy"}, None),
    ],
)
def test_only_a_gate_on_fairness_that_is_shown_to_be_broken_calls(case, fair, changes, severity):
    unfair = fairness(unfair_from(fair, date(2004, 1, 1)), case, NOW)
    assert [c.severity for c in fairness_calls(unfair, [gate(**changes)])] == ([severity] if severity else [])


def test_an_interval_that_holds_the_threshold_calls_for_nothing(case, fair):
    cohort = fairness(fair, case, NOW)[-1]
    doubtful = figures(cohort)["demographic_parity_ratio", "size"].model_copy(
        update={"estimate": Estimate(value=0.7, low=0.55, high=0.81, n=500)}
    )
    assert fairness_calls([cohort.model_copy(update={"figures": (doubtful,)})], [gate()]) == []


def test_a_look_tells_it_where_the_use_case_names_people_and_leaves_it_out_where_not(tmp_path, log, watched):
    seen = Joined(log, log, watched.use_case, watched.bundle.contract.inputs).at(LAST)
    plain = look(watched, seen, LAST)
    assert "fairness" not in plain.figures
    assert measured(plain, "fairness", "demographic_parity_ratio of NewExist")
    gates = watched.use_case.gates.model_copy(update={"limits": (gate(of="NewExist", minimum=0.999),)})
    settings = Fairness(attributes=(Attribute(column="NewExist", groups={"old": ("1",), "new": ("2",)}),))
    of_groups = watched.use_case.model_copy(update={"judgement": Judging(fairness=settings), "gates": gates})
    found = look(replace(watched, use_case=of_groups), seen, LAST)
    told = [CohortFairness.model_validate(c) for c in found.figures["fairness"]]
    assert {c.attribute for c in told} == {"NewExist"}
    assert set(plain.calls) <= set(found.calls)
    assert set(found.calls) - set(plain.calls) == set(fairness_calls(told, gates.limits))
    write_report(found, tmp_path / "look.html")
    page = (tmp_path / "look.html").read_text(encoding="utf-8")
    assert '<h2 id="fairness">' in page
    assert '<th scope="row">NewExist=new</th>' in page
    write_report(plain, tmp_path / "plain.html")
    assert 'id="fairness"' not in (tmp_path / "plain.html").read_text(encoding="utf-8")


def test_an_alert_on_fairness_stands_while_its_figure_cannot_be_told(case, fair):
    told = [c.model_dump(mode="json") for c in fairness(fair, case, NOW)[-1:]]
    assert measured(findings(figures={"fairness": told}), "fairness", "demographic_parity_ratio of size")
    for figure in told[0]["figures"]:
        figure["estimate"]["value"] = None
    assert not measured(findings(figures={"fairness": told}), "fairness", "demographic_parity_ratio of size")
    assert measured(findings(figures={"fairness": told}), "fairness", "demographic_parity_ratio of sex")
