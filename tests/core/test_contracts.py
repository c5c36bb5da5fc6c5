import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.core.contracts import Contract, Estimate, Field, GateResult, SliceMetrics, type_of_kind

FIELD = Field(name="amount", kind="float", minimum=1)


@pytest.fixture
def contract():
    return Contract(
        model="loans",
        inputs=(FIELD, Field(name="kind", kind="category", values=("a", "b"), nullable=True)),
        features=("log_amount",),
        threshold=0.1,
        as_of="2003-12-31",
        trained_until="2000-03-01",
        algorithm="xgboost",
        data_hash="d" * 64,
        transform_fingerprint="t" * 64,
        code_fingerprint="c" * 64,
        environment_lock="e" * 64,
    )


def test_a_contract_is_read_as_it_was_written(contract, tmp_path):
    contract.write(tmp_path / "contract.json")
    assert Contract.read(tmp_path / "contract.json") == contract


def test_equal_values_give_equal_bytes(contract, tmp_path):
    contract.write(tmp_path / "a")
    Contract.read(tmp_path / "a").write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert list(json.loads((tmp_path / "a").read_text())) == sorted(Contract.model_fields)


def test_a_contract_of_another_version_or_with_unknown_fields_is_refused(contract, tmp_path):
    for change in ({"schema_version": 2}, {"surprise": 1}):
        (tmp_path / "contract.json").write_text(json.dumps({**contract.model_dump(mode="json"), **change}))
        with pytest.raises(ValidationError, match=next(iter(change))):
            Contract.read(tmp_path / "contract.json")


def test_values_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        FIELD.name = "x"


@pytest.mark.parametrize(("kind", "datatype"), type_of_kind.items())
def test_each_kind_has_a_v2_datatype(kind, datatype):
    assert Field(name="x", kind=kind).datatype == datatype


numbers = st.floats(allow_nan=False, allow_infinity=True)


@given(value=st.none() | numbers, low=st.none() | numbers, high=st.none() | numbers, n=st.integers(0))
def test_estimates_survive_json_to_the_last_bit(value, low, high, n):
    metrics = SliceMetrics(dataset="test", slice="all", metrics={"m": Estimate(value=value, low=low, high=high, n=n)})
    assert SliceMetrics.model_validate_json(metrics.model_dump_json()) == metrics


def test_not_a_number_survives_json():
    back = Estimate.model_validate_json(Estimate(value=math.nan, n=1).model_dump_json())
    assert back.value is not None
    assert math.isnan(back.value)


def test_an_estimate_says_what_it_does_not_know():
    assert str(Estimate(value=None, n=3)) == "no data (n=3)"
    assert str(Estimate(value=0.5, n=3)) == "0.5000 (n=3)"
    assert str(Estimate(value=0.5, low=0.4, high=0.6, n=3)) == "0.5000 [0.4000, 0.6000] (n=3)"


def test_a_gate_result_has_one_of_three_verdicts():
    for verdict in ("pass", "fail", "no_data"):
        assert GateResult(gate="g", check="c", threshold=1, value=None, verdict=verdict).blocking
    with pytest.raises(ValidationError, match="verdict"):
        GateResult(gate="g", check="c", threshold=1, value=None, verdict="skipped")
