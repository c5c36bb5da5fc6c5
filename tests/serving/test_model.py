import asyncio
import json

import numpy as np
import pytest

from components.serving import v2
from components.serving.exchange import NotReady, UnknownModel
from components.serving.model import BundleModel
from components.serving.scoring import OFF_THE_LOOP, Scoring
from components.training.v2_request import v2_body


@pytest.fixture
def model(opened):
    model = BundleModel("", "canary")
    model.take(Scoring(opened, "sba_loans", "7", 2000), "7")
    return model


def test_without_a_bundle_it_is_not_ready_and_says_why():
    model = BundleModel("loans")
    model.waiting_for = "the dog ate it"
    # KServe's data plane loads any model that is not ready, and would take it for ready then.
    assert not model.load()
    for use in (lambda: model.bundle, lambda: model.require("loans"), model.get_input_types, model.require_ready):
        with pytest.raises(NotReady, match="not ready: the dog ate it"):
            use()


def test_its_name_is_the_contracts_unless_it_was_given_one(model, opened):
    assert model.name == "sba_loans"
    named = BundleModel("loans")
    named.take(Scoring(opened, "loans", "1", 10), "1")
    assert named.name == "loans"
    assert named.infer_paths == {"/v2/models/loans/infer", "/v2/models/loans/versions/1/infer"}


def test_only_its_own_name_and_version_are_served(model):
    model.require("sba_loans")
    model.require("sba_loans", "7")
    with pytest.raises(UnknownModel, match="unknown model 'x'; served here: sba_loans"):
        model.require("x")
    with pytest.raises(UnknownModel, match="unknown version '8' of model 'sba_loans'; served here: 7"):
        model.require("sba_loans", "8")


def test_a_stopping_model_is_not_ready_and_still_answers(model):
    model.require_ready()
    model.stopping = True
    model.require("sba_loans")
    with pytest.raises(NotReady, match="stopping"):
        model.require_ready()


def test_answers_say_who_gave_them(model):
    assert dict(model.stamps) == {b"x-fairlead-variant": b"canary", b"x-fairlead-version": b"7"}
    assert model.properties() == {"variant": "canary", "engine": "onnxruntime"}


@pytest.mark.parametrize("n", [1, OFF_THE_LOOP - 1, OFF_THE_LOOP, 300])
def test_small_and_large_requests_are_scored_alike(model, opened, rows, n):
    few = {name: values[:n] for name, values in rows.items()}
    request = v2.decode(json.dumps(v2_body(few, opened.contract.inputs)).encode())
    answer = asyncio.run(model.predict(request))
    assert np.abs(answer.outputs[0].values - opened.probability(few)).max() <= 1e-12
    assert answer.version == "7"
