"""Training runs on this machine, by the local runner, and what the trigger touches here."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.core import use_case as use_cases
from components.core.access import read_access
from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from components.core.ledger import Ledger
from components.registry.registry import Registry
from components.retraining.records import Records
from components.retraining.runner import Runner
from components.retraining.trigger import Around, Trigger
from components.retraining.values import Progress, Run
from components.rollout.store import this_process
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.runners import local

Say = Callable[[str], object]

STOPS = ("GateFailed", "QuarantineLimitExceeded")
"""Errors of a step by which it stops a run on purpose; after any other one it broke."""


class Training(Protocol):
    """The half of a runner that trains."""

    def status(self, run: Run) -> Progress:
        """Say how far the training run is, see ``components.retraining.runner``."""
        ...

    def start(self, run: Run) -> None:
        """Start it, or go on with it."""
        ...


class Rollouts(Protocol):
    """The half of a runner that rolls out."""

    def rollout(self, run: Run) -> Progress:
        """Say how far the rollout is."""
        ...

    def roll_out(self, run: Run) -> None:
        """Start it, or go on with it."""
        ...


@dataclass(frozen=True)
class Placed:
    """A runner that trains in one place and rolls out in another, or in the same.

    Args:
        training: where it is trained.
        rollouts: where it is rolled out.
    """

    training: Training
    rollouts: Rollouts

    def status(self, run: Run) -> Progress:
        """Say how far the training run is."""
        return self.training.status(run)

    def start(self, run: Run) -> None:
        """Start the training run, or go on with it."""
        self.training.start(run)

    def rollout(self, run: Run) -> Progress:
        """Say how far the rollout is."""
        return self.rollouts.rollout(run)

    def roll_out(self, run: Run) -> None:
        """Start the rollout, or go on with it."""
        self.rollouts.roll_out(run)


class LocalTraining:
    """Runs the compiled training pipeline in this process, to its end; a run that was killed resumes from the cache.

    Args:
        settings: where everything goes; the steps read them from the environment of this process.
        use_case: name of one that ships, or the path of a YAML file.
        say: takes one line of progress.
        source: where the raw table is instead of the use case's own.
        package: the compiled pipeline.
        extra: further parameters, each ``NAME=VALUE``.
    """

    def __init__(
        self,
        settings: Settings,
        use_case: str,
        say: Say,
        source: str = "",
        package: Path | None = None,
        extra: tuple[str, ...] = (),
    ) -> None:
        self._settings, self._use_case, self._say = settings, use_case, say
        self._source, self._extra = source, extra
        self._package = package or compiled("training")

    def status(self, run: Run) -> Progress:
        """Say how far it is: absent until it has come to an end, because only its process can bring it there."""
        path = self._outcome(run)
        return Progress.model_validate_json(path.read_bytes()) if path.is_file() else Progress(state="absent")

    def start(self, run: Run) -> None:
        """Run the pipeline to its end and keep what came of it."""
        read_access(self._settings).require(self._settings.actor, "train")
        self._say(f"training run {run.key}: as of {run.decision.as_of}, window {run.decision.window}")
        given = arguments(self._use_case, run, self._source, self._extra)
        try:
            done = local.run(self._package, given, self._settings.home, lambda line: (self._say(line), None)[1])
        except FairleadError as error:
            progress = _broken(str(error))
        else:
            version = json.loads(done.artifact("register", "registered").read_text(encoding="utf-8"))["version"]
            progress = Progress(state="registered", version=str(version), reason="all gates passed")
        self._outcome(run).parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._outcome(run), progress.model_dump_json(indent=1).encode())

    def _outcome(self, run: Run) -> Path:
        return self._settings.home / "retraining" / f"{run.key}.json"


def arguments(use_case: str, run: Run, source: str = "", extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the pipeline's parameters for a run: its training date, and the window to learn from.

    Args:
        use_case: name of one that ships, or the path of a YAML file.
        run: decided.
        source: where the raw table is instead of the use case's own.
        extra: further parameters, each ``NAME=VALUE``.

    Raises:
        FairleadError: an argument is wrong, or the use case is another than the run's.
    """
    name = use_cases.load(use_case).name
    if name != run.use_case:
        raise unknown("use case of run " + run.key, name, [run.use_case])
    given = parameters(use_case, run.decision.as_of.isoformat(), source, extra)
    return {**given, "window": run.decision.window.model_dump_json(exclude_none=True)}


def trigger_of(settings: Settings, runner: Runner) -> Trigger:
    """Return this machine's trigger.

    Args:
        settings: whose home the records are in.
        runner: trains and rolls out.
    """
    return Trigger(
        Around(
            records=records_of(settings),
            ledger=Ledger(settings.ledger_path),
            runner=runner,
            leases=settings.home / "locks",
            holder=this_process(),
            actor=settings.actor,
        )
    )


def records_of(settings: Settings) -> Records:
    """Return the records of this machine's training runs."""
    return Records(settings.home / "retraining.db")


def champion_of(settings: Settings, use_case: str) -> str:
    """Return the version that reigns, empty for none."""
    champion = Registry(settings).champion(use_case)
    return "" if champion is None else str(champion.version)


def _broken(text: str) -> Progress:
    """Tell a run that a step stopped on purpose from one that broke, by the error in the step's log."""
    found = re.search(r"^(?:step \w+ failed: )?(.*?)\n?\(the step's log: ([^\n]*)\)$", text, re.DOTALL)
    log = Path(found[2]) if found else None
    ended = log.read_text(encoding="utf-8", errors="replace") if log is not None and log.is_file() else ""
    if found and any(f"components.core.errors.{name}: " in ended for name in STOPS):
        return Progress(state="stopped", reason=found[1])
    return Progress(state="failed", reason=text)
