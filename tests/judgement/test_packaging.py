import json

import pytest

from components.core.artifacts import hash_file
from components.core.errors import FairleadError, IntegrityError
from components.judgement.model_card import ModelCard
from components.judgement.packaging import package
from components.training import signing
from components.training.bundle import Bundle
from components.training.evaluate import AllMetrics


@pytest.fixture
def pack(sba, draft, packed, session_settings, tmp_path):
    def call() -> str:
        records = packed.rows, packed.labels, packed.slices
        target = tmp_path / "bundle"
        written = {"card": tmp_path / "card.md", "target": target}
        return package(sba, draft, *records, checks=packed.checks, settings=session_settings, **written)

    return call


def test_the_bundle_is_signed_and_carries_its_card(pack, session_settings, tmp_path):
    digest = pack()
    bundle = tmp_path / "bundle"
    assert digest == hash_file(bundle / "checksums.json")
    signing.verify(bundle, session_settings.verify_key)
    Bundle.open(bundle)
    card = ModelCard.model_validate_json((bundle / "model_card.json").read_bytes())
    assert (bundle / "model_card.md").read_text() == (tmp_path / "card.md").read_text() == card.to_markdown()
    for said in (
        "0.7123",
        "LowDoc in (N, Y)",
        "2008-12-31",
        "Term",
        "- outliers: distance from ",
        "0.6543 [0.6000, 0.7000]",
    ):
        assert said in card.to_markdown()


@pytest.mark.parametrize("name", ["model_card.md", "model_card.json"])
def test_a_changed_card_breaks_the_signature(pack, session_settings, tmp_path, name):
    pack()
    path = tmp_path / "bundle" / name
    path.write_text(path.read_text().replace("0.7123", "0.9123"))
    with pytest.raises(IntegrityError):
        signing.verify(path.parent, session_settings.verify_key)


def test_equal_records_give_the_same_name(pack, tmp_path):
    first = pack()
    (tmp_path / "bundle").rename(tmp_path / "first")
    assert pack() == first


def test_a_changed_draft_is_refused(pack, draft, tmp_path):
    with (draft / "model.onnx").open("ab") as f:
        f.write(b"x")
    with pytest.raises(IntegrityError, match=r"model\.onnx: expected sha256"):
        pack()
    assert not (tmp_path / "bundle").exists()


def test_records_of_another_run_are_refused(pack, packed, tmp_path):
    rows = json.loads(packed.rows.read_text())
    packed.rows.write_text(json.dumps({**rows, "kept": rows["kept"] - 1}))
    with pytest.raises(FairleadError, match="records are not of one model: rows kept by quarantine"):
        pack()
    assert not (tmp_path / "bundle").exists()
    assert not (tmp_path / "card.md").exists()


def test_a_card_without_metrics_is_refused(pack, packed, tmp_path):
    packed.slices.write_bytes(AllMetrics.dump_json([]))
    with pytest.raises(FairleadError, match="would lack the metrics of test/all"):
        pack()
    assert not (tmp_path / "bundle").exists()


def test_a_card_without_the_report_of_a_check_is_refused(pack, packed, tmp_path):
    packed.checks[2].write_text(packed.checks[3].read_text())
    with pytest.raises(FairleadError, match="would lack the check 'fairness'"):
        pack()
    assert not (tmp_path / "bundle").exists()


def test_nothing_is_written_over(pack):
    pack()
    with pytest.raises(FairleadError, match="never written over"):
        pack()
