"""Comparisons, held to published studies and to what has to be said where there is too little to compare."""

import numpy as np
import pytest

from components.core.judging import Fairness
from components.judgement.fairness.comparison import MEASURES, WITHOUT_LABELS, compare
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows
from tests.judgement.fairness.people import people

SETTINGS = Fairness()
DIFFERENCE = "demographic_parity_difference"

SIX_DEPARTMENTS = {
    "A": ((512, 313), (89, 19)),
    "B": ((353, 207), (17, 8)),
    "C": ((120, 205), (202, 391)),
    "D": ((138, 279), (131, 244)),
    "E": ((53, 138), (94, 299)),
    "F": ((22, 351), (24, 317)),
}
"""Admitted and rejected, of men and of women, Berkeley 1973: Freedman, Pisani and Purves, "Statistics" (1978), the
table that R ships as UCBAdmissions, after Bickel, Hammel and O'Connell, Science 187 (1975), 398-404."""


def admissions(men, women):
    return people("sex", {"men": (men[0], 0, men[1], 0), "women": (women[0], 0, women[1], 0)}, privileged="men")


def told(comparison):
    return {(f.name, f.of): f.estimate for f in comparison.figures}


def test_admissions_to_berkeley_look_unfair_as_a_whole():
    """44.5 % of 2,691 men and 30.4 % of 1,835 women were admitted to the six largest departments."""
    totals = np.sum(list(SIX_DEPARTMENTS.values()), axis=0)
    found = told(compare(*admissions(*totals.tolist()), SETTINGS))
    men, women = found["selection_rate", "sex=men"], found["selection_rate", "sex=women"]
    assert (men.n, women.n) == (2691, 1835)
    assert (round(men.value, 4), round(women.value, 4)) == (0.4452, 0.3035)
    assert found["demographic_parity_difference", "sex=women"].value == pytest.approx(-0.1416, abs=5e-5)
    ratio = found["demographic_parity_ratio", "sex"]
    assert ratio.value == pytest.approx(0.3035 / 0.4452, abs=2e-4)
    assert ratio.high < 0.8, "by the four-fifths rule evidence of adverse impact"


def test_and_department_by_department_only_one_gap_is_shown_and_it_favours_women():
    """Bickel and others: no department is shown to be against women; the bias runs the other way where there is one."""
    enough = Fairness(minimum_rows=25)
    gaps = {d: told(compare(*admissions(*c), enough))[DIFFERENCE, "sex=women"] for d, c in SIX_DEPARTMENTS.items()}
    assert {d for d, gap in gaps.items() if gap.low > 0} == {"A"}
    assert {d for d, gap in gaps.items() if gap.high < 0} == set()


def test_all_of_berkeley_admitted_277_women_too_few():
    """Bickel and others, table 1: 3,738 of 8,442 men, 1,494 of 4,321 women admitted; expected were 277 women more."""
    found = told(compare(*admissions((3738, 4704), (1494, 2827)), SETTINGS))
    men, women = found["selection_rate", "sex=men"], found["selection_rate", "sex=women"]
    assert (men.n, women.n) == (8442, 4321)
    overall = (men.value * men.n + women.value * women.n) / (men.n + women.n)
    assert women.n * (overall - women.value) == pytest.approx(277, abs=0.5)
    assert found["demographic_parity_difference", "sex=women"].high < 0


COMPAS = {"white": (1139, 461, 349, 505), "black": (990, 532, 805, 1369)}
"""Low risk and survived, low and recidivated, high and survived, high and recidivated."""


def test_the_error_rates_of_compas_are_those_that_were_published():
    """Larson, Mattu, Kirchner and Angwin, "How we analyzed the COMPAS recidivism algorithm", ProPublica, 23 May 2016:
    false positive rate 44.85 % of black and 23.45 % of white defendants, false negative rate 27.99 % and 47.72 %,
    negative predictive value 0.65 and 0.71."""
    found = told(compare(*people("race", COMPAS, privileged="white"), SETTINGS))
    for race, false_positive, false_negative, value in (("white", 23.45, 47.72, 0.71), ("black", 44.85, 27.99, 0.65)):
        assert 100 * (1 - found["true_favourable_rate", f"race={race}"].value) == pytest.approx(
            false_positive, abs=5e-3
        )
        assert 100 * found["false_favourable_rate", f"race={race}"].value == pytest.approx(false_negative, abs=6e-3)
        assert found["predictive_value", f"race={race}"].value == pytest.approx(value, abs=5e-3)
    assert found["equal_opportunity_difference", "race=black"].value == pytest.approx(-0.2140, abs=1e-4)
    assert found["equalised_odds_difference", "race"].value == pytest.approx(0.2140, abs=1e-4)
    assert found["average_odds_difference", "race=black"].value == pytest.approx(-(0.2140 + 0.1973) / 2, abs=1e-4)
    assert found["equalised_odds_difference", "race"].low > 0.15


def test_groups_that_are_too_small_have_no_data_and_no_part_in_the_widest_gap():
    rows, groups = people(
        "g", {"a": (80, 30, 20, 30), "b": (60, 30, 40, 30), "few": (0, 0, 99, 0), "good": (150, 19, 50, 0)}
    )
    found = {(f.name, f.of): f for f in compare(rows, groups, SETTINGS).figures}
    assert found["selection_rate", "g=few"].estimate.value is None
    assert found["selection_rate", "g=few"].estimate.n == 99
    assert found["selection_rate", "g=few"].reason == "not enough data: 99 rows, needs 100"
    assert found["demographic_parity_ratio", "g"].estimate.n == 160 + 160 + 219
    lacking = found["false_favourable_rate", "g=good"]
    assert (lacking.estimate.value, lacking.reason) == (None, "not enough data: 19 rows with a bad outcome, needs 20")
    assert found["true_favourable_rate", "g=good"].estimate.value == 0.75
    assert found["false_favourable_difference", "g"].estimate.value == pytest.approx(0.0)
    assert found["equalised_odds_difference", "g=good"].estimate.value is None


def test_a_privileged_group_that_is_too_small_leaves_nothing_to_be_held_against():
    rows, groups = people("g", {"a": (80, 20, 20, 20), "b": (1, 0, 0, 0)}, privileged="b")
    comparison = compare(rows, groups, SETTINGS)
    found = {(f.name, f.of): f for f in comparison.figures}
    assert comparison.against is None
    assert found["demographic_parity_difference", "g=a"].reason == "not enough data: g=b has 1 row, needs 100"
    assert (
        found["demographic_parity_difference", "g"].reason == "not enough data: 1 of 2 groups have enough rows, needs 2"
    )
    assert found["selection_rate", "g=a"].estimate.value == pytest.approx(100 / 140)


def test_without_a_privileged_group_the_one_with_most_good_decisions_is_taken():
    rows, groups = people("g", {"a": (60, 30, 60, 30), "b": (90, 30, 30, 30), "tiny": (9, 0, 0, 0)})
    assert compare(rows, groups, SETTINGS).against == "g=b"


@pytest.mark.parametrize("flagged", [0.0, 1.0])
@pytest.mark.parametrize("bad", [0.0, 1.0])
def test_one_decision_or_one_outcome_for_all_is_no_data_where_it_divides_by_nothing(flagged, bad):
    n = 300
    rows = Rows(np.full(n, bad), np.full(n, flagged), np.full(n, 0.4), np.ones(n))
    comparison = compare(rows, Grouping("g", ("g=a", "g=b"), np.arange(n) % 2), SETTINGS)
    for figure in comparison.figures:
        e = figure.estimate
        assert (e.value is None) == bool(figure.reason)
        assert e.value is None or (np.isfinite([e.value, e.low]).all() and e.low <= e.value <= e.high)
    found = told(comparison)
    assert found["demographic_parity_difference", "g"].value == 0
    assert (found["demographic_parity_ratio", "g"].value is None) == bool(flagged)
    assert found["equalised_odds_difference", "g"].value is None


def test_what_needs_no_label_looks_at_none():
    rows, groups = people("g", {"a": (60, 30, 60, 30), "b": (90, 30, 30, 30)})
    turned = Rows(1 - rows.labels, rows.decision, rows.probability, rows.weights)
    one, other = (compare(r, groups, SETTINGS, WITHOUT_LABELS).figures for r in (rows, turned))
    assert one == other
    assert {f.name for f in one} == {"selection_rate", "demographic_parity_difference", "demographic_parity_ratio"}
    assert set(one) <= set(compare(rows, groups, SETTINGS, MEASURES).figures)
