"""Held to aif360 and fairlearn: on rows of all kinds here, on real ones in every report."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.core.judging import Fairness
from components.judgement.fairness.comparison import Comparison, compare
from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.libraries import agreement, by_aif360, by_fairlearn
from components.judgement.fairness.metrics import Rows
from components.training.reweighing import quietly
from tests.judgement.fairness.people import people

FEW = Fairness(minimum_rows=2, minimum_of_outcome=1)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from(["", "g=0"]), st.booleans())
def test_every_figure_that_a_library_has_is_the_same(seed, k, privileged, weighted):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 120))
    names = tuple(f"g={i}" for i in range(k))
    groups = Grouping("g", names, np.r_[0, rng.integers(0, k, n - 1)], privileged or None)
    weights = rng.integers(1, 4, n).astype(float) if weighted else np.ones(n)
    labels, decision = (rng.random((2, n)) < rng.random((2, 1))).astype(float)
    rows = Rows(labels, decision, rng.random(n), weights)
    compared = compare(rows, groups, FEW)
    counts = agreement([compared], rows)
    # Groups of one row have no data; where two have more, each library has something to say.
    if ("demographic_parity_difference", "g") in compared.values():
        assert counts["fairlearn"] >= 4
        assert counts["aif360"] >= 2 or compared.against is None


def test_each_library_is_asked_for_all_that_it_has():
    rows, groups = people("g", {"a": (90, 30, 20, 40), "b": (60, 30, 40, 50)}, privileged="a")
    compared = compare(rows, groups, Fairness())
    gaps = {
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equal_opportunity_difference",
        "false_favourable_difference",
        "equalised_odds_difference",
    }
    levels = {"selection_rate", "true_favourable_rate", "false_favourable_rate", "predictive_value"}
    assert {name for name, _ in by_aif360(compared, rows)} == gaps | {
        "average_odds_difference",
        "selection_rate",
        "predictive_value",
    }
    assert {name for name, _ in by_fairlearn(compared, rows)} == gaps | levels | {"predictive_parity_difference"}


def test_a_figure_that_differs_is_named_with_both_values():
    rows, groups = people("g", {"a": (90, 30, 20, 40), "b": (60, 30, 40, 50)}, privileged="a")
    compared = compare(rows, groups, Fairness())
    wrong = tuple(
        f.model_copy(update={"estimate": f.estimate.model_copy(update={"value": 0.5})})
        if (f.name, f.of) == ("equal_opportunity_difference", "g=b")
        else f
        for f in compared.figures
    )
    with pytest.raises(
        FairleadError, match=r"equal_opportunity_difference of g=b is 0.5 here and -0.21818.* by aif360"
    ):
        agreement([Comparison(groups, compared.against, wrong)], rows)


def test_the_root_logger_is_left_as_it_was(caplog):
    root = logging.getLogger()
    before = list(root.handlers), list(root.filters)
    with quietly():
        logging.warning("No module named 'inFairness': SenSeI will be unavailable")
        logging.warning("something else")
    assert (root.handlers, root.filters) == before
    assert [r.getMessage() for r in caplog.records] == ["something else"]
