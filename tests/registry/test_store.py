import json
import shutil
from collections.abc import Iterator

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.core.objects import S3, object_store
from components.registry import store
from tests.core.google_storage import google_storage
from tests.core.s3_storage import s3_storage
from tests.registry.conftest import run_and_kill, run_at_once


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket behind a real S3 protocol server on loopback."""
    with s3_storage("models"):
        yield "s3://models/bundles"


@pytest.fixture
def gs(monkeypatch) -> Iterator[str]:
    with google_storage("models") as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        yield "gs://models/bundles"


@pytest.mark.parametrize("where", ["directory", "gs", "s3"])
def test_what_is_put_is_fetched(where, request, signed_bundle, settings, tmp_path):
    root = settings.bundle_store if where == "directory" else request.getfixturevalue("s3")
    uri = store.put(signed_bundle, root)
    assert uri.endswith(store.digest(signed_bundle))
    found = store.fetch(uri, tmp_path / "cache", settings)
    names = sorted(p.name for p in signed_bundle.iterdir())
    assert sorted(p.name for p in found.iterdir()) == names
    assert all((found / n).read_bytes() == (signed_bundle / n).read_bytes() for n in names)
    assert store.put(signed_bundle, root) == uri
    assert store.fetch(uri, tmp_path / "cache", settings) == found


def test_a_directory_is_used_where_it_is(signed_bundle, settings, tmp_path):
    assert store.fetch(str(signed_bundle), tmp_path / "cache", settings) == signed_bundle
    assert store.fetch(f"file://{signed_bundle}", tmp_path / "cache", settings) == signed_bundle
    assert not (tmp_path / "cache").exists()


def test_model_uris_are_looked_up_in_the_registry(register, signed_bundle, settings, tmp_path):
    version = register(signed_bundle)
    for uri in ("models:/sba_loans/1", "models:/sba_loans@challenger"):
        assert str(store.fetch(uri, tmp_path, settings)) == version.uri
    for uri in ("models:/sba_loans/2", "models:/sba_loans@champion", "models:/other/1"):
        with pytest.raises(FairleadError, match=f"no model {uri}"):
            store.fetch(uri, tmp_path, settings)


@pytest.mark.parametrize("uri", ["http://example.org/b", "hdfs://b/c", "models:/", "models:/a", "models:/a/x", "/none"])
def test_any_other_uri_is_an_error_that_names_what_is_allowed(uri, settings, tmp_path):
    with pytest.raises(FairleadError, match="models:/NAME/VERSION, models:/NAME@ALIAS"):
        store.fetch(uri, tmp_path, settings)


@pytest.mark.parametrize("uri", ["gs://", "s3:///key"])
def test_a_uri_without_a_bucket_is_an_error(uri, settings, tmp_path):
    with pytest.raises(FairleadError, match="names no bucket"):
        store.fetch(uri, tmp_path, settings)


def test_an_unknown_store_is_an_error(signed_bundle):
    with pytest.raises(FairleadError, match=r"unknown bundle store 'ftp://x'; allowed: DIRECTORY, gs://"):
        store.put(signed_bundle, "ftp://x")


def test_a_bundle_that_is_not_what_its_checksums_say_is_not_stored(signed_bundle, settings, tmp_path):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    (copy / "extra.txt").write_text("x")
    (copy / "transform.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"(?s)extra\.txt.*transform\.json"):
        store.put(copy, settings.bundle_store)


def test_a_stored_bundle_that_was_changed_is_not_fetched(signed_bundle, settings, tmp_path):
    uri = store.put(signed_bundle, settings.bundle_store)
    with open(f"{uri}/model.onnx", "ab") as f:  # noqa: PTH123 — the URI is a path
        f.write(b"x")
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        store.fetch(uri, tmp_path, settings)


def test_a_bundle_swapped_for_another_whole_one_is_not_fetched(signed_bundle, variant, settings, tmp_path):
    uri = store.put(signed_bundle, settings.bundle_store)
    shutil.rmtree(uri)
    shutil.copytree(variant("other"), uri)
    with pytest.raises(IntegrityError, match="stored under another"):
        store.fetch(uri, tmp_path, settings)


def test_a_new_signature_replaces_the_old_one(variant, settings, s3):
    first = variant("a")
    uris = [store.put(first, root) for root in (settings.bundle_store, s3)]
    (first / "model.sig").write_bytes(b"new")
    assert [store.put(first, root) for root in (settings.bundle_store, s3)] == uris
    assert (settings.home / "bundles" / store.digest(first) / "model.sig").read_bytes() == b"new"
    bucket, name = object_store(uris[1])
    with bucket.reader(f"{name}/model.sig") as stream:
        assert stream.read() == b"new"


def test_a_fetched_bundle_takes_a_new_signature(variant, settings, s3, tmp_path):
    bundle = variant("a")
    uri = store.put(bundle, s3)
    fetched = store.fetch(uri, tmp_path / "fetched", settings)
    model = (fetched / "model.onnx").stat()
    (bundle / "model.sig").write_bytes(b"new")
    store.put(bundle, s3)
    assert store.fetch(uri, tmp_path / "fetched", settings) == fetched
    assert (fetched / "model.sig").read_bytes() == b"new"
    assert (fetched / "model.onnx").stat() == model


def test_a_bundle_is_present_where_it_was_put_and_nowhere_else(variant, settings, s3):
    for root in (settings.bundle_store, s3):
        uri = store.put(variant(f"b{len(root)}"), root)
        assert store.present(uri)
        assert not store.present(uri[:-1] + ("0" if uri[-1] != "0" else "1"))


def test_a_put_killed_in_the_middle_leaves_nothing_to_fetch(signed_bundle, settings, s3, tmp_path, monkeypatch):
    run_and_kill(lambda: store.put(signed_bundle, settings.bundle_store), store.shutil, "copytree", "after")
    target = settings.home / "bundles" / store.digest(signed_bundle)
    assert not target.exists()

    written = []

    def stop(self, name, source):
        if len(written) == 3:
            raise ConnectionError("gone")
        written.append(name)
        original(self, name, source)

    original = S3.write
    monkeypatch.setattr(S3, "write", stop)
    with pytest.raises(ConnectionError):
        store.put(signed_bundle, f"{s3}/broken")
    monkeypatch.undo()
    uri = f"{s3}/broken/{store.digest(signed_bundle)}"
    with pytest.raises(FairleadError, match="no bundle at"):
        store.fetch(uri, tmp_path, settings)
    assert store.put(signed_bundle, f"{s3}/broken") == uri
    store.fetch(uri, tmp_path, settings)


def test_many_processes_may_put_one_bundle_at_once(signed_bundle, settings):
    run_at_once(*[lambda: store.put(signed_bundle, settings.bundle_store)] * 4)
    assert [p.name for p in (settings.home / "bundles").iterdir()] == [store.digest(signed_bundle)]


def test_an_object_name_that_leads_out_of_the_bundle_is_refused(signed_bundle, settings, s3, tmp_path):
    uri = store.put(signed_bundle, f"{s3}/nested")
    bucket, name = object_store(uri)
    evil = tmp_path / "evil"
    evil.write_text("x")
    bucket.write(f"{name}/folder/evil", evil)
    with pytest.raises(IntegrityError, match="folder/evil"):
        store.fetch(uri, tmp_path / "cache", settings)
    assert json.loads((signed_bundle / "checksums.json").read_text())
