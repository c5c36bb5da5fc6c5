"""Objects in ``gs://`` and ``s3://`` buckets: list, read and write; credentials come from the environment."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from components.core.artifacts import whole_file
from components.core.errors import FairleadError, unknown

CHUNK = 8 * 1024 * 1024
"""Bytes held in memory while an object is copied."""


class ObjectStore(Protocol):
    """A bucket; names are keys inside it, without the bucket."""

    def names(self, prefix: str) -> list[str]:
        """List the objects whose name begins with ``prefix``, in name order."""

    def reader(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object as a stream of bytes."""

    def write(self, name: str, source: Path) -> None:
        """Write a file as an object, whole or not at all."""


class GoogleStorage:
    """A Google Cloud Storage bucket; ``STORAGE_EMULATOR_HOST`` points it at a local server."""

    def __init__(self, bucket: str) -> None:
        # Imported here: core has to import in environments that have no cloud client.
        from google.cloud import storage

        with _told(f"gs://{bucket}"):
            self._bucket = storage.Client().bucket(bucket)

    def names(self, prefix: str) -> list[str]:
        """List objects by prefix."""
        with _told(f"gs://{self._bucket.name}/{prefix}"):
            return sorted(blob.name for blob in self._bucket.list_blobs(prefix=prefix))

    def reader(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open for streaming; bytes are fetched in chunks."""
        stream: AbstractContextManager[IO[bytes]] = self._bucket.blob(name).open("rb", chunk_size=CHUNK)
        return stream

    def write(self, name: str, source: Path) -> None:
        """Upload; the object appears when the last byte is in."""
        with _told(f"gs://{self._bucket.name}/{name}"):
            self._bucket.blob(name).upload_from_filename(str(source))


class S3:
    """An S3 bucket; ``AWS_ENDPOINT_URL`` points it at another store of that protocol."""

    def __init__(self, bucket: str) -> None:
        from pyarrow import fs

        with _told(f"s3://{bucket}"):
            # From the URI, because only so the client looks for AWS_ENDPOINT_URL and for the bucket's own region.
            self._fs: Any = fs.FileSystem.from_uri(f"s3://{bucket}")[0]
        self._selector: Any = fs.FileSelector
        self._file_type: Any = fs.FileType.File
        self._bucket = bucket

    def names(self, prefix: str) -> list[str]:
        """List objects by prefix."""
        folder = f"{self._bucket}/{prefix.rpartition('/')[0]}".rstrip("/")
        with _told(f"s3://{folder}"):
            found = self._fs.get_file_info(self._selector(folder, recursive=True, allow_not_found=True))
        keys = [i.path.removeprefix(f"{self._bucket}/") for i in found if i.type == self._file_type]
        return sorted(k for k in keys if k.startswith(prefix))

    def reader(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open for streaming."""
        with _told(f"s3://{self._bucket}/{name}"):
            stream: AbstractContextManager[IO[bytes]] = self._fs.open_input_stream(f"{self._bucket}/{name}")
        return stream

    def write(self, name: str, source: Path) -> None:
        """Upload; the object appears when the last byte is in."""
        path = f"{self._bucket}/{name}"
        with _told(f"s3://{path}"), source.open("rb") as f, self._fs.open_output_stream(path) as out:
            while chunk := f.read(CHUNK):
                out.write(chunk)


STORES: dict[str, Callable[[str], ObjectStore]] = {"gs": GoogleStorage, "s3": S3}


def is_object(uri: str) -> bool:
    """Say whether a URI names something in a bucket.

    >>> is_object("gs://loans/2003.parquet"), is_object("/data/loans.parquet")
    (True, False)
    """
    return uri.partition("://")[0] in STORES and "://" in uri


def object_store(uri: str) -> tuple[ObjectStore, str]:
    """Return the bucket of a URI, and the name inside it.

    Raises:
        FairleadError: no such kind of store, or the bucket is missing.
    """
    parts = urlsplit(uri)
    if parts.scheme not in STORES:
        raise unknown("object store", uri, [f"{s}://BUCKET/NAME" for s in STORES])
    if not parts.netloc:
        raise FairleadError(f"{uri!r} names no bucket; write {parts.scheme}://BUCKET/NAME")
    return STORES[parts.scheme](parts.netloc), parts.path.strip("/")


def download(uri: str, target: Path) -> None:
    """Copy one object into a file, in chunks; the file is there whole or not at all.

    Raises:
        FairleadError: the object cannot be read; keeps the client's error as its cause.
    """
    store, name = object_store(uri)
    with _told(uri), whole_file(target) as scratch, store.reader(name) as stream, scratch.open("wb") as f:
        while chunk := stream.read(CHUNK):
            f.write(chunk)


@contextmanager
def _told(uri: str) -> Iterator[None]:
    # The clients raise errors of a dozen unrelated classes.
    try:
        yield
    except FairleadError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) or getattr(error, "code", None) == HTTPStatus.NOT_FOUND:
            raise FairleadError(f"{uri} does not exist; check the bucket and the name") from error
        raise FairleadError(f"cannot reach {uri}: {error}; check the name, the credentials and the network") from error
