"""The lease: one process at a time carries a use case's runs on; whoever comes second goes away and does not wait."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lease(path: Path, holder: str) -> Iterator[bool]:
    """Take the lease for the block, and say whether it was to be had.

    The kernel holds it for the process and lets go when that dies, however it dies: no time has to pass, and a process
    that was only held up cannot lose it. It holds among the processes of one machine.

    Args:
        path: the lock file, made when it is missing; it says who holds the lease.
        holder: name of this process, for people.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        file.truncate(0)
        file.write(holder)
        file.flush()
        try:
            yield True
        finally:
            file.truncate(0)


def holder_of(path: Path) -> str:
    """Return who took the lease last and has not given it back; empty for nobody. A dead holder may still stand there.

    Args:
        path: the lock file.
    """
    return path.read_text(encoding="utf-8") if path.is_file() else ""
