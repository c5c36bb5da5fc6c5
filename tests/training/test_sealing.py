import pytest

from components.core.artifacts import hash_file
from components.core.errors import FairleadError, IntegrityError
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.sealing import seal
from tests.registry.conftest import run_and_kill


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "signing.pem", tmp_path / "signing.pub.pem"


def test_a_sealed_bundle_is_signed_and_opens(draft, keys, tmp_path):
    digest = seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert digest == hash_file(tmp_path / "sealed" / "checksums.json")
    signing.verify(tmp_path / "sealed", keys[1])
    Bundle.open(tmp_path / "sealed")
    assert (tmp_path / "sealed" / "model_card.md").read_text() == "# Card"


def test_the_draft_is_left_as_it_is_and_is_no_bundle_to_serve(draft, keys, tmp_path):
    before = {p.name: hash_file(p) for p in draft.iterdir()}
    seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert {p.name: hash_file(p) for p in draft.iterdir()} == before
    with pytest.raises(IntegrityError, match=r"model\.sig"):
        signing.verify(draft, keys[1])


@pytest.mark.parametrize("name", ["model_card.md", "model_card.json", "model.onnx", "checksums.json"])
def test_one_changed_byte_breaks_the_signature(draft, keys, tmp_path, name):
    path = tmp_path / "sealed" / name
    seal(draft, "# Card", "{}", *keys, path.parent)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(IntegrityError):
        signing.verify(path.parent, keys[1])
    if name != integrity.CHECKSUMS:
        with pytest.raises(IntegrityError, match=rf"{name}: expected sha256"):
            Bundle.open(path.parent)


def test_equal_drafts_and_cards_have_one_name(draft, keys, tmp_path):
    digests = {seal(draft, "# Card", "{}", *keys, tmp_path / name) for name in ("a", "b")}
    assert len(digests) == 1
    assert seal(draft, "# Another card", "{}", *keys, tmp_path / "c") not in digests


def test_a_changed_draft_is_not_sealed(draft, keys, tmp_path):
    (draft / "transform.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"transform\.json: expected sha256"):
        seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()


def test_a_draft_with_a_file_too_many_is_not_sealed(draft, keys, tmp_path):
    (draft / "notes.txt").write_text("hello")
    with pytest.raises(IntegrityError, match=r"notes\.txt: not in checksums\.json"):
        seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")


@pytest.mark.parametrize("card", [("", "{}"), ("# Card", ""), (" \n", "{}")])
def test_nothing_is_sealed_without_its_card(draft, keys, tmp_path, card):
    with pytest.raises(FairleadError, match="without its model card"):
        seal(draft, *card, *keys, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()


def test_a_sealed_bundle_is_never_written_over(draft, keys, tmp_path):
    (tmp_path / "sealed").mkdir()
    with pytest.raises(FairleadError, match="never written over"):
        seal(draft, "# Card", "{}", *keys, tmp_path / "sealed")
    assert list((tmp_path / "sealed").iterdir()) == []


@pytest.mark.parametrize(
    ("owner", "name", "when"),
    [(integrity, "checksums", "after"), (signing, "sign", "before"), (signing, "sign", "after")],
)
def test_killed_in_the_middle_it_leaves_no_bundle_and_is_done_again(draft, keys, tmp_path, owner, name, when):
    target = tmp_path / "sealed"
    run_and_kill(lambda: seal(draft, "# Card", "{}", *keys, target), owner, name, when)
    assert not target.exists()
    digest = seal(draft, "# Card", "{}", *keys, target)
    signing.verify(target, keys[1])
    assert digest == hash_file(target / integrity.CHECKSUMS)
