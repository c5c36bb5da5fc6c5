"""What the runner adds to the steps: the same steps through it, and called directly in one process.

This module imports nothing that steps need: whoever calls their functions directly pays for those imports too, once.
"""

import json
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp.dsl import executor
from kfp.local import status

from components.data import component as data
from components.features import component as features
from components.governance import component as governance
from components.images import group_of
from components.judgement import component as judgement
from components.registry import component as registry
from components.serving import component as serving
from components.training import component as training
from pipelines.benchmarks.measure import Figure, Say, apart
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.runners import local
from pipelines.runners.workers import shared

USE_CASE = "sba_loans"
SHARDS = 'shards=[{"algorithm": "xgboost", "seed": 1, "trials": 4}]'
"""One shard, so that no two steps share the cores while they are timed."""

OVERHEAD = 1.5
"""Target: seconds a step."""

GROUP = "platform"
"""Only steps of this environment can be called directly, since this process runs in it."""


@dataclass(frozen=True)
class Spent:
    """Time that passed, and time of all cores, of child processes that have ended and of workers too; in seconds."""

    seconds: float
    cpu: float

    @classmethod
    def so_far(cls) -> "Spent":
        """Return what this process has spent until now; only differences mean something."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        others = children.ru_utime + children.ru_stime + shared().cpu_seconds()
        return cls(time.perf_counter(), time.process_time() + others)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds + other.seconds, self.cpu + other.cpu)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds - other.seconds, self.cpu - other.cpu)


NOTHING = Spent(0.0, 0.0)


@dataclass(frozen=True)
class Ran:
    """What one run left, and what it took."""

    home: Path
    artifacts: dict[str, dict[str, str]]
    """Step → output name → path."""
    spent: Spent
    """On the steps of this environment: through the runner all that is not another step's, directly the calls alone."""
    steps: int
    """Steps of this environment."""

    def artifact(self, step: str, name: str) -> Path:
        """Return where an output lies."""
        return Path(self.artifacts[step][name])


def measure(scratch: Path, say: Say) -> tuple[list[Figure], Ran]:
    """Run the training pipeline twice, through the runner and directly; returns the figures and the first run.

    Args:
        scratch: directory to work in.
        say: takes one line of progress.
    """
    say("the training pipeline through the local runner, nothing in the cache")
    ran: Ran = apart(through_runner, scratch / "runner", SHARDS, say=say).result
    say("the same steps, their functions called directly in one process")
    direct: Ran = apart(directly, scratch / "direct", SHARDS, say=say).result
    n, through, called = ran.steps, ran.spent, direct.spent
    return [
        Figure("pipeline overhead, a step", (through.seconds - called.seconds) / n, "s", "target", OVERHEAD, True),
        Figure("  time of all cores", (through.cpu - called.cpu) / n, "CPU-s"),
        Figure(f"  {n} steps through the runner", through.seconds, "s", "called directly", called.seconds),
    ], ran


def through_runner(home: Path, shards: str, say: Say) -> Ran:
    """Run the pipeline as ``fairlead run`` does, in an empty home."""
    settle_in(home)
    started = Spent.so_far()
    run = run_with(_Metered, compiled("training"), parameters(USE_CASE, "", "", (shards,)), home, say)
    whole = Spent.so_far() - started
    others = [spent for name, spent in _Metered.taken.items() if name not in own_steps()]
    return Ran(home, run.outputs, whole - sum(others, NOTHING), len(_Metered.taken) - len(others))


def directly(home: Path, shards: str, say: Say) -> Ran:
    """Run the pipeline with each step of this environment called in this process."""
    settle_in(home)
    run = run_with(_InProcess, compiled("training"), parameters(USE_CASE, "", "", (shards,)), home, say)
    taken = [spent for name, spent in _InProcess.taken.items() if name in own_steps()]
    return Ran(home, run.outputs, sum(taken, NOTHING), len(taken))


def run_with(handler: type[local._Handler], package: Path, given: dict[str, Any], home: Path, say: Say) -> local.Run:
    """Run a pipeline with another handler of steps; for a process that does nothing after it."""
    local._Handler = handler  # type: ignore[misc]
    return local.run(package, given, home, say)


def own_steps() -> dict[str, Any]:
    """Return step → component, for the steps of this environment."""
    stages = (data, features, training, judgement, registry, serving, governance)
    found = {name: c for stage in stages for name, c in vars(stage).items() if hasattr(c, "python_func")}
    return {n: c for n, c in found.items() if group_of(c.component_spec.implementation.container.image) == GROUP}


class _Metered(local._Handler):
    """Runs a step as the runner does and takes note of what it took; one step at a time."""

    taken: dict[str, Spent] = {}  # noqa: RUF012  kfp makes a handler for each step; this is the one place they share

    def run(self) -> status.Status:
        before = Spent.so_far()
        result = self.step()
        name = self.name()
        self.taken[name] = self.taken.get(name, NOTHING) + (Spent.so_far() - before)
        return result

    def name(self) -> str:
        return str(self.full_command[self.full_command.index("--function_to_execute") + 1])

    def step(self) -> status.Status:
        return super().run()


class _InProcess(_Metered):
    """Calls a step's function in this process, if it is one of this environment."""

    def step(self) -> status.Status:
        if self.name() not in own_steps():
            return super().step()
        given = json.loads(self.full_command[self.full_command.index("--executor_input") + 1])
        started = time.perf_counter()
        executor.Executor(given, own_steps()[self.name()]).execute()
        self.progress.ran(time.perf_counter() - started)
        return status.Status.SUCCESS


def settle_in(home: Path) -> None:
    """Make this process, and the steps it starts, keep everything in one home."""
    for name in [n for n in os.environ if n.startswith("FAIRLEAD_")]:
        del os.environ[name]
    os.environ.update(FAIRLEAD_HOME=str(home), FAIRLEAD_ACTOR="bench")
