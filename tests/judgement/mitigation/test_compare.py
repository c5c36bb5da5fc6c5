import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.judging import Fairness
from components.judgement.mitigation.compare import compare
from components.training.dataset import read
from components.training.train import train
from tests.judgement.mitigation.conftest import trial_of


def test_the_baseline_is_the_model_that_training_makes(front_of_clients, card_dataset, quick):
    test = pl.read_parquet(card_dataset).filter(pl.col("split") == "test")
    candidate = train(card_dataset, quick, trial_of("logistic"))
    flagged = candidate.probability(read(card_dataset, quick, "test").columns) >= candidate.threshold
    base = front_of_clients.baseline
    assert base.selection_rate.value == pytest.approx(1 - flagged.mean())
    by_sex = {
        name: 1 - flagged[(test["sex"] == code).to_numpy()].mean() for name, code in (("male", "1"), ("female", "2"))
    }
    assert base.rates == pytest.approx({f"sex={name}": rate for name, rate in by_sex.items()})
    assert base.gap.value == pytest.approx(abs(by_sex["male"] - by_sex["female"]))


def test_the_same_arguments_give_the_same_report(front_of_clients, card_dataset, quick):
    ways = ("reweighing", "one_threshold", "group_thresholds")
    again = compare(card_dataset, quick, trial_of("logistic"), "sex", ways=ways, strengths=(0.5, 1.0))
    assert again.model_dump_json() == front_of_clients.model_dump_json()


def test_every_way_and_strength_has_its_point(front_of_clients):
    assert [(p.way, p.strength) for p in front_of_clients.points] == [
        ("baseline", 0.0),
        *((way, s) for way in ("reweighing", "one_threshold", "group_thresholds") for s in (0.5, 1.0)),
    ]
    base = front_of_clients.baseline
    moved = [p for p in front_of_clients.points if p.way == "one_threshold"]
    assert {p.auc for p in moved} == {base.auc}
    assert not any(p.on_auc_front for p in moved)
    assert [p.reads_group for p in front_of_clients.points] == [False] * 5 + [True] * 2
    assert any(p.on_cost_front for p in front_of_clients.points)
    for point in front_of_clients.points:
        assert point.gap.value == pytest.approx(np.ptp([point.rates[g] for g in front_of_clients.compared]))


def test_the_test_split_has_no_say_in_what_is_made(front_of_clients, card_dataset, quick, tmp_path):
    """With the labels of the test rows turned round, every way decides as before."""
    turned = pl.read_parquet(card_dataset).with_columns(
        label=pl.when(pl.col("split") == "test").then(1 - pl.col("label")).otherwise(pl.col("label"))
    )
    turned.write_parquet(tmp_path / "dataset.parquet")
    ways = ("reweighing", "group_thresholds")
    other = compare(tmp_path / "dataset.parquet", quick, trial_of("logistic"), "sex", ways=ways, strengths=(1.0,))
    before = {p.label: p for p in front_of_clients.points}
    for point in other.points:
        assert point.rates == before[point.label].rates
        assert point.detail == before[point.label].detail
        assert point.auc != before[point.label].auc


def test_groups_with_too_few_rows_are_left_out_and_told(card_dataset, quick):
    found = compare(card_dataset, quick, trial_of("logistic"), "marriage", ways=("reweighing",), strengths=(1.0,))
    assert found.compared == ("marriage=married", "marriage=single")
    assert found.too_few.keys() == {"marriage=other"}
    assert 0 < found.too_few["marriage=other"] < 100


def demanding(case, rows):
    fairness = Fairness.model_validate({**case.judgement.fairness.model_dump(), "minimum_rows": rows})
    return case.model_copy(update={"judgement": case.judgement.model_copy(update={"fairness": fairness})})


def test_less_than_two_groups_are_not_enough_data(card_dataset, quick):
    with pytest.raises(
        FairleadError, match=r"not enough data .* sex=male \d+, sex=female \d+ rows; two groups need 600"
    ):
        compare(card_dataset, demanding(quick, 600), trial_of("logistic"), "sex")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"attribute": "shoe_size"}, "unknown attribute 'shoe_size'; allowed: sex, education, marriage, age"),
        ({"attribute": "sex", "ways": ["prayer"]}, "unknown way of mitigation 'prayer'"),
        ({"attribute": "sex", "strengths": [0.5, 1.5]}, r"strengths \[0.5, 1.5\] of mitigation are wrong"),
        (
            {"attribute": "sex", "strengths": []},
            r"strengths \[\] of mitigation are wrong; allowed: above 0 and up to 1",
        ),
    ],
)
def test_what_is_asked_for_wrongly_is_named(arguments, said, card_dataset, quick):
    with pytest.raises(FairleadError, match=said):
        compare(card_dataset, quick, trial_of("logistic"), **arguments)
