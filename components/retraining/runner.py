"""What trains and rolls out: the interface that the trigger goes by."""

from typing import Protocol

from components.retraining.values import Progress, Run


class Runner(Protocol):
    """A place where pipelines run: this machine, or Kubeflow.

    A run is known by its key, outside the process that asks: whatever is asked for twice, by whichever process, is done
    once.
    """

    def status(self, run: Run) -> Progress:
        """Say how far the training run is: absent, running, registered, stopped or failed.

        Raises:
            FairleadError: nobody can say now; ask again later.
        """
        ...

    def start(self, run: Run) -> None:
        """Start the training run, or go on with one that was broken off; returns at once or when it is over.

        Raises:
            FairleadError: it could not be started; ask again later.
        """
        ...

    def rollout(self, run: Run) -> Progress:
        """Say how far the rollout of the run's version is: absent, running, promoted or rolled_back.

        Raises:
            FairleadError: nobody can say now; ask again later.
        """
        ...

    def roll_out(self, run: Run) -> None:
        """Start the rollout of the run's version, or go on with one; returns when it is over, or has to wait.

        Raises:
            FairleadError: it could not be started; ask again later.
        """
        ...
