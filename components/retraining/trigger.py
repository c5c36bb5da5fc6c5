"""The trigger: turns a decision into exactly one training run and follows it to its end, whoever dies on the way.

What is to be done is recorded before it is done, and a runner is asked by the run's key whether it was done already:
decided → started → registered, stopped or failed → rolling_out → promoted or rolled_back. A process may be killed
between any two of these, or in the middle of one; the next one to call goes on where that one stopped. Only the process
that has the lease goes on, so that two watchers cannot both find that nothing was started yet.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.retraining.lease import lease
from components.retraining.records import Records
from components.retraining.runner import Runner
from components.retraining.values import Decision, Progress, Run, State

KIND = "retraining."
"""What the kinds of the ledger's records begin with; a state follows: ``retraining.decided``."""


@dataclass(frozen=True)
class Around:
    """What a trigger touches.

    Args:
        records: of all runs.
        ledger: where each step is told for good.
        runner: trains and rolls out.
        leases: folder of the lock files, on this machine.
        holder: name of this process among all.
        actor: who it acts for, for the ledger.
    """

    records: Records
    ledger: Ledger
    runner: Runner
    leases: Path
    holder: str
    actor: str


class Trigger:
    """Starts training runs and follows them.

    Args:
        around: what it touches.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._told: set[tuple[str, State]] = set()

    def fire(self, use_case: str, champion: str, decision: Decision, day: date) -> Run:
        """See to it that the run of a decision was started, and carry it on; asking again changes nothing.

        Args:
            use_case: name of the use case.
            champion: version that reigns now; empty for none.
            decision: to retrain.
            day: today, by the watcher's clock.

        Returns:
            The run as it stands. Where another one of the use case has not ended, or was decided on meanwhile, that
            one: nothing was started then.

        Raises:
            FairleadError: the decision is to wait, or the runner cannot be reached; the run is carried on next time.
        """
        if decision.action != "retrain":
            raise FairleadError(f"decision {decision.key} is to {decision.action}; only one to retrain starts a run")
        wanted = Run(key=decision.key, use_case=use_case, decision=decision, champion=champion, state="decided")
        run = self._around.records.decide(wanted, day)
        return self._carry_on(run.key, use_case, day)

    def advance(self, use_case: str, day: date) -> Run | None:
        """Carry on what has not ended; for every look, and for a process that starts after another one died.

        Returns:
            The newest run as it stands, None when there was none yet.

        Raises:
            FairleadError: the runner cannot be reached; the run is carried on next time.
        """
        known = self._around.records.runs(use_case)
        if not known:
            return None
        open_ = [run for run in known if not run.ended]
        return self._carry_on((open_ or known)[-1].key, use_case, day)

    def give_up(self, key: str, day: date, reason: str) -> Run:
        """End a run that will not come to an end by itself, so that others may be started.

        What a runner is doing for it is not stopped, and what comes of that is not looked at any more.

        Args:
            key: of the run.
            day: today, by the watcher's clock.
            reason: why, for the record.

        Raises:
            FairleadError: there is no such run, it has ended, or another process is carrying it on.
        """
        around = self._around
        run = around.records.run(key)
        with lease(self.lease_file(run.use_case), around.holder) as mine:
            if not mine:
                raise FairleadError(f"another process is carrying run {key} on; stop that one first")
            around.records.step(key, "given_up", day, reason=f"{around.actor}: {reason}")
            self._tell(key)
        return around.records.run(key)

    def lease_file(self, use_case: str) -> Path:
        """Return the lock file of a use case."""
        return self._around.leases / f"retraining-{use_case}"

    def _carry_on(self, key: str, use_case: str, day: date) -> Run:
        around = self._around
        with lease(self.lease_file(use_case), around.holder) as mine:
            while mine:
                run = around.records.run(key)
                self._tell(key)
                if run.ended or not self._one_step(run, day):
                    break
        return around.records.run(key)

    def _one_step(self, run: Run, day: date) -> bool:
        """Take a run one step further; False when it has to wait for the runner."""
        records, runner = self._around.records, self._around.runner
        if run.state == "decided":
            records.step(run.key, "started", day)
            return True
        if run.state == "started":
            found = runner.status(run)
            if found.state == "absent":
                runner.start(run)
                found = runner.status(run)
            return self._reached(run, found, ("registered", "stopped", "failed"), day)
        if run.state == "registered":
            records.step(run.key, "rolling_out", day)
            return True
        found = runner.rollout(run)
        if found.state in ("absent", "running"):
            runner.roll_out(run)
            found = runner.rollout(run)
        return self._reached(run, found, ("promoted", "rolled_back"), day)

    def _reached(self, run: Run, found: Progress, states: tuple[State, ...], day: date) -> bool:
        if found.state == "absent":
            raise FairleadError(f"run {run.key} was started, and its runner knows nothing of it; look at the runner")
        for state in states:
            if found.state == state:
                self._around.records.step(run.key, state, day, found.version, found.reason)
                return True
        return False

    def _tell(self, key: str) -> None:
        """Tell the ledger what it has not been told yet: a process may have died between record and ledger."""
        run = self._around.records.run(key)
        for step in self._around.records.steps(key):
            if (key, step.state) in self._told:
                continue
            payload = {"key": key, "use_case": run.use_case, "champion": run.champion, **step.model_dump(mode="json")}
            if step.state == "decided":
                payload["decision"] = run.decision.model_dump(mode="json")
            self._around.ledger.append(f"{KIND}{step.state}", payload, self._around.actor, once="key")
            self._told.add((key, step.state))
