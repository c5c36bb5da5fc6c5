"""``python -m components.rollout.supervise [--detach] FOLDER``: keep running what the folder says is wanted.

``wanted/NAME.json`` says what should run, ``states/NAME.json`` what does, ``logs/NAME.log`` what it wrote. Whoever
wants something writes into ``wanted`` and goes away; this process is the only one that starts and ends the others, and
they end with it.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from components.rollout.child import Child

LOOK_SECONDS = 0.05


class Supervision:
    """The wanted processes of one folder.

    Args:
        folder: that says what is wanted; one supervision alone may work in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: dict[str, Child] = {}
        self._reported: dict[str, str] = {}
        self._ends = False

    def end(self) -> None:
        """Stop everything, and be done when all has stopped."""
        self._ends = True

    @property
    def done(self) -> bool:
        """Whether nothing runs any more, and nothing should."""
        return self._ends and not self._children

    def look(self) -> None:
        """Bring what runs one step closer to what is wanted."""
        wanted = {} if self._ends else self._wanted()
        for name, child in list(self._children.items()):
            if wanted.get(name) != child.command:
                child.stop()
            child.look()
            self._report(name, child)
            if child.status == "stopped":
                del self._children[name]
                self._forget(name)
        for name in wanted.keys() - self._children.keys():
            self._children[name] = Child(wanted[name], self._folder / "logs" / f"{name}.log")

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for path in (self._folder / "wanted").glob("*.json"):
            try:
                found[path.stem] = tuple(json.loads(path.read_text(encoding="utf-8"))["command"])
            except FileNotFoundError:
                continue  # taken back between the listing and the reading
        return found

    def _report(self, name: str, child: Child) -> None:
        text = json.dumps(child.report())
        if self._reported.get(name) != text:
            write(self._folder / "states" / f"{name}.json", text)
            self._reported[name] = text

    def _forget(self, name: str) -> None:
        (self._folder / "states" / f"{name}.json").unlink(missing_ok=True)
        self._reported.pop(name, None)


def write(path: Path, text: str) -> None:
    """Write a file in one step, so that a reader sees the whole of it or nothing."""
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def main(folder: Path) -> int:
    """Supervise until told to end; returns the exit status, 0 too where another supervision is at work already."""
    for part in ("wanted", "states", "logs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        if not _take(lock):
            return 0
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (folder / "end").unlink(missing_ok=True)
        for left in (folder / "states").iterdir():
            left.unlink()  # of a supervision that was killed, and its processes with it
        supervision = Supervision(folder)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervision.end())
        while not supervision.done:
            if (folder / "end").exists():
                supervision.end()
            supervision.look()
            time.sleep(LOOK_SECONDS)
        (folder / "end").unlink(missing_ok=True)
    return 0


def _take(lock: TextIO) -> bool:
    """Take the lock that says who supervises; who only asks whether it is taken holds it for an instant, too."""
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.01)
    return False


def detach() -> None:
    """Go on as a process of nobody's, so that it stays when the one that started it ends."""
    if os.fork():
        os._exit(0)
    os.setsid()


if __name__ == "__main__":
    if "--detach" in sys.argv[1:]:
        detach()
    sys.exit(main(Path(sys.argv[-1])))
