import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.training.signing import ensure_key, sign, verify


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    pair = folder / "signing.pem", folder / "signing.pub.pem"
    ensure_key(*pair)
    return pair


@pytest.fixture
def bundle(signed_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_bundle, tmp_path / "bundle"))


def test_a_signed_bundle_verifies(bundle, session_settings):
    verify(bundle, session_settings.verify_key)


def test_signing_again_replaces_the_signature(bundle, keys, session_settings):
    sign(bundle, keys[0])
    verify(bundle, keys[1])
    with pytest.raises(IntegrityError, match="Key mismatch"):
        verify(bundle, session_settings.verify_key)
    assert [p.name for p in bundle.parent.iterdir()] == ["bundle"]


def test_where_both_keys_are_nothing_is_written(keys, tmp_path):
    pair = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    for key, copy in zip(keys, pair, strict=True):
        shutil.copy(key, copy)
    ensure_key(*pair)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["signing.pem", "signing.pub.pem"]


@pytest.mark.parametrize("name", ["model.onnx", "transform.json", "checksums.json", "model_card.md"])
def test_a_changed_file_is_named(bundle, name, session_settings):
    content = bytearray((bundle / name).read_bytes())
    content[-2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"Hash mismatch for '{name}'"):
        verify(bundle, session_settings.verify_key)


@pytest.mark.parametrize("name", ["extra.txt", ".gitignore"])
def test_an_added_file_is_named(bundle, name, session_settings):
    (bundle / name).write_text("hello")
    with pytest.raises(IntegrityError, match=f"Extra files found .*{name}"):
        verify(bundle, session_settings.verify_key)


def test_a_removed_file_is_named(bundle, session_settings):
    (bundle / "transform.json").unlink()
    with pytest.raises(IntegrityError, match=r"Missing files .*transform\.json"):
        verify(bundle, session_settings.verify_key)


def test_a_bundle_without_a_signature_is_refused(bundle, session_settings):
    (bundle / "model.sig").unlink()
    with pytest.raises(IntegrityError, match=r"is not signed: it has no model\.sig"):
        verify(bundle, session_settings.verify_key)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"mediaType"', b"\x80\x04."])
def test_a_signature_that_is_none_is_refused(bundle, content, session_settings):
    (bundle / "model.sig").write_bytes(content)
    with pytest.raises(IntegrityError, match="does not fit its signature"):
        verify(bundle, session_settings.verify_key)


def test_the_private_key_is_its_owners_alone(keys):
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600


def test_keys_are_made_once_however_many_ask(tmp_path):
    pair = tmp_path / "k" / "signing.pem", tmp_path / "p" / "signing.pub.pem"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ensure_key(*pair), range(16)))
    before = pair[0].read_bytes(), pair[1].read_bytes()
    ensure_key(*pair)
    assert (pair[0].read_bytes(), pair[1].read_bytes()) == before
    assert [p.name for p in pair[1].parent.iterdir()] == ["signing.pub.pem"]


def test_keys_are_made_once_by_several_processes(tmp_path, bundle):
    pair = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    code = (
        "import sys, pathlib; from components.training.signing import ensure_key\n"
        "ensure_key(*map(pathlib.Path, sys.argv[1:]))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, *pair]) for _ in range(3)]
    assert [p.wait(timeout=60) for p in started] == [0, 0, 0]
    sign(bundle, pair[0])
    verify(bundle, pair[1])


def test_a_lost_public_key_is_derived_again(tmp_path):
    pair = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    ensure_key(*pair)
    before = pair[1].read_bytes()
    pair[1].unlink()
    ensure_key(*pair)
    assert pair[1].read_bytes() == before


def test_a_lost_private_key_is_not_made_anew_behind_the_public_one(tmp_path):
    pair = tmp_path / "signing.pem", tmp_path / "signing.pub.pem"
    ensure_key(*pair)
    pair[0].unlink()
    with pytest.raises(FairleadError, match=r"there is a verify key .* but no signing key"):
        ensure_key(*pair)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN NONSENSE-----"])
def test_a_key_that_cannot_be_read_names_its_setting(bundle, tmp_path, content):
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(FairleadError, match="FAIRLEAD_SIGNING_KEY"):
        sign(bundle, tmp_path / "key.pem")
    with pytest.raises(FairleadError, match="FAIRLEAD_VERIFY_KEY"):
        verify(bundle, tmp_path / "key.pem")
