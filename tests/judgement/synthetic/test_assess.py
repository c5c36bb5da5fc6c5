import pytest

from components.data.synthetic.guarantee import Guarantee
from components.judgement.synthetic.assess import MEANINGS, assess


@pytest.fixture(scope="module")
def report(card, clients, others):
    return assess(clients, others, card, Guarantee(kind="plain"), card.as_of)


def test_every_figure_has_its_meaning_its_rows_and_its_interval_or_a_reason(report):
    for figure in report.figures:
        assert figure.name in MEANINGS
        if figure.estimate.value is None:
            assert figure.reason
        else:
            assert figure.estimate.low <= figure.estimate.value <= figure.estimate.high
            assert figure.estimate.n > 0
    assert {f.name for f in report.figures} == set(MEANINGS)


def test_the_guarantee_comes_first(report):
    assert report.summary[0].startswith("NO PRIVACY")
    assert report.learned + report.held_out == 3_000


def test_few_rows_give_reasons_and_no_numbers(card, clients, others):
    report = assess(clients.head(120), others.head(50), card, Guarantee(kind="invented"), card.as_of)
    assert report.figure("nearer_to_learned").reason == "not enough data: fewer than 100 rows"
    assert report.figure("auc_synthetic").estimate.value is None
    assert report.figure("auc_synthetic").reason
