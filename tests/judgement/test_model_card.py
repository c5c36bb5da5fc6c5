"""The model card: made from records alone, complete or not at all."""

from datetime import date
from typing import Any

import pytest

from components.core.contracts import Contract, Estimate, Field, SliceMetrics
from components.core.errors import FairleadError
from components.core.judging import TITLES
from components.core.use_case import load
from components.core.watching import Window
from components.data.quarantine import QuarantineReport
from components.features.rows import request_fields
from components.judgement.model_card import ModelCard, model_card
from components.training.labels import LabelReport, SplitReport
from tests.cards import REPORTS

USE_CASE = load("sba_loans")
CONTRACT = Contract(
    model="sba_loans",
    inputs=request_fields(USE_CASE),
    features=USE_CASE.features.names,
    threshold=0.0196,
    as_of="2003-12-31",
    trained_until="2000-03-01",
    algorithm="xgboost",
    data_hash="d" * 64,
    transform_fingerprint="t" * 64,
    code_fingerprint="c" * 64,
    environment_lock="e" * 64,
)
QUARANTINE = QuarantineReport(
    rows=1000, kept=980, quarantined=20, share=0.02, limit=0.05, by_rule={"a|b": 20}, by_column={"LowDoc": 20}
)
SPLIT = SplitReport(rows=100, bad=3, first_day=date(2000, 1, 3), last_day=date(2000, 12, 29))
EMPTY = SplitReport(rows=0, bad=0, first_day=None, last_day=None)
LABELS = LabelReport(
    as_of=date(2003, 12, 31),
    maturity_months=USE_CASE.labels.maturity_months,
    known_until=date(2003, 12, 31),
    rows=980,
    mature=300,
    immature=123,
    immature_bad=4,
    later=557,
    backtest_immature=0,
    splits={"train": SPLIT, "calibration": SPLIT, "test": SPLIT, "backtest": EMPTY},
)
METRICS = [
    SliceMetrics(
        dataset="test",
        slice="all",
        metrics={"auc": Estimate(value=0.71, low=0.65, high=0.77, n=100), "brier": Estimate(value=0.02, n=100)},
    ),
    SliceMetrics(dataset="test", slice="year=2000", metrics={"auc": Estimate(value=None, n=12)}),
    SliceMetrics(dataset="backtest", slice="all", metrics={"auc": Estimate(value=0.6, low=0.5, high=0.7, n=90)}),
]


def made(**changes: Any) -> ModelCard:
    records = {"contract": CONTRACT, "labels": LABELS, "quarantine": QUARANTINE, "metrics": METRICS}
    records["checks"] = REPORTS
    return model_card(USE_CASE, **{**records, **changes})


def test_every_record_is_in_the_markdown() -> None:
    text = made().to_markdown()
    assert text.startswith("# sba_loans\n")
    assert USE_CASE.intended_use in text
    for limit in USE_CASE.limits:
        assert f"- {limit}\n" in text
    for column in CONTRACT.inputs:
        assert f"| {column.name} | {column.kind} |" in text
    for exclusion in USE_CASE.features.exclude:
        assert f"| {exclusion.column} | {exclusion.reason} |" in text
    assert "20 (2.00%; limit 5.00%) were set aside" in text
    assert r"| a\|b | 20 |" in text
    assert "123 rows up to 2003-12-31 had not had that time and were left out, 4 of them already bad" in text
    assert "| test | 100 | 3 | 2000-01-03 to 2000-12-29 |" in text
    assert "| backtest | 0 | 0 | none to none |" in text
    assert "0.7100 [0.6500, 0.7700] (n=100)" in text
    assert "| year=2000 | no data (n=12) | not measured |" in text
    for fingerprint in (CONTRACT.data_hash, CONTRACT.transform_fingerprint, CONTRACT.code_fingerprint):
        assert fingerprint in text


def test_no_section_is_empty() -> None:
    sections = made().to_markdown().split("\n## ")[1:]
    assert [s.splitlines()[0] for s in sections] == [
        "Intended use",
        "Limits",
        "Model",
        "Data",
        "Labels and splits",
        "Inputs",
        "Columns left out",
        "Metrics: test",
        "Metrics: backtest",
        *TITLES.values(),
        "Datasheet",
        "Gates and approval",
    ]
    assert all(len(s.strip().splitlines()) > 1 for s in sections)


def test_the_json_gives_the_card_back_and_equal_records_give_equal_bytes() -> None:
    card = made()
    assert ModelCard.model_validate_json(card.model_dump_json()) == card
    assert made().model_dump_json() == card.model_dump_json()
    assert made().to_markdown() == card.to_markdown()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": []}, "would lack the metrics of test/all"),
        ({"metrics": METRICS[1:]}, "would lack the metrics of test/all"),
        ({"metrics": [METRICS[0].model_copy(update={"metrics": {}})]}, "would lack the metrics of test/all"),
        ({"labels": LABELS.model_copy(update={"splits": {}})}, "would lack the splits"),
        ({"checks": REPORTS[:-1]}, "would lack the check 'watermark'"),
        ({"contract": CONTRACT.model_copy(update={"model": "card_default"})}, "'sba_loans' but .* is 'card_default'"),
        ({"contract": CONTRACT.model_copy(update={"as_of": "2004-12-31"})}, "as_of is '2004-12-31' but"),
        ({"quarantine": QUARANTINE.model_copy(update={"kept": 979})}, "rows kept by quarantine is 979 but"),
        ({"labels": LABELS.model_copy(update={"maturity_months": 12})}, "labels' maturity is 12"),
    ],
)
def test_a_missing_section_or_another_models_record_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        made(**changes)


def test_what_checks_found_is_in_the_card_and_their_drawings_are_not() -> None:
    text = made().to_markdown()
    assert "| selection_rate | sex=female | 0.6543 [0.6000, 0.7000] (n=321) |" in text
    assert "Women and men are treated alike." in text
    assert "| sex=female | 321 |" in text
    assert "Left out: no privacy here" in text
    assert "<svg" not in made().model_dump_json()


def test_the_datasheet_is_part_of_the_card_and_its_headings_fit_below() -> None:
    text = made().to_markdown()
    assert "### Datasheet: `sba_ca_1997_2012.parquet`" in text
    assert "#### Where it comes from" in text


def test_a_use_case_without_a_datasheet_gets_no_card() -> None:
    bare = USE_CASE.model_copy(update={"data": USE_CASE.data.model_copy(update={"datasheet": " "})})
    with pytest.raises(FairleadError, match=r"would lack the datasheet \(data\.datasheet in the use case\)"):
        model_card(bare, CONTRACT, LABELS, QUARANTINE, METRICS, REPORTS)


def test_a_card_without_intended_use_cannot_be_made() -> None:
    with pytest.raises(FairleadError, match="intended_use"):
        load(USE_CASE.model_copy(update={"intended_use": ""}).model_dump_json(indent=1))


def test_repaired_rows_are_told_with_the_table_that_they_came_from() -> None:
    assert "- repaired: no rows" in made().to_markdown()
    mended = QUARANTINE.model_copy(update={"repaired": 7, "repaired_sha256": "f" * 64})
    assert f"- repaired: 7 rows, from a table with sha256 `{'f' * 64}`" in made(quarantine=mended).to_markdown()


def test_the_first_day_of_an_input_is_told() -> None:
    day = Field(name="Day", kind="date", earliest=date(1953, 7, 30))
    card = made(contract=CONTRACT.model_copy(update={"inputs": (day,)}))
    assert "| Day | date | no | from 1953-07-30 |" in card.to_markdown()


def test_rows_that_take_part_with_weights_are_told_with_the_bad_ones_to_be_expected() -> None:
    split = SPLIT.model_copy(update={"expected_bad": 7.25})
    labels = LABELS.model_copy(update={"weighed": 100, "splits": {**LABELS.splits, "test": split}})
    text = made(labels=labels).to_markdown()
    assert "123 rows up to 2003-12-31 had not had that time, 4 of them already bad; 100 of them take part" in text
    assert "and 23 were left out" in text
    assert "| split | rows | bad | bad, expected |" in text
    assert "| test | 100 | 3 | 7.2 | 2000-01-03 to 2000-12-29 |" in text
    assert "| train | 100 | 3 | not measured |" in text


def test_the_training_window_is_told_with_what_it_left_out() -> None:
    assert "- training window: expanding; 0 rows were older" in made().to_markdown()
    training = USE_CASE.training.model_copy(update={"window": Window(policy="sliding", months=60)})
    sliding = USE_CASE.model_copy(update={"training": training})
    labels = LABELS.model_copy(update={"too_old": 41})
    text = model_card(sliding, CONTRACT, labels, QUARANTINE, METRICS, REPORTS).to_markdown()
    assert "- training window: sliding 60 months; 41 rows were older and were left out" in text


def test_a_card_from_before_there_were_windows_can_be_read() -> None:
    card = made().model_dump(mode="json", exclude={"window": True, "labels": {"weighed", "too_old"}})
    assert ModelCard.model_validate(card) == made()
