"""Sentences and tables hold the numbers that were found, and nothing where nothing was."""

import pytest

from components.core.contracts import Estimate
from components.judgement.check_report import Figure
from components.judgement.privacy.attribute import Inferred
from components.judgement.privacy.telling import (
    MEANINGS,
    attack_table,
    attribute_tables,
    attribute_words,
    meanings,
    membership_words,
)

GOOD = Estimate(value=0.51, low=0.49, high=0.53, n=400)
NONE = Estimate(value=None, n=400)
NAMES = ("membership_auc", "membership_advantage", "membership_tpr_at_1pct_fpr")
FIGURES = [Figure(name=name, of=of, estimate=GOOD) for name in NAMES for of in ("loss", "all")]


@pytest.mark.parametrize("by_time", [True, False])
def test_the_gain_is_told_where_there_is_one(by_time: bool) -> None:
    there = [*FIGURES, Figure(name="membership_gain", estimate=Estimate(value=0.02, low=0.0, high=0.04, n=400))]
    words = membership_words(there, by_time)
    assert "with an AUC of 0.5100 [0.4900, 0.5300] (n=400)" in words[0]
    assert "gain in AUC is 0.0200 [0.0000, 0.0400] (n=400)" in words[1]
    assert any("older" in sentence for sentence in words) == by_time
    missing = [*FIGURES, Figure(name="membership_gain", estimate=NONE, reason="few")]
    assert len(membership_words(missing, by_time)) == len(words) - 1


def test_the_table_has_a_row_for_each_attack_and_one_for_the_worst() -> None:
    table = attack_table([*FIGURES, Figure(name="membership_gain", estimate=NONE, reason="few")], ["loss"])
    assert [row[0] for row in table.rows] == ["loss", "all"]
    assert table.rows[0][2] == "-"
    assert table.rows[1][2] == "no data (n=400)"
    assert "Yeom et al. 2018" in table.note


def test_columns_that_could_not_be_guessed_stand_in_the_table_alone() -> None:
    guessed = [Inferred("sex", GOOD, 0.6, 0.55, 2), Inferred("faith", NONE, reason="rare")]
    (sentence,) = attribute_words(guessed)
    assert "sex 0.5100" in sentence
    assert "faith" not in sentence
    (table,) = attribute_tables(guessed)
    assert table.rows[1] == ("faith", "0", "no data", "no data", "no data (n=400)")
    assert attribute_words(guessed[1:]) == []
    assert attribute_tables([]) == []


def test_every_figure_has_a_meaning_with_what_it_is_measured_in() -> None:
    assert meanings(FIGURES).keys() == set(NAMES)
    assert all(len(text) > 60 for text in MEANINGS.values())
