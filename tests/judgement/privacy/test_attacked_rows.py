"""Rows under attack: as many members as others, half of either bad, and enough left to teach models without them."""

from dataclasses import replace

import numpy as np
import polars as pl

from components.judgement.privacy.attacked_rows import MINIMUM_OF_OUTCOME, Prepared, draw, prepare
from components.judgement.subject import Subject


def test_members_and_others_are_alike_in_number_and_outcome(careful: Subject) -> None:
    members, others = draw(careful)
    assert len(members) == len(others) > 500
    assert careful.train.labels[members].mean() == careful.test.labels[others].mean() == 0.5
    assert len(set(members)) == len(members)
    again, _ = draw(careful)
    np.testing.assert_array_equal(members, again)


def test_what_is_put_together_is_of_these_rows(careful: Subject) -> None:
    members, others = draw(careful)
    found = prepare(careful, members, others)
    assert isinstance(found, Prepared)
    own = np.concatenate([careful.train.probability[members], careful.test.probability[others]])
    np.testing.assert_array_equal(found.answers.probability, own)
    np.testing.assert_array_equal(found.rows.members, np.arange(len(own)) < len(members))
    for blind in found.references:
        assert np.corrcoef(own, blind)[0, 1] > 0.8
        assert not np.array_equal(own, blind)


def test_of_a_rare_outcome_some_rows_are_left_to_teach_models(careful: Subject, tmp_path) -> None:
    rows = pl.read_parquet(careful.dataset)
    train_bad = rows.filter((pl.col("split") == "train") & (pl.col("label") == 1)).head(65)
    rest = rows.filter((pl.col("split") != "train") | (pl.col("label") == 0))
    pl.concat([rest, train_bad]).write_parquet(tmp_path / "rare.parquet")
    rare = replace(careful, dataset=tmp_path / "rare.parquet")
    members, others = draw(rare)
    assert len(members) == 2 * 25  # 65 less two times 20
    found = prepare(rare, members, others)
    assert isinstance(found, Prepared)
    assert len(found.references) == 2


def test_too_few_are_told_and_not_attacked(careful: Subject) -> None:
    few = np.arange(2 * MINIMUM_OF_OUTCOME - 2)
    assert prepare(careful, few, few) == (
        "19 rows of the rarer outcome to attack, needs 20 on either side and as many training rows left over"
    )
