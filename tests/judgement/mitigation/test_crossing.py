import polars as pl
import pytest

from components.core.errors import FairleadError
from components.judgement.mitigation.compare import compare
from components.judgement.mitigation.crossing import crossed
from tests.judgement.mitigation.conftest import trial_of


def test_each_row_is_a_test_row_once(card_dataset, quick, tmp_path):
    parts = [pl.read_parquet(path) for path in crossed(card_dataset, quick, 4, tmp_path)]
    whole = pl.read_parquet(card_dataset)
    tested = pl.concat([p.filter(pl.col("split") == "test")["row_id"] for p in parts])
    assert sorted(tested) == sorted(whole["row_id"])
    for part in parts:
        assert part.drop("split").equals(whole.drop("split"))
        shares = {name: (part["split"] == name).mean() for name in ("train", "calibration", "test")}
        assert shares == pytest.approx({"train": 0.6, "calibration": 0.15, "test": 0.25}, abs=0.02)


def test_with_all_rows_intervals_are_narrower(front_of_clients, card_dataset, quick):
    found = compare(
        card_dataset, quick, trial_of("logistic"), "sex", ways=("group_thresholds",), strengths=(1.0,), folds=5
    )
    assert found.rows == pl.read_parquet(card_dataset).height
    assert found.folds == 5
    one, all_rows = front_of_clients.baseline.auc, found.baseline.auc
    assert all_rows.high - all_rows.low < 0.6 * (one.high - one.low)
    assert all_rows.value == pytest.approx(one.value, abs=0.04)
    assert found.points[1].gap.value < found.baseline.gap.value


@pytest.mark.parametrize(
    ("split", "folds", "said"), [("time", 5, "is 'time': rows cut by chance"), ("shuffled", 1, "1 folds")]
)
def test_what_cannot_be_crossed_is_named(split, folds, said, card_dataset, quick, tmp_path):
    case = quick.model_copy(update={"training": quick.training.model_copy(update={"split": split})})
    with pytest.raises(FairleadError, match=said):
        list(crossed(card_dataset, case, folds, tmp_path))
