"""How a pipeline run ended, for the ledger and for whoever reads the log."""

import logging

from components.core.config import Settings
from components.core.ledger import Ledger

logger = logging.getLogger(__name__)


def record_outcome(settings: Settings, use_case: str, run: str, state: str, error: str | None) -> None:
    """Append ``run.ended`` to the ledger, and log an error when the run did not succeed.

    Args:
        settings: where the ledger is, and who acts.
        use_case: what the run was for.
        run: name of the run.
        state: as Kubeflow says it: ``SUCCEEDED``, ``FAILED``, ``CANCELLED``.
        error: what Kubeflow says of a failure, if anything.
    """
    payload = {"use_case": use_case, "run": run, "state": state, "error": error or ""}
    Ledger(settings.ledger_path).append("run.ended", payload, settings.actor)
    if state != "SUCCEEDED":
        logger.error("run %s for %s ended as %s: %s", run, use_case, state, error or "see the failed step's log")
