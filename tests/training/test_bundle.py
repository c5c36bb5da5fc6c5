import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest

from components.core.contracts import Contract
from components.core.errors import FairleadError
from components.features.rows import request_fields
from components.training import bundle, fingerprints, integrity
from components.training.bundle import Bundle
from components.training.dataset import read

EXPLAIN = Path(".fairlead/envs/explain/bin/python").absolute()


def test_a_bundle_answers_like_the_candidate_it_was_made_from(signed_bundle, candidate, small_dataset, sba):
    opened = Bundle.open(signed_bundle)
    for split in ("train", "calibration", "test", "backtest"):
        rows = read(small_dataset, sba, split).columns
        assert np.abs(opened.probability(rows) - candidate.probability(rows)).max() <= 1e-6
    assert set(opened.decide(opened.probability(rows))) == {0, 1}


def test_the_contract_says_what_the_model_takes_and_was_made_from(signed_bundle, candidate, sba):
    contract = Contract.read(signed_bundle / "contract.json")
    assert contract.inputs == request_fields(sba)
    assert contract.features == candidate.transform.names
    assert contract.event_time == "ApprovalDate"
    assert [(e.name, e.key, e.window_months) for e in contract.entities] == [
        (e.name, e.column, e.window_months) for e in sba.features.entities
    ]
    assert {name for e in contract.entities for name in e.history} < {f.name for f in contract.inputs}
    assert contract.transform_fingerprint == candidate.transform.fingerprint()
    assert contract.threshold == candidate.threshold
    assert contract.environment_lock == fingerprints.environment_lock() != "unknown"
    assert (contract.model, contract.as_of, contract.algorithm) == ("sba_loans", "2008-12-31", "xgboost")


def test_the_examples_are_three_different_requests_with_their_answers(signed_bundle):
    low, middling, high = Bundle.open(signed_bundle).examples()
    assert low["probability"] < middling["probability"] < high["probability"]
    assert all({t["name"] for t in e["request"]["inputs"]} >= {"GrAppv", "ApprovalDate"} for e in (low, middling, high))


def test_background_rows_are_training_rows(signed_bundle, small_dataset, sba):
    opened = Bundle.open(signed_bundle)
    background, training = opened.background(), read(small_dataset, sba, "train").columns
    assert {len(v) for v in background.values()} == {bundle.BACKGROUND_ROWS}
    assert set(background["GrAppv"]) <= set(training["GrAppv"])
    assert background["ApprovalDate"].dtype == training["ApprovalDate"].dtype
    assert np.isfinite(opened.probability(background)).all()


def test_equal_input_gives_equal_bytes(candidate, sba, small_dataset, tmp_path):
    for name in ("one", "two"):
        bundle.write(candidate, sba, small_dataset, sba.as_of, "0" * 64, tmp_path / name)
    assert integrity.checksums(tmp_path / "one") == integrity.checksums(tmp_path / "two")


def test_a_bundle_opens_where_no_training_library_is(signed_bundle):
    if not EXPLAIN.exists():
        pytest.skip("the explain environment was not made")
    code = (
        "import sys, pathlib; from components.training.bundle import Bundle\n"
        "b = Bundle.open(pathlib.Path(sys.argv[1]))\n"
        "assert not {'polars', 'xgboost', 'sklearn', 'model_signing', 'onnx'} & set(sys.modules), sorted(sys.modules)\n"
        "print(repr(float(b.probability(b.background()).sum())))"
    )
    ran = subprocess.run([EXPLAIN, "-c", code, signed_bundle], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    opened = Bundle.open(signed_bundle)
    assert float(ran.stdout) == pytest.approx(opened.probability(opened.background()).sum(), abs=1e-6)


def test_a_bundle_is_never_written_over(signed_bundle, candidate, sba, small_dataset):
    with pytest.raises(FairleadError, match="never written over"):
        bundle.write(candidate, sba, small_dataset, sba.as_of, "0" * 64, signed_bundle)


def test_nothing_is_left_when_writing_fails(candidate, sba, small_dataset, tmp_path):
    broken = dataclasses.replace(candidate, algorithm="forest")
    with pytest.raises(FairleadError, match="unknown algorithm"):
        bundle.write(broken, sba, small_dataset, sba.as_of, "0" * 64, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_transform_reads_back_as_it_was_written(signed_bundle, candidate):
    assert Bundle.open(signed_bundle).transform == candidate.transform
