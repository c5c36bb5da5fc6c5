import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Contract
from components.core.errors import FairleadError, IntegrityError
from components.features.rows import request_fields
from components.features.transform import Transform
from components.training import bundle, fingerprints, integrity
from components.training.bundle import Bundle
from components.training.dataset import read

EXPLAIN = Path(".fairlead/envs/explain/bin/python").absolute()


@pytest.fixture
def copy(signed_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_bundle, tmp_path / "copy"))


def _edit(folder: Path, name: str, change, *, checksum: bool = True) -> None:
    """Change a JSON file of a bundle and, like a clever forger, its checksum too."""
    path = folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    if checksum:
        (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)))


def _refusal(folder: Path) -> str:
    with pytest.raises(IntegrityError) as caught:
        Bundle.open(folder)
    return str(caught.value)


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


def test_equal_input_gives_equal_bytes(signed_bundle, candidate, sba, small_dataset, tmp_path):
    contract = Contract.read(signed_bundle / "contract.json")
    as_of = pl.Series([contract.as_of]).str.to_date()[0]
    bundle.write(candidate, sba, small_dataset, as_of, contract.data_hash, tmp_path / "b", card_markdown="# A model\n")
    assert integrity.checksums(tmp_path / "b") == integrity.checksums(signed_bundle)


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


@pytest.mark.parametrize("name", sorted({*integrity.REQUIRED, "model.ubj", "model_card.md"}))
def test_a_changed_byte_in_any_file_is_refused_by_name(copy, name):
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    expected = json.loads((copy / "checksums.json").read_text())[name]
    assert f"{name}: expected sha256 {expected[:12]}…, found " in _refusal(copy)


@pytest.mark.parametrize("name", sorted({*integrity.REQUIRED, "checksums.json", "model.ubj"}))
def test_a_missing_file_is_refused_by_name(copy, name):
    (copy / name).unlink()
    assert f"{name}" in _refusal(copy)
    assert "missing" in _refusal(copy)


@pytest.mark.parametrize("name", ["contract.json", "transform.json", "calibration.json", "checksums.json"])
def test_truncated_json_is_refused_by_name(copy, name):
    path = copy / name
    path.write_bytes(path.read_bytes()[:40])
    if name != "checksums.json":
        (copy / "checksums.json").write_text(json.dumps(integrity.checksums(copy)))
    assert f"{name}: cannot be read" in _refusal(copy)


def test_a_file_too_many_is_refused(copy):
    (copy / "notes.txt").write_text("hello")
    assert "notes.txt: not in checksums.json" in _refusal(copy)


def test_links_and_folders_are_refused(copy):
    (copy / "extra").mkdir()
    (copy / "link.json").symlink_to("/etc/hostname")
    text = _refusal(copy)
    assert "extra: is a link or a folder" in text
    assert "link.json: is a link or a folder" in text


def test_an_unknown_schema_version_is_refused(copy):
    _edit(copy, "contract.json", lambda c: c.update(schema_version=2))
    assert "schema_version 2 is not known here; allowed: 1" in _refusal(copy)


def test_a_contract_with_a_wrong_field_says_which(copy):
    _edit(copy, "contract.json", lambda c: c["inputs"][0].update(kind="complex"))
    assert "contract.json: cannot be read: inputs.0.kind" in _refusal(copy)


def test_a_changed_transform_is_refused_with_the_feature_that_differs(copy):
    _edit(copy, "transform.json", lambda c: c["state"].update(bank_rate=0.5))
    text = _refusal(copy)
    assert "transform: expected fingerprint" in text
    assert "transform: what feature bank_rate learnt: expected" in text
    assert "zip_rate" not in text


def test_a_transform_with_an_unknown_feature_is_refused(copy):
    _edit(copy, "transform.json", lambda c: c["features"].append("shoe_size"))
    assert "transform.json: cannot be read: unknown feature 'shoe_size'" in _refusal(copy)


def test_features_in_another_order_are_refused(copy):
    _edit(copy, "transform.json", lambda c: c["features"].reverse())
    assert "the contract has ['log_amount'" in _refusal(copy)


def test_changed_code_is_refused_with_the_module_that_differs(copy, signed_bundle, monkeypatch):
    module = "components.features.sba_loans"
    known = fingerprints.scoring_code(Bundle.open(signed_bundle).transform)
    monkeypatch.setattr(integrity, "scoring_code", lambda _: {**known, module: "0" * 64})
    assert f"code: module {module}: expected {known[module][:12]}…, found 000000000000…" in _refusal(copy)


def test_the_code_fingerprint_covers_the_features_and_not_the_reports(candidate):
    code = fingerprints.scoring_code(candidate.transform)
    assert {"components.features.sba_loans", "components.features.rows", *fingerprints.ALWAYS} <= code.keys()
    assert all(name.startswith(("components.features.", "components.training.")) for name in code)
    assert "components.training.evaluate" not in code


def test_another_model_file_is_refused_even_with_a_fitting_checksum(copy):
    (copy / "model.onnx").write_bytes(b"not a model")
    (copy / "checksums.json").write_text(json.dumps(integrity.checksums(copy)))
    assert "cannot be loaded as an ONNX model" in _refusal(copy)


def test_another_environment_is_a_warning(copy, caplog):
    _edit(copy, "contract.json", lambda c: c.update(environment_lock="f" * 64))
    Bundle.open(copy)
    assert "environment lock ffffffffffff…" in caplog.text


def test_no_directory_is_refused(tmp_path):
    assert "there is no such directory" in _refusal(tmp_path / "nothing")


def test_a_bundle_is_never_written_over(signed_bundle, candidate, sba, small_dataset):
    with pytest.raises(FairleadError, match="never written over"):
        bundle.write(candidate, sba, small_dataset, sba.as_of, "0" * 64, signed_bundle)


def test_nothing_is_left_when_writing_fails(candidate, sba, small_dataset, tmp_path):
    broken = dataclasses.replace(candidate, algorithm="forest")
    with pytest.raises(FairleadError, match="unknown algorithm"):
        bundle.write(broken, sba, small_dataset, sba.as_of, "0" * 64, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_transform_reads_back_as_it_was_written(signed_bundle, candidate):
    assert isinstance(candidate.transform, Transform)
    assert Bundle.open(signed_bundle).transform == candidate.transform
