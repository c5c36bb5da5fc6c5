import time

import numpy as np
import pytest

from components.core.errors import FairleadError
from components.core.explaining import Actionable, Explanations
from components.serving.exchange import Late, NotOffered
from components.serving.explainer.explaining import METHODS, Explaining, anchor_explainer
from components.serving.explainer.predictor import Predictor


@pytest.fixture(scope="module")
def explaining(opened, predictor_host, sba) -> Explaining:
    return Explaining(opened, Predictor(predictor_host, "sba_loans"), sba)


@pytest.fixture(scope="module")
def refused(opened):
    """Two background rows that are called risky."""
    rows = opened.background()
    places = np.flatnonzero(opened.decide(opened.probability(rows)))[:2]
    return {name: values[places] for name, values in rows.items()}


def _soon():
    return time.monotonic() + 30


def test_each_row_is_told_by_itself(explaining, opened, refused):
    told = explaining.explain("counterfactuals", refused, list(refused), _soon(), {})
    assert [row.row for row in told.rows] == ["row 0", "row 1"]
    assert [row.probability for row in told.rows] == pytest.approx(opened.probability(refused), abs=1e-6)
    assert all(row.found for row in told.rows)
    assert told.version == opened.version()


def test_without_a_use_case_nothing_may_be_acted_on(opened, predictor_host, refused):
    plain = Explaining(opened, Predictor(predictor_host, "sba_loans"), None)
    told = plain.explain("counterfactuals", refused, list(refused), _soon(), {})
    assert [(row.found, row.feasible) for row in told.rows] == [(True, False)] * 2


def test_an_actionable_input_has_to_be_one_of_the_bundle(opened, predictor_host, sba):
    explanations = Explanations(actionable=(Actionable(column="Term"),))
    with pytest.raises(FairleadError, match="unknown actionable input 'Term'; allowed: ApprovalDate"):
        Explaining(opened, Predictor(predictor_host, "x"), sba.model_copy(update={"explanations": explanations}))


def test_time_ends_it(explaining, refused):
    with pytest.raises(Late):
        explaining.explain("counterfactuals", refused, list(refused), time.monotonic() - 1, {})


def test_anchors_are_refused_where_alibi_is_not(explaining, refused):
    assert list(METHODS) == ["anchors", "counterfactuals"]
    assert anchor_explainer() is None
    with pytest.raises(NotOffered, match="anchors need alibi"):
        explaining.explain("anchors", refused, list(refused), _soon(), {})


def test_the_examples_prove_the_predictor(explaining):
    explaining.require_same_model(_soon())
    with pytest.raises(Late):
        explaining.require_same_model(time.monotonic() - 1)
