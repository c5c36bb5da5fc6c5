"""A runner in memory: for replays and tests, where training and rollout are functions."""

from collections.abc import Callable

from components.retraining.values import Progress, Run


class MemoryRunner:
    """Trains and rolls out by calling a function, once for each key.

    >>> from datetime import date
    >>> from components.retraining.values import Decision
    >>> decision = Decision(action="retrain", reasons=(), pressure=1.0, as_of=date(2005, 6, 30), key="k")
    >>> run = Run(key="k", use_case="sba_loans", decision=decision, state="started")
    >>> runner = MemoryRunner(train=lambda run: Progress(state="registered", version="2"))
    >>> runner.start(run), runner.start(run), runner.status(run).version, runner.trained
    (None, None, '2', ['k'])

    Args:
        train: returns registered, stopped or failed.
        roll_out: returns running, promoted or rolled_back; called again while it says running.
    """

    def __init__(
        self,
        train: Callable[[Run], Progress],
        roll_out: Callable[[Run], Progress] = lambda run: Progress(state="promoted", version=run.version),
    ) -> None:
        self._train = train
        self._roll_out = roll_out
        self._runs: dict[str, Progress] = {}
        self._rollouts: dict[str, Progress] = {}
        self.trained: list[str] = []
        """Keys of the runs that were trained, in order."""

    def status(self, run: Run) -> Progress:
        """Say how far the training run is."""
        return self._runs.get(run.key, Progress(state="absent"))

    def start(self, run: Run) -> None:
        """Train, unless this key was trained."""
        if run.key not in self._runs:
            self.trained.append(run.key)
            self._runs[run.key] = self._train(run)

    def rollout(self, run: Run) -> Progress:
        """Say how far the rollout is."""
        return self._rollouts.get(run.key, Progress(state="absent"))

    def roll_out(self, run: Run) -> None:
        """Roll out, unless this key's rollout is over."""
        if self.rollout(run).state in ("absent", "running"):
            self._rollouts[run.key] = self._roll_out(run)
