"""Every way in which a bundle can be other than it says, and what is said then."""

import json
import shutil
from pathlib import Path

import pytest

from components.core.errors import IntegrityError
from components.training import fingerprints, integrity
from components.training.bundle import Bundle


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


def _with_other_code(monkeypatch):
    code = dict.fromkeys(fingerprints.ALWAYS, "0" * 64)
    monkeypatch.setattr(integrity, "scoring_code", lambda _: code)


def test_other_code_that_scores_the_examples_alike_is_taken_where_that_is_asked_for(copy, monkeypatch):
    _with_other_code(monkeypatch)
    assert "code: expected fingerprint" in _refusal(copy)
    assert Bundle.open(copy, same_code=False).examples()


def test_other_code_that_scores_the_examples_otherwise_is_refused(copy, monkeypatch):
    _with_other_code(monkeypatch)
    _edit(copy, "examples.json", lambda examples: examples[0].update(probability=0.5))
    with pytest.raises(IntegrityError, match=r"example 'low risk': scores 0\.\d+ here, expected 0\.500000000"):
        Bundle.open(copy, same_code=False)


def test_a_changed_file_is_refused_whatever_code_is_taken(copy):
    (copy / "reference.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"reference\.json: expected sha256"):
        Bundle.open(copy, same_code=False)
