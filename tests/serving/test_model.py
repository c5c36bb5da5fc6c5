import asyncio
import json

import numpy as np
import pytest

from components.serving import v2
from components.serving.exchange import NotReady, UnknownModel
from components.serving.model import BundleModel
from components.serving.scoring import OFF_THE_LOOP
from components.training.v2_request import v2_body


@pytest.fixture
def model(opened):
    model = BundleModel("", 2000)
    model.take(opened, "7")
    return model


def test_without_a_bundle_it_is_not_ready_and_says_why():
    model = BundleModel("loans", 10)
    model.waiting_for = "the dog ate it"
    # KServe's data plane loads any model that is not ready, and would take it for ready then.
    assert not model.load()
    for use in (lambda: model.bundle, lambda: model.require("loans"), model.get_input_types):
        with pytest.raises(NotReady, match="not ready: the dog ate it"):
            use()


def test_its_name_is_the_contracts_unless_it_was_given_one(model, opened):
    assert model.name == "sba_loans"
    named = BundleModel("loans", 10)
    named.take(opened, "1")
    assert named.name == "loans"


def test_only_its_own_name_and_version_are_served(model):
    model.require("sba_loans")
    model.require("sba_loans", "7")
    with pytest.raises(UnknownModel, match="unknown model 'x'; served here: sba_loans"):
        model.require("x")
    with pytest.raises(UnknownModel, match="unknown version '8' of model 'sba_loans'; served here: 7"):
        model.require("sba_loans", "8")


@pytest.mark.parametrize("n", [1, OFF_THE_LOOP - 1, OFF_THE_LOOP, 300])
def test_small_and_large_requests_are_scored_alike(model, opened, rows, n):
    few = {name: values[:n] for name, values in rows.items()}
    request = v2.decode(json.dumps(v2_body(few, opened.contract.inputs)).encode())
    answer = asyncio.run(model.predict(request))
    assert np.abs(answer.outputs[0].values - opened.probability(few)).max() <= 1e-12
    assert answer.version == "7"
