import json

import pytest

from components.core.contracts import Estimate
from components.core.errors import FairleadError, IntegrityError
from components.monitoring.expected import CARD, expected
from tests.judgement.test_model_card import METRICS, made


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / CARD).write_text(made().model_dump_json(), encoding="utf-8")
    return tmp_path


def test_what_the_card_tells_of_the_whole_test_split(bundle):
    assert expected(bundle, "auc") == METRICS[0].metrics["auc"]
    assert expected(bundle, "brier") == Estimate(value=0.02, n=100)


def test_a_metric_that_was_not_measured_is_named_with_those_that_were(bundle):
    with pytest.raises(FairleadError, match="'log_loss'; allowed: auc, brier"):
        expected(bundle, "log_loss")


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"metrics": 3}', '{"metrics": [{"dataset": "test"}]}'])
def test_a_card_that_cannot_be_read_is_no_card(tmp_path, text):
    if text is not None:
        (tmp_path / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match="no metrics can be read"):
        expected(tmp_path, "auc")


@pytest.mark.parametrize(("kept", "told"), [([], "nothing"), ([1, 2], "test/year=2000, backtest/all")])
def test_a_card_without_the_test_split_says_what_it_has(bundle, kept, told):
    card = json.loads((bundle / CARD).read_text())
    card["metrics"] = [card["metrics"][i] for i in kept]
    (bundle / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(FairleadError, match=f"tells of {told}$"):
        expected(bundle, "auc")
