"""Files and directories: content hashes and writes that are whole or not there at all."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import components


def hash_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, read in chunks."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def hash_files(paths: Iterable[Path], root: Path) -> str:
    """Return one sha256 over the names (relative to ``root``) and bytes of several files, in name order."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(root).as_posix()}\0{hash_file(path)}\n".encode())
    return total.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """List the files below a folder, in name order, without Python's byte code."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def code_fingerprint(*packages: str) -> str:
    """Return one sha256 over the Python sources of some of our packages, for example ``"features"``.

    A model server compares it with the fingerprint in the bundle: equal means that the code that transformed the
    training data is the code that will transform requests.
    """
    root = Path(components.__file__).parent
    return hash_files((p for name in packages for p in files_below(root / name) if p.suffix == ".py"), root)


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """Give a scratch directory that becomes ``target`` in one rename when the block ends well.

    A process killed in the middle leaves no ``target``. An existing ``target`` is kept as it is: the caller names
    directories after their content, so it is the same.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        try:
            scratch.replace(target)
        except OSError:
            if not target.is_dir():  # else it was there before, or another process was quicker
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a scratch path that becomes ``target`` in one rename when the block ends well, and goes when it does not.

    A reader sees either the old bytes or all of the new ones.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees either the old bytes or all of the new ones."""
    with whole_file(path) as scratch:
        scratch.write_bytes(data)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process of this machine at a time into the block; the others wait.

    Args:
        path: the lock file, made when it is missing. The kernel lets go of the lock when a process dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
