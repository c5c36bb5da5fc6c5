"""A folder with all that a trigger touches; it outlives a process that is killed."""

import os
import signal
from datetime import date
from pathlib import Path

from components.core.ledger import Ledger
from components.core.watching import Window
from components.retraining.records import Records
from components.retraining.trigger import Around, Trigger
from components.retraining.values import Decision, Progress

DAY = date(2005, 6, 30)


def decision(key="k1", action="retrain", as_of=DAY, after=""):
    return Decision(
        action=action,
        reasons=("drift 1.50",),
        trigger="drift" if action == "retrain" else "",
        pressure=1.5,
        as_of=as_of,
        key=key,
        window=Window(),
        after=after,
    )


class FileRunner:
    """A place where runs run, as far from the process that asks as a cluster: it starts what it is told to, each time.

    Each start is one line, appended in one write. A run is over once it was asked about ``looks`` times.
    """

    def __init__(self, path: Path, ends="registered", rollout_ends="promoted", looks=2):
        self.path, self.ends, self.rollout_ends, self.looks = path, ends, rollout_ends, looks

    def lines(self):
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []

    def started(self):
        return [line for line in self.lines() if line.startswith("training")]

    def status(self, run):
        return self._how_far(f"training {run.key}", self.ends)

    def start(self, run):
        self._add(f"training {run.key}")

    def rollout(self, run):
        return self._how_far(f"rollout {run.key} {run.version}", self.rollout_ends)

    def roll_out(self, run):
        line = f"rollout {run.key} {run.version}"
        if line not in self.lines():
            self._add(line)

    def _how_far(self, line, end):
        if line not in self.lines():
            return Progress(state="absent")
        self._add(f"asked about {line}")
        if self.lines().count(f"asked about {line}") < self.looks:
            return Progress(state="running")
        return Progress(state=end, version="2" if end == "registered" else "", reason=f"the end of {line}")

    def _add(self, line):
        with self.path.open("ab", buffering=0) as f:
            f.write(f"{line}\n".encode())


class World:
    """A folder with all that a trigger touches."""

    def __init__(self, folder: Path, **runner):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.records = Records(folder / "retraining.db")
        self.ledger = Ledger(folder / "ledger.db")
        self.runner = FileRunner(folder / "runner", **runner)

    def trigger(self, hook=None, **other):
        parts = {"records": self.records, "ledger": self.ledger, "runner": self.runner, **other}
        if hook is not None:
            parts = {name: Mortal(part, hook) for name, part in parts.items()}
        return Trigger(Around(**parts, leases=self.folder / "locks", holder=f"here/{os.getpid()}", actor="anna"))

    def told(self):
        """All that is left behind but how often the runner was asked, without the wall clock of the ledger."""
        runs = [(run, self.records.steps(run.key)) for run in self.records.runs()]
        ledger = [(e.kind, e.actor, e.payload) for e in self.ledger.entries()]
        return runs, ledger, [line for line in self.runner.lines() if not line.startswith("asked")]


ACTS = ("decide", "step", "append", "status", "start", "rollout", "roll_out")


class Mortal:
    """Passes every call on, and lets a hook kill this process before and after each that acts or asks."""

    def __init__(self, inner, hook):
        self._inner, self._hook = inner, hook

    def __getattr__(self, name):
        method = getattr(self._inner, name)
        if name not in ACTS:
            return method

        def call(*args, **kwargs):
            self._hook()
            result = method(*args, **kwargs)
            self._hook()
            return result

        return call


def die_at(point):
    left = [point]

    def hook():
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def to_the_end(trigger, of, use_case="sba_loans"):
    """Fire, and look again and again until the run has ended."""
    run = trigger.fire(use_case, "1", of, DAY)
    while not run.ended:
        run = trigger.advance(use_case, DAY)
    return run


def child(work):
    """Do something in a process of its own, unless that is killed before; its status is 1 when it raises."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid
