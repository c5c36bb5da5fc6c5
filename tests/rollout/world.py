"""A folder with all that a controller touches, and what is to be seen in it."""

from datetime import timedelta
from pathlib import Path

from components.core.ledger import Ledger
from components.rollout import history as histories
from components.rollout.controller import Around, Controller
from components.rollout.state import Observation
from components.rollout.store import SqliteStore, this_process
from tests.rollout.acting import FilePlane, FilePromotion
from tests.rollout.looks import HARM, NEUTRAL, SAFE, START, plan, rollout

LOOK = timedelta(seconds=30)


def script(harm_at=None, safe_from=8):
    """Return what is to be seen: a function of how often was looked, of nothing else."""

    def observe(state):
        seen = 120 * state.looks
        found = HARM if state.looks == harm_at else SAFE if state.looks >= safe_from else NEUTRAL
        requests = {"stable": 5 * seen, "candidate": seen}
        return Observation(at=START + LOOK * (state.looks + 1), requests=requests, evidence=found)

    return observe


class World:
    """A folder with all that a controller touches."""

    def __init__(self, folder: Path, of=None, observe=None):
        folder.mkdir(exist_ok=True)
        self.store = SqliteStore(folder / "rollouts.db")
        self.ledger = Ledger(folder / "ledger.db")
        self.plane = FilePlane(folder / "plane")
        self.promotion = FilePromotion(folder / "promotion")
        self.observe = observe or script()
        self.now = START
        if not self.store.rollouts():
            histories.start(self.store, rollout(of or plan()))

    def controller(self, hook=None, holder=None, **other):
        parts = {"store": self.store, "ledger": self.ledger, "plane": self.plane, "promotion": self.promotion, **other}
        if hook is not None:
            parts = {name: Mortal(part, hook) for name, part in parts.items()}
        rest = {"observe": self.observe, "clock": lambda: self.now, "actor": "anna"}
        return Controller("sba-1", Around(holder=holder or this_process(), **{**parts, **rest}))

    def ask(self, *kinds):
        for kind in kinds:
            histories.record_wish(self.store, "sba-1", {"kind": kind, "actor": "olga", "reason": "r"}, START)

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    def told(self):
        """All that is left behind, without the wall clock of the ledger."""
        return (
            self.store.events("sba-1"),
            [(e.kind, e.actor, e.payload) for e in self.ledger.entries()],
            self.plane.lines(),
            self.promotion.lines(),
        )

    @property
    def phase(self):
        return histories.read(self.store, "sba-1").state.phase


class Mortal:
    """Passes every call on, and gives a hook the chance to kill this process before and after it."""

    def __init__(self, inner, hook):
        self._inner, self._hook = inner, hook

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def call(*args, **kwargs):
            self._hook()
            result = method(*args, **kwargs)
            self._hook()
            return result

        return call


def until_settled(controller):
    while not controller.history.settled:
        controller.look()
