"""Rolling a retrained version out on this machine, by the rollout engine, with the approval that the registry asks."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry import approvals
from components.retraining.values import Progress, Run
from components.rollout import history
from components.rollout import plan as plans
from components.rollout.history import History
from components.rollout.plan import Plan
from components.rollout.store import this_process
from pipelines import rollout_start
from pipelines.rollout_around import store_of

Say = Callable[[str], object]

PLAN = Path(__file__).parent / "rollouts" / "canary.yaml"
"""How a retrained model is rolled out where nothing else is said."""


class MachineRollouts:
    """Rolls out with the rollout engine of this machine; the rollout is called as the run's key.

    Args:
        settings: where rollouts and registry are, and who acts.
        say: takes one line of progress.
        plan: of the rollout; None takes ``PLAN``.
        plane: name of the traffic plane.
        background: True runs the rollout in a process of its own and returns at once; False runs it here, to its end or
            until it waits for an approval.
        approve: True gives the approval as soon as the rollout has earned it, with the actor's own roles. False leaves
            that to people: the rollout waits.
        wait: sleeps for so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        say: Say,
        plan: Plan | None = None,
        plane: str = "envoy",
        *,
        background: bool = False,
        approve: bool = False,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._say, self._wait = settings, say, wait
        self._plan, self._plane = plan or plans.load(PLAN), plane
        self._background, self._approve = background, approve
        self._store = store_of(settings)

    def rollout(self, run: Run) -> Progress:
        """Say how far it is."""
        if run.key not in self._store.rollouts():
            return Progress(state="absent")
        return progress_of(history.read(self._store, run.key), run)

    def roll_out(self, run: Run) -> None:
        """Start it against the champion, or go on with it.

        Raises:
            FairleadError: there is no champion, another rollout is not over, or the stable model cannot be served.
        """
        read_access(self._settings).require(self._settings.actor, "rollout")
        if run.key not in self._store.rollouts():
            if self._plan.use_case != run.use_case:
                raise FairleadError(
                    f"plan {self._plan.name} is for {self._plan.use_case}, and the run for {run.use_case}; give a plan "
                    "of its own with --plan"
                )
            candidate = f"models:/{run.use_case}/{run.version}"
            rollout_start.start(self._settings, self._plan, "", candidate, self._plane, run.key)
            self._say(f"rollout {run.key}: {candidate} against the champion, plan {self._plan.name}")
        if self._background:
            self._look_after(run)
            return
        rollout_start.run_on(self._settings, run.key, self._wait, self._say, lambda _: self._needs_people(run))

    def _needs_people(self, run: Run) -> bool:
        """Whether it cannot go on before somebody has approved it; says what they can do."""
        if not self._awaits(run) or self._approved(run):
            return False
        way_out = "; ".join(f"fairlead approve {a}" for a in asked_for(self._settings, run))
        self._say(f"rollout {run.key} waits for an approval: {way_out or 'it is being asked for'}")
        return True

    def _look_after(self, run: Run) -> None:
        """See to it that a process runs the rollout, and that it gets its approval where that is ours to give."""
        if self._awaits(run):
            self._approved(run)
        now = datetime.now(UTC)
        if not self._store.hold(run.key, this_process(), now, 1.0):
            return
        self._store.release(run.key, this_process())
        log = self._settings.home / "logs" / f"rollout-{run.key}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            command = [sys.executable, "-m", "pipelines", "rollout", "run", run.key]
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env=os.environ)
        self._say(f"rollout {run.key} runs in the background as process {process.pid}; log: {log}")

    def _awaits(self, run: Run) -> bool:
        return history.read(self._store, run.key).state.phase == "awaiting_approval"

    def _approved(self, run: Run) -> bool:
        """Give the approvals that are asked for, where that was configured; False where people have to."""
        if self._approve:
            give_approvals(self._settings, run, self._say)
        return self._approve


def progress_of(known: History, run: Run) -> Progress:
    """Say how far a rollout is by its record; an aborted one is rolled back."""
    reason = known.state.reason
    if not known.settled:
        return Progress(state="running", version=run.version, reason=reason)
    if known.state.phase == "promoted":
        return Progress(state="promoted", version=run.version, reason=reason)
    return Progress(state="rolled_back", version=run.version, reason=reason)


def asked_for(settings: Settings, run: Run) -> list[str]:
    """List the approvals of the run's version that are asked for and not decided."""
    mine = approvals.approvals(settings, run.use_case)
    return [a.id for a in mine if a.state == "requested" and str(a.version) == run.version]


def give_approvals(settings: Settings, run: Run, say: Say) -> None:
    """Give the approvals of the run's version that are asked for, by the roles of the actor.

    Raises:
        FairleadError: the actor may not decide, or four eyes are needed.
    """
    for asked in asked_for(settings, run):
        approvals.approve(settings, asked, f"rollout {run.key} has earned it; approved by configuration")
        say(f"rollout {run.key}: approval {asked} given by {settings.actor!r}, as configured")
