import re
from xml.etree import ElementTree

import pytest

from components.core.contracts import Contract
from components.training import charts
from components.training.curves import Curves, curves

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(small_dataset, predictions, signed_bundle) -> list[Curves]:
    return curves(small_dataset, predictions, Contract.read(signed_bundle / "contract.json").threshold)


def by_year() -> str:
    return charts.outcome_by_year([1998, 1999, 2000, 2001], [0.0, 0.02, 0.5, 1.0], [3, 1200, 40, 1], 1998, 2000)


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314  our own


@pytest.mark.parametrize("draw", [charts.roc, charts.calibration, charts.lift, charts.page])
def test_equal_curves_give_equal_bytes(drawn, draw):
    assert draw(drawn) == draw(drawn)


def test_equal_years_give_equal_bytes():
    assert by_year() == by_year()


@pytest.mark.parametrize(
    ("draw", "axes"),
    [
        (charts.roc, {"false positive rate", "true positive rate"}),
        (charts.calibration, {"mean probability", "share of bad rows"}),
        (charts.lift, {"tenth of the rows, riskiest first", "lift"}),
    ],
)
def test_a_chart_names_its_axes_and_its_data(drawn, draw, axes):
    told = set(texts(draw(drawn)))
    assert axes <= told
    assert {f"{c.dataset} ({c.rows:,} rows)" for c in drawn} <= told
    assert len(drawn) == 2


@pytest.mark.parametrize("draw", [charts.roc, charts.calibration, charts.lift])
def test_one_data_set_is_drawn_alone(drawn, draw):
    told = texts(draw(drawn[:1]))
    assert any(t.startswith("test (") for t in told)
    assert not any(t.startswith("backtest (") for t in told)


@pytest.mark.parametrize("draw", [charts.roc, charts.calibration, charts.lift])
def test_without_data_there_is_a_chart_that_says_so(draw):
    assert "no data" in texts(draw([]))


def test_an_svg_stands_by_itself(drawn):
    for svg in (charts.roc(drawn), charts.calibration(drawn), charts.lift(drawn), by_year()):
        assert svg.startswith("<svg")
        root = ElementTree.fromstring(svg)  # noqa: S314  our own
        links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert all(link.startswith("#") for link in links)
        assert not re.search(r"url\((?!#)|@import", svg)


def test_years_are_coloured_by_what_was_known_and_carry_their_rows():
    svg = by_year()
    bars = [re.search(r"fill: (#\w+)", part) for part in re.findall(r'<g id="patch_\d+">.*?</g>', svg, re.DOTALL)]
    colours = [found[1] for found in bars if found and found[1] in {charts.BLUE, charts.GREY, charts.ORANGE}]
    assert colours == [charts.BLUE, charts.GREY, charts.GREY, charts.ORANGE]
    assert {"1998", "2001", "1,200", "3", "bad outcomes, %"} <= set(texts(svg))


def test_a_year_without_known_outcomes_has_no_bar():
    assert "40" in texts(charts.outcome_by_year([1999, 2000], [0.1, None], [9, 40], 1999, 2000))


def test_the_page_holds_the_three_charts(drawn):
    page = charts.page(drawn)
    assert page.count("<svg") == page.count("</svg>") == 3
    assert page.startswith("<!doctype html>")
