import pytest

from components.core.contracts import Estimate
from components.core.judging import Fairness
from components.judgement.check_report import Figure
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.proxies import Carrier, Proxy
from components.judgement.fairness.tables import by_estimate, four_fifths, short, summary, tables
from tests.judgement.fairness.people import people

NOTHING = Estimate(value=None, n=0)
ROWS, GROUPS = people("g", {"a": (150, 30, 20, 40), "b": (60, 30, 80, 50), "few": (9, 0, 0, 0)}, privileged="a")
COMPARED = [compare(ROWS, GROUPS, Fairness())]


def made(auc: float):
    told = Estimate(value=auc, low=auc - 0.02, high=auc + 0.02, n=400)
    proxy = Proxy({"g=a": told, "g=b": told, "g=few": NOTHING}, told, (Carrier("limit", 0.7, 0.12),))
    found = by_estimate(COMPARED[0].figures)
    found |= {("proxy_auc", of): e for of, e in proxy.auc.items()} | {("proxy_auc", "g"): told}
    found |= {("score_correlation", of): NOTHING for of in GROUPS.names}
    found |= {("relative_calibration_error", of): NOTHING for of in GROUPS.names}
    found |= {("theil_index", "all"): Estimate(value=0.2, low=0.1, high=0.3, n=400)}
    return found, {"g": proxy}


@pytest.mark.parametrize(
    ("ratio", "rule"),
    [
        (Estimate(value=0.9, low=0.8, high=0.95, n=9), "kept"),
        (Estimate(value=0.8, low=0.7, high=0.9, n=9), "kept, not shown"),
        (Estimate(value=0.7, low=0.6, high=0.8, n=9), "broken, not shown"),
        (Estimate(value=0.7, low=0.6, high=0.79, n=9), "broken"),
        (NOTHING, "no data"),
    ],
)
def test_the_four_fifths_rule_is_kept_or_broken_where_an_interval_shows_it(ratio, rule):
    assert four_fifths(ratio) == rule


def test_estimates_are_short():
    assert short(NOTHING) == "no data"
    assert short(Estimate(value=0.12345, n=3)) == "0.123"


def test_every_group_stands_in_the_tables_with_what_it_is_held_against():
    attributes, groups, gaps, told = tables(COMPARED, *made(0.6), Fairness(maximum_proxy_auc=0.75))
    assert [row[0] for row in attributes.rows] == ["g"]
    assert attributes.rows[0][-1] == "broken"
    assert [row[:2] for row in groups.rows] == [("g=a", "240"), ("g=b", "220"), ("g=few", "9")]
    assert [row[:2] for row in gaps.rows] == [("g=b", "g=a"), ("g=few", "g=a")]
    assert set(gaps.rows[1][2:]) == {"no data"}
    assert told.rows[0][-1] == "limit (+0.120)"
    assert "0.75" in told.note


def test_sentences_say_the_worst_with_its_numbers():
    first, second, third, last = summary(COMPARED, *made(0.6), Fairness())
    ratio = short(by_estimate(COMPARED[0].figures)["demographic_parity_ratio", "g"])
    assert first.endswith(f"differs most by g: the smallest ratio of two groups is {ratio}, four-fifths rule broken.")
    assert "differs most by g, by 0.4" in second
    assert "tell g best, with an AUC of 0.600 [0.580, 0.620]; none is above the 0.8" in third
    assert "0.200 [0.100, 0.300]" in last


def test_what_stands_in_for_an_attribute_is_said_by_name():
    assert "g is above the 0.8" in summary(COMPARED, *made(0.9), Fairness())[2]


def test_where_nothing_can_be_compared_the_sentences_say_so():
    found = dict.fromkeys(made(0.6)[0], NOTHING)
    told = summary(COMPARED, found, {"g": Proxy({}, NOTHING, ())}, Fairness())
    assert len(told) == 3
    assert all("could not be" in sentence for sentence in told)


def test_figures_are_found_by_name_and_what_they_are_of():
    figure = Figure(name="selection_rate", of="g=a", estimate=NOTHING, reason="few")
    assert by_estimate([figure]) == {("selection_rate", "g=a"): NOTHING}
