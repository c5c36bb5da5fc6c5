"""The use case as a retraining takes it: on the window that was chosen, and with the rows that ``retraining`` says."""

from components.core.use_case import UseCase
from components.core.watching import Window


def retrained(use_case: UseCase, window: Window) -> UseCase:
    """Return the use case that a run started by a decision trains on.

    Args:
        use_case: as it is written.
        window: of the decision.

    Returns:
        The same with ``training.window`` replaced, and ``labels.immature`` where ``retraining.immature`` names another.
    """
    immature = use_case.retraining.immature or use_case.labels.immature
    return use_case.model_copy(
        update={
            "training": use_case.training.model_copy(update={"window": window}),
            "labels": use_case.labels.model_copy(update={"immature": immature}),
        }
    )
