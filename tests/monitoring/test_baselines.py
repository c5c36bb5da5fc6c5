import json

import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.errors import IntegrityError
from components.monitoring.baselines import WIDER, around, baselines
from components.monitoring.expected import CARD
from tests.judgement.test_model_card import made


def told(dataset: str, name: str, **metrics: Estimate) -> SliceMetrics:
    return SliceMetrics(dataset=dataset, slice=name, metrics=metrics)


@pytest.fixture
def bundle(tmp_path):
    loss, flagged = Estimate(value=0.08, low=0.07, high=0.1, n=900), Estimate(value=0.2, low=0.15, high=0.22, n=900)
    metrics = [
        told("test", "all", log_loss=loss, flagged=flagged),
        told("test", "NewExist=2", log_loss=loss.model_copy(update={"value": 0.09}), flagged=Estimate(value=None, n=3)),
        told("backtest", "all", log_loss=Estimate(value=9.0, n=900)),
    ]
    card = made().model_dump(mode="json") | {"metrics": [m.model_dump(mode="json") for m in metrics]}
    (tmp_path / CARD).write_text(json.dumps(card), encoding="utf-8")
    return tmp_path


def test_what_was_judged_is_what_streams_are_held_to(bundle):
    found = baselines(bundle, "log_loss", rise=0.25)
    assert set(found) == {("outlier", "all"), ("loss", "all"), ("decision", "all"), ("loss", "NewExist=2")}
    # What is not known for sure of the judged figure is tolerated, on the side on which less is known, and the rise.
    assert (found["loss", "all"].mean, found["loss", "all"].tolerated) == pytest.approx((0.08, WIDER * 0.02 + 0.02))
    assert (found["decision", "all"].mean, found["decision", "all"].tolerated) == pytest.approx(
        (0.2, WIDER * 0.05 + 0.05)
    )


def test_a_figure_that_was_not_measured_is_no_baseline():
    assert around(None, 0.1) is None
    assert around(Estimate(value=None, n=4), 0.1) is None
    assert around(Estimate(value=0.1, n=1), 0.1) is None


def test_a_figure_that_is_too_unsure_is_no_baseline():
    assert around(Estimate(value=0.1, low=0.063, high=0.137, n=90), 0.1) is not None
    assert around(Estimate(value=0.1, low=0.09, high=0.139, n=90), 0.1) is None


@pytest.mark.parametrize("text", [None, "{}", '{"metrics": [{"dataset": "test"}]}'])
def test_a_card_that_cannot_be_read_is_no_card(tmp_path, text):
    if text is not None:
        (tmp_path / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match="no metrics can be read"):
        baselines(tmp_path, "log_loss", 0.1)
