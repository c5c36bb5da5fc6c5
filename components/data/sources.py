"""Where a raw table lies: a path, ``sample://``, ``gs://`` or ``s3://``; brought to this machine as a file."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from components.core.errors import FairleadError, unknown

SAMPLES = Path(__file__).parent / "samples"
"""Folder of the tables that ship."""

BLOCK = 8 * 2**20
"""Bytes that are copied at a time."""


def fetch(source: str, folder: Path) -> Path:
    """Bring a source to this machine and return its file; what is on this machine already is left where it is.

    Args:
        source: path, ``sample://FILE``, ``gs://BUCKET/KEY`` (credentials as google-cloud-storage finds them;
            ``STORAGE_EMULATOR_HOST`` names another endpoint) or ``s3://BUCKET/KEY`` (credentials, region and endpoint
            from the ``AWS_`` variables).
        folder: where a copy may be put; nothing larger than one block is held in memory.

    Raises:
        FairleadError: unknown scheme, or there is no such file or object, or it cannot be read.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        return _existing(Path(source))
    if scheme == "sample":
        return _sample(rest)
    if scheme not in _STORES:
        raise unknown("scheme", f"{scheme}://", ["a path", "sample://", *(f"{s}://" for s in _STORES)])
    parts = urlsplit(source)
    bucket, key = parts.netloc, source.removeprefix(f"{scheme}://{parts.netloc}/")
    if not bucket or not key or key == source:
        raise FairleadError(f"source {source!r} names no object; write {scheme}://BUCKET/KEY")
    target = folder / Path(key).name
    _STORES[scheme](bucket, key, source, target)
    return target


def _existing(path: Path) -> Path:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise FairleadError(f"source {path} {found}; give the path of a parquet or CSV file")
    return path


def _sample(name: str) -> Path:
    shipped = sorted(p.name for p in SAMPLES.iterdir() if p.suffix != ".md")
    if name not in shipped:
        raise unknown("sample", name, shipped)
    return SAMPLES / name


def _from_gs(bucket: str, key: str, source: str, target: Path) -> None:
    # Here and not above: a run on a local table has no need of the client, nor of its credentials.
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage
    from requests import RequestException

    try:
        blob = storage.Client().bucket(bucket).blob(key)
        with target.open("wb") as f:
            blob.download_to_file(f)
    except NotFound as error:
        raise _missing(source) from error
    except GoogleAuthError as error:
        raise _unreadable(source, error, "set GOOGLE_APPLICATION_CREDENTIALS or log in with gcloud") from error
    except (GoogleAPIError, RequestException) as error:
        raise _unreadable(source, error, "check the name, the rights of the account and the network") from error


def _from_s3(bucket: str, key: str, source: str, target: Path) -> None:
    from pyarrow import fs

    try:
        # From the URI, because only so the client looks for AWS_ENDPOINT_URL and for the bucket's own region.
        store = fs.FileSystem.from_uri(f"s3://{bucket}")[0]
        with store.open_input_stream(f"{bucket}/{key}") as stream, target.open("wb") as f:
            shutil.copyfileobj(stream, f, BLOCK)
    except FileNotFoundError as error:
        raise _missing(source) from error
    except OSError as error:
        way_out = "check AWS_REGION, AWS_ENDPOINT_URL, the credentials and the network"
        raise _unreadable(source, error, way_out) from error


def _missing(source: str) -> FairleadError:
    return FairleadError(f"source {source} does not exist; check the bucket and the key")


def _unreadable(source: str, error: Exception, way_out: str) -> FairleadError:
    return FairleadError(f"source {source} cannot be read ({type(error).__name__}: {error}); {way_out}")


_STORES: dict[str, Callable[[str, str, str, Path], None]] = {"gs": _from_gs, "s3": _from_s3}
