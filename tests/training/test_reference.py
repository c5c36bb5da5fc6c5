import json

import numpy as np
import polars as pl

from components.core.contracts import Contract, Field
from components.training.reference import CATEGORIES, POINTS, reference


def test_the_reference_sums_up_the_training_rows(signed_bundle, small_dataset):
    reference = json.loads((signed_bundle / "reference.json").read_text())
    frame = pl.read_parquet(small_dataset).filter(pl.col("split") == "train")
    assert reference["rows"] == len(frame)
    amounts = reference["inputs"]["GrAppv"]
    assert amounts["missing"] == 0
    assert (amounts["quantiles"][0], amounts["quantiles"][-1]) == (frame["GrAppv"].min(), frame["GrAppv"].max())
    days = reference["inputs"]["ApprovalDate"]["quantiles"]
    assert days[0] == frame["ApprovalDate"].min().isoformat()
    banks = reference["inputs"]["Bank"]
    assert sum(banks["counts"].values()) + banks["other"] + banks["missing"] == len(frame)
    assert banks["other"] > 0
    assert banks["counts"]["WELLS FARGO BANK NATL ASSOC"] == (frame["Bank"] == "WELLS FARGO BANK NATL ASSOC").sum()
    assert set(reference["features"]) == set(Contract.read(signed_bundle / "contract.json").features)


def _summary(field, values):
    contract = Contract(
        model="m",
        inputs=(field,),
        features=("f",),
        threshold=0.5,
        as_of="2003-12-31",
        trained_until="2000-03-01",
        algorithm="logistic",
        data_hash="",
        transform_fingerprint="",
        code_fingerprint="",
        environment_lock="",
    )
    n = len(values)
    found = reference({field.name: values}, np.zeros((n, 1), dtype=np.float32), np.full(n, 0.5), contract)
    json.dumps(found, allow_nan=False)
    return found["inputs"][field.name]


def test_missing_numbers_are_counted_and_left_out_of_the_quantiles():
    values = np.array([np.nan, 3.0, 1.0, 2.0, np.nan])
    found = _summary(Field(name="x", kind="float", nullable=True), values)
    assert found["missing"] == 2
    assert len(found["quantiles"]) == POINTS
    assert set(found["quantiles"]) == {1.0, 2.0, 3.0}


def test_a_column_without_any_value_has_no_quantiles():
    assert _summary(Field(name="x", kind="float", nullable=True), np.full(3, np.nan)) == {"missing": 3, "quantiles": []}
    dates = np.full(3, "NaT", dtype="datetime64[D]")
    assert _summary(Field(name="x", kind="date", nullable=True), dates) == {"missing": 3, "quantiles": []}


def test_rare_categories_are_counted_together():
    values = np.array(["often"] * 3 + [f"rare{i:03}" for i in range(CATEGORIES + 4)] + [None], dtype=object)
    found = _summary(Field(name="x", kind="category", nullable=True), values)
    assert (len(found["counts"]), found["other"], found["missing"]) == (CATEGORIES, 5, 1)
    assert next(iter(found["counts"].items())) == ("often", 3)
