"""Where a raw table lies: a path, ``sample://``, ``gs://`` or ``s3://``; brought to this machine as a file."""

from pathlib import Path

from components.core.errors import FairleadError, unknown
from components.core.objects import STORES, download, is_object

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
        return sample(rest)
    if not is_object(source):
        raise unknown("scheme", f"{scheme}://", ["a path", "sample://", *(f"{s}://" for s in STORES)])
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        raise FairleadError(f"source {source!r} names no object; write {scheme}://BUCKET/KEY")
    target = folder / Path(key).name
    download(source, target)
    return target


def _existing(path: Path) -> Path:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise FairleadError(f"source {path} {found}; give the path of a parquet or CSV file")
    return path


def sample(name: str) -> Path:
    """Return a file that ships, by its name.

    Raises:
        FairleadError: there is none of that name; lists those there are of its kind.
    """
    datasheets = name.endswith(".md")
    shipped = sorted(p.name for p in SAMPLES.iterdir() if (p.suffix == ".md") == datasheets)
    if name not in shipped:
        raise unknown("sample", name, shipped)
    return SAMPLES / name
