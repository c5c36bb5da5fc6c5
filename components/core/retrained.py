"""The use case as a retraining takes it: on the window that was chosen, and with the rows that ``retraining`` says."""

from pydantic import ValidationError

from components.core.errors import FairleadError
from components.core.use_case import UseCase, load
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


def load_for_training(use_case: str, window: str) -> UseCase:
    """Load the use case that a training run learns by.

    Args:
        use_case: name of one that ships, or the text of its YAML.
        window: of a retraining's decision, as the JSON of a ``Window``; empty for the use case as it is written.

    Raises:
        FairleadError: the use case or the window is wrong.
    """
    case = load(use_case)
    if not window:
        return case
    try:
        return retrained(case, Window.model_validate_json(window))
    except ValidationError as error:
        raise FairleadError(
            f'window {window!r} is none; give JSON such as {{"policy": "sliding", "months": 36}}, or nothing: '
            f"{error.errors()[0]['msg']}"
        ) from error
