import json
import shutil

import pytest

from components.core.artifacts import hash_file
from components.core.errors import FairleadError, IntegrityError
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.sealing import seal


@pytest.fixture
def draft(signed_bundle, tmp_path):
    """A bundle as it was before it was sealed."""
    folder = shutil.copytree(signed_bundle, tmp_path / "draft")
    for name in ("model.sig", "model_card.md", "model_card.json"):
        (folder / name).unlink()
    (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)))
    return folder


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "signing.pem", tmp_path / "signing.pub.pem"


def test_a_sealed_bundle_is_signed_and_opens(draft, keys, tmp_path):
    digest = seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert digest == hash_file(tmp_path / "sealed" / "checksums.json")
    signing.verify(tmp_path / "sealed", keys[1])
    Bundle.open(tmp_path / "sealed")
    assert (tmp_path / "sealed" / "model_card.md").read_text() == "# Card"
    assert not (draft / "model.sig").exists()


def test_a_changed_draft_is_not_sealed(draft, keys, tmp_path):
    (draft / "transform.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"transform\.json: expected sha256"):
        seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()


@pytest.mark.parametrize("card", [("", "{}"), ("# Card", "")])
def test_nothing_is_sealed_without_its_card(draft, keys, tmp_path, card):
    with pytest.raises(FairleadError, match="without its model card"):
        seal(draft, *card, *keys, tmp_path / "sealed")


def test_a_sealed_bundle_is_never_written_over(draft, keys, tmp_path):
    (tmp_path / "sealed").mkdir()
    with pytest.raises(FairleadError, match="never written over"):
        seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
