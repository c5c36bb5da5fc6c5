import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.judgement.subject import open_subject


def test_both_parts_are_scored_and_carry_the_groups(card_subject, card_dataset):
    test, train = card_subject.test, card_subject.train
    assert len(test) + len(train) < pl.read_parquet(card_dataset).height  # the rest calibrates
    assert set(test.frame["row_id"]).isdisjoint(train.frame["row_id"])
    assert {"sex", "education", "marriage", "age"} <= set(test.frame.columns)
    np.testing.assert_array_equal(test.decision, test.probability >= card_subject.bundle.contract.threshold)
    np.testing.assert_array_equal(test.labels, test.frame["label"])


def test_a_champion_is_opened_where_there_is_a_bundle(card, card_bundle, card_dataset, tmp_path):
    (tmp_path / "NO_CHAMPION").write_text("none yet")
    assert open_subject(card, card_bundle, card_dataset, tmp_path).champion is None
    assert open_subject(card, card_bundle, card_dataset, tmp_path / "nowhere").champion is None
    assert open_subject(card, card_bundle, card_dataset, card_bundle).champion.contract.model == "card_default"


def test_a_data_set_without_test_rows_is_refused(card, card_bundle, card_dataset, tmp_path):
    pl.read_parquet(card_dataset).filter(pl.col("split") != "test").write_parquet(tmp_path / "d.parquet")
    with pytest.raises(FairleadError, match="no rows in split 'test'"):
        _ = open_subject(card, card_bundle, tmp_path / "d.parquet").test
