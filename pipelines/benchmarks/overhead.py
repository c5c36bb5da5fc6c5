"""What the runner adds to the steps: the same steps through it, and called directly in one process.

This module imports nothing that steps need: whoever calls their functions directly pays for those imports too, once.
"""

import json
import os
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

USE_CASE = "sba_loans"
SHARDS = 'shards=[{"algorithm": "xgboost", "seed": 1, "trials": 4}]'
"""One shard, so that no two steps share the cores while they are timed."""

OVERHEAD = 1.5
"""Target: seconds a step."""

GROUP = "platform"
"""Only steps of this environment can be called directly, since this process runs in it."""


@dataclass(frozen=True)
class Ran:
    """What one run left, and how long it took."""

    home: Path
    artifacts: dict[str, dict[str, str]]
    """Step → output name → path."""
    seconds: float
    """Through the runner: of the whole run. Called directly: of the calls alone."""
    other_seconds: float
    """Of the steps in other environments."""
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
    through, name = ran.seconds - ran.other_seconds, f"{ran.steps} steps"
    return [
        Figure("pipeline overhead, a step", (through - direct.seconds) / ran.steps, "s", "target", OVERHEAD, True),
        Figure(f"  {name} through the runner", through, "s", "called directly", direct.seconds),
    ], ran


def through_runner(home: Path, shards: str, say: Say) -> Ran:
    """Run the pipeline as ``fairlead run`` does, in an empty home."""
    settle_in(home)
    started = time.perf_counter()
    run = local.run(compiled("training"), parameters(USE_CASE, "", "", (shards,)), home, say)
    seconds = time.perf_counter() - started
    platform = {name: of for name, of in run.seconds.items() if name in own_steps()}
    return Ran(home, run.outputs, seconds, sum(run.seconds.values()) - sum(platform.values()), len(platform))


def directly(home: Path, shards: str, say: Say) -> Ran:
    """Run the pipeline with each step of this environment called in this process; the time is of the calls alone."""
    settle_in(home)
    # The runner takes its handler from here; this process ends after the one run.
    local._Handler = _InProcess  # type: ignore[misc]
    run = local.run(compiled("training"), parameters(USE_CASE, "", "", (shards,)), home, say)
    taken = _InProcess.taken
    other = sum(seconds for name, seconds in run.seconds.items() if name not in taken)
    return Ran(home, run.outputs, sum(taken.values()), other, len(taken))


def own_steps() -> dict[str, Any]:
    """Return step → component, for the steps of this environment."""
    stages = (data, features, training, judgement, registry, serving, governance)
    found = {name: c for stage in stages for name, c in vars(stage).items() if hasattr(c, "python_func")}
    return {n: c for n, c in found.items() if group_of(c.component_spec.implementation.container.image) == GROUP}


class _InProcess(local._Handler):
    """Calls a step's function in this process, if it is one of this environment."""

    taken: dict[str, float] = {}  # noqa: RUF012  kfp makes a handler for each step; this is the one place they share

    def run(self) -> status.Status:
        name = self.full_command[self.full_command.index("--function_to_execute") + 1]
        if name not in own_steps():
            return super().run()
        given = json.loads(self.full_command[self.full_command.index("--executor_input") + 1])
        started = time.perf_counter()
        executor.Executor(given, own_steps()[name]).execute()
        seconds = time.perf_counter() - started
        self.taken[name] = self.taken.get(name, 0.0) + seconds
        self.progress.ran(seconds)
        return status.Status.SUCCESS


def settle_in(home: Path) -> None:
    """Make this process, and the steps it starts, keep everything in one home."""
    for name in [n for n in os.environ if n.startswith("FAIRLEAD_")]:
        del os.environ[name]
    os.environ.update(FAIRLEAD_HOME=str(home), FAIRLEAD_ACTOR="bench")
