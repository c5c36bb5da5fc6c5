from collections.abc import Iterator

import pytest

from components.core.errors import FairleadError
from components.core.objects import CHUNK, STORES, download, is_object, object_store
from tests.core.google_storage import google_storage
from tests.core.s3_storage import s3_storage


@pytest.fixture(scope="module")
def servers() -> Iterator[None]:
    """Servers of both protocols on loopback, each with a bucket named ``data``."""
    with google_storage("data") as address, s3_storage("data"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        yield


pytestmark = pytest.mark.usefixtures("servers")
every_store = pytest.mark.parametrize("scheme", STORES)


@every_store
def test_what_is_written_is_listed_and_read(scheme, tmp_path):
    (tmp_path / "in").write_bytes(b"\x00\xffrow\n" * 3)
    store, name = object_store(f"{scheme}://data/folder/a/1.bin")
    assert name == "folder/a/1.bin"
    for key in (name, "folder/b", "folderless"):
        store.write(key, tmp_path / "in")
    assert store.names("folder/") == ["folder/a/1.bin", "folder/b"]
    assert store.names("folder/a/") == [name]
    assert store.names("nothing/") == []
    download(f"{scheme}://data/{name}", tmp_path / "deep" / "out")
    assert (tmp_path / "deep" / "out").read_bytes() == (tmp_path / "in").read_bytes()
    with store.reader(name) as stream:
        assert stream.read(2) == b"\x00\xff"


@every_store
def test_an_object_longer_than_a_chunk_is_copied_whole(scheme, tmp_path):
    content = bytes(range(256)) * (CHUNK // 256) + b"the end"
    (tmp_path / "in").write_bytes(content)
    store, _ = object_store(f"{scheme}://data/x")
    store.write("large", tmp_path / "in")
    download(f"{scheme}://data/large", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content


@every_store
@pytest.mark.parametrize("place", ["data/none", "nobucket/none"])
def test_what_is_not_there_is_an_error_and_leaves_no_file(scheme, place, tmp_path):
    uri = f"{scheme}://{place}"
    with pytest.raises(FairleadError, match=f"^{uri} does not exist; check the bucket and the name") as caught:
        download(uri, tmp_path / "out")
    assert caught.value.__cause__ is not None
    assert list(tmp_path.iterdir()) == []


@every_store
def test_a_uri_needs_a_bucket(scheme):
    with pytest.raises(FairleadError, match=f"names no bucket; write {scheme}://BUCKET/NAME"):
        object_store(f"{scheme}:///name")


def test_other_stores_are_unknown():
    with pytest.raises(FairleadError, match="allowed: gs://BUCKET/NAME, s3://BUCKET/NAME"):
        object_store("az://bucket/name")


@pytest.mark.parametrize(
    ("uri", "expected"), [("gs://b/n", True), ("s3://b/n", True), ("/a", False), ("gs", False), ("http://x", False)]
)
def test_a_uri_says_whether_it_names_an_object(uri, expected):
    assert is_object(uri) is expected
