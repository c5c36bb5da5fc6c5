import xml.etree.ElementTree as ET

import pytest

from components.core.contracts import Estimate, Field
from components.core.errors import FairleadError
from components.registry.compare import compare, plot
from components.registry.registry import Registry
from tests.registry.conftest import METRICS


@pytest.fixture
def pair(register, signed_bundle, variant, settings):
    better = METRICS[0].model_copy(update={"metrics": {"auc": Estimate(value=0.71, low=0.69, high=0.73, n=5100)}})
    register(signed_bundle, parameters={"max_depth": 4, "eta": 0.1})
    register(variant("b"), metrics=[better, METRICS[2]], parameters={"max_depth": 6})
    return Registry(settings).versions("sba_loans")


def _row(sides, name):
    (row,) = [r for r in sides.rows if r.name == name]
    return row.first, row.second


def test_two_versions_stand_side_by_side(pair):
    sides = compare(*pair)
    assert (sides.first, sides.second) == ("sba_loans 1", "sba_loans 2")
    assert _row(sides, "max_depth") == ("4", "6")
    assert _row(sides, "eta") == ("0.1", "-")
    assert _row(sides, "digest") == (pair[0].digest[:12], pair[1].digest[:12])
    assert _row(sides, "data hash")[0] == pair[0].contract.data_hash[:12]
    assert _row(sides, "test/all auc") == ("0.6800 [0.6600, 0.7000] (n=5000)", "0.7100 [0.6900, 0.7300] (n=5100)")
    assert _row(sides, "test/all lift_10") == ("2.1000 [1.9000, 2.3000] (n=5000)", "-")
    assert _row(sides, "backtest/all auc") == ("no data (n=3)", "no data (n=3)")


def test_a_version_does_not_differ_from_itself(pair):
    assert not [r for r in compare(pair[0], pair[0]).rows if r.differs]


def test_contracts_are_compared_field_by_field(pair):
    contract = pair[1].contract
    changed = [
        f.model_copy(update={"maximum": 10.0}) if f.name == "NoEmp" else f for f in contract.inputs if f.name != "State"
    ]
    other = contract.model_copy(
        update={
            "inputs": (*changed, Field(name="Region", kind="category", nullable=True, values=("N", "S"))),
            "features": contract.features[1:],
            "threshold": 0.5,
        }
    )
    sides = compare(pair[0], pair[1].model_copy(update={"contract": other}))
    assert _row(sides, "input State") == ("category", "-")
    assert _row(sides, "input Region") == ("-", "category, may be missing, one of N, S")
    assert _row(sides, "input NoEmp") == ("int, >= 0, <= 10000", "int, >= 0, <= 10")
    assert _row(sides, f"feature {contract.features[0]}") == ("column 0", "-")
    assert _row(sides, "threshold")[1] == "0.5"
    assert not [r for r in compare(*pair).rows if r.name.startswith(("input", "feature"))]


def test_tables_show_all_rows_or_the_differences(pair):
    sides = compare(*pair)
    lines = sides.text().splitlines()
    assert lines[0].split(" | ")[2].strip() == "sba_loans 1"
    assert len(lines) == len(sides.rows) + 2
    assert len(sides.text(differences_only=True).splitlines()) == sum(r.differs for r in sides.rows) + 2
    markdown = sides.markdown().splitlines()
    assert markdown[1] == "| --- | --- | --- | --- | --- |"
    assert len({line.count(" | ") for line in markdown}) == 1


def test_the_plot_is_one_svg_with_a_panel_for_each_metric(pair):
    text = plot(*pair)
    root = ET.fromstring(text)  # noqa: S314 — our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for word in ("auc", "lift_10", "year=2005", "version 1", "version 2"):
        assert f">{word}<" in text
    assert plot(*pair) == text


def test_the_plot_draws_nothing_where_there_is_no_data(pair):
    assert ">auc: no data<" in plot(*pair, dataset="backtest")
    with pytest.raises(FairleadError, match="no metrics on data set 'live'; measured on: backtest, test"):
        plot(*pair, dataset="live")


def test_versions_of_different_models_are_not_compared(pair):
    with pytest.raises(FairleadError, match="'sba_loans' with one of 'other'"):
        compare(pair[0], pair[1].model_copy(update={"use_case": "other"}))
