import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from components.core.config import write_settings
from components.core.errors import FairleadError, IntegrityError
from components.registry import store
from components.serving import fetch
from components.serving.fetch import bring
from components.serving.server import open_bundle
from components.training import signing
from tests.core.google_storage import google_storage
from tests.core.s3_storage import s3_storage


@pytest.fixture
def target(tmp_path):
    """A volume's mount: a folder that is there and empty."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def s3() -> Iterator[str]:
    """A bucket behind a real S3 protocol server on loopback."""
    with s3_storage("models"):
        yield "s3://models/bundles"


@pytest.fixture
def gs(monkeypatch) -> Iterator[str]:
    with google_storage("models") as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        yield "gs://models/bundles"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def run(source, target, settings):
    """Run it as KServe does: a process, its settings from the environment."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}
    return subprocess.run(
        [sys.executable, "-m", "components.serving.fetch", source, str(target)],
        env=others | write_settings(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("where", ["directory", "gs", "s3"])
def test_a_bundle_lies_in_the_folder_and_is_one_that_a_server_takes(
    where, request, signed_bundle, session_settings, target
):
    uri = str(signed_bundle)
    if where != "directory":
        uri = store.put(signed_bundle, request.getfixturevalue(where))
    bring(uri, target, session_settings)
    assert names(target) == names(signed_bundle)
    assert all((target / name).read_bytes() == (signed_bundle / name).read_bytes() for name in names(target))
    opened, version = open_bundle(str(target), session_settings)
    assert (opened.path, version) == (target, opened.version())
    assert names(signed_bundle), "a directory is copied, not emptied"


def test_a_container_that_is_restarted_finds_what_it_left_and_makes_room(signed_bundle, session_settings, target):
    bring(str(signed_bundle), target, session_settings)
    (target / ".fetch-killed").mkdir()
    (target / ".fetch-killed" / "model.onnx").write_text("half")
    (target / "model.onnx").write_bytes(b"another model")
    bring(str(signed_bundle), target, session_settings)
    assert names(target) == names(signed_bundle)


def test_a_bundle_killed_on_the_way_is_none(signed_bundle, session_settings, target, monkeypatch):
    make_room = fetch._make_room

    def die(folder):
        make_room(folder)
        raise KeyboardInterrupt

    bring(str(signed_bundle), target, session_settings)
    monkeypatch.setattr(fetch, "_make_room", die)
    with pytest.raises(KeyboardInterrupt):
        bring(str(signed_bundle), target, session_settings)
    with pytest.raises(IntegrityError, match=r"checksums\.json"):
        open_bundle(str(target), session_settings)


def test_what_is_no_part_of_the_bundle_is_named(signed_bundle, session_settings, target):
    (target / "notes.txt").write_text("mine")
    with pytest.raises(IntegrityError, match=r"notes\.txt"):
        bring(str(signed_bundle), target, session_settings)
    assert (target / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_not_there_is_an_error(signed_bundle, session_settings, tmp_path):
    with pytest.raises(FairleadError, match="is no folder"):
        bring(str(signed_bundle), tmp_path / "none", session_settings)


def test_a_changed_bundle_is_refused_and_leaves_nothing(signed_bundle, session_settings, target, tmp_path):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"x")
    found = run(str(copy), target, session_settings)
    assert found.returncode == fetch.REFUSED
    assert "NOT FETCHED" in found.stderr
    assert "model.onnx" in found.stderr
    assert names(target) == []


def test_a_bundle_signed_by_another_is_refused(signed_bundle, session_settings, target, tmp_path):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    stranger = session_settings.model_copy(
        update={"signing_key": tmp_path / "stranger.pem", "verify_key": tmp_path / "stranger.pub.pem"}
    )
    (copy / "model.sig").unlink()
    signing.ensure_key(stranger.signing_key, stranger.verify_key)
    signing.sign(copy, stranger.signing_key)
    with pytest.raises(IntegrityError, match="does not fit its signature"):
        bring(str(copy), target, session_settings)
    assert names(target) == []


def test_the_process_says_what_it_did_and_writes_into_the_volume_alone(
    signed_bundle, session_settings, target, tmp_path
):
    home = tmp_path / "home"
    found = run(str(signed_bundle), target, session_settings.model_copy(update={"home": home}))
    assert (found.returncode, found.stderr) == (0, "")
    assert f"fetched {signed_bundle} into {target}" in found.stdout
    assert names(target) == names(signed_bundle)
    assert not home.exists()


def test_a_source_that_is_not_there_ends_with_its_own_status(session_settings, target):
    found = run("models:/sba_loans", target, session_settings)
    assert found.returncode == fetch.REFUSED
    assert "allowed: models:/NAME/VERSION, models:/NAME@ALIAS" in found.stderr
    assert "Traceback" not in found.stderr
