import polars as pl
import pytest

from components.judgement.synthetic.usefulness import is_held_out, usefulness


@pytest.fixture(scope="module")
def found(card, clients, others):
    return usefulness(clients, others, card, card.as_of)


def test_as_many_other_real_rows_are_as_useful(found):
    assert found.reason == ""
    assert found.auc_lost.low < 0 < found.auc_lost.high or abs(found.auc_lost.value) < 0.03
    assert found.synthetic["auc"].value > 0.7


def test_both_are_tried_on_the_same_rows_that_neither_learned_from(found, card, clients):
    held_out = int(is_held_out(clients["client"], card).sum())
    assert {found.real["auc"].n, found.synthetic["auc"].n, found.auc_lost.n} == {held_out}
    assert held_out == pytest.approx(0.2 * clients.height, rel=0.15)


def test_rows_whose_outcome_was_shuffled_are_of_no_use(card, clients, others):
    outcome = others.select(pl.struct("default", "default_day").alias("o"))["o"].shuffle(1).struct.unnest()
    found = usefulness(clients, others.with_columns(outcome), card, card.as_of)
    assert found.synthetic["auc"].high < found.real["auc"].low
    assert found.auc_lost.low > 0.1


def test_a_table_that_cannot_be_trained_on_is_told(card, clients, others):
    good = others.filter(pl.col("default") == 0)
    found = usefulness(clients, good, card, card.as_of)
    assert found.auc_lost.value is None
    assert found.reason.startswith("not trained:")
