"""Explanations in process: contributions of features for the rows of a request, within its time."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from components.core.contracts import Columns
from components.judgement.explanations.contributions import Contributions, Explainable, parts
from components.judgement.explanations.margins import Matrix, NotExplained
from components.serving.exchange import Late, NotOffered
from components.training.bundle import Bundle

CHUNK = 10
"""Rows explained between two looks at the clock."""

Explained = Contributions


class Explainer:
    """Explains the scores of one bundle; made once, used by several threads.

    It is opened at the first call, so that a server that nobody asks pays nothing: importing XGBoost and reading the
    trees takes most of a second.

    Args:
        bundle: an opened bundle.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._opening = threading.Lock()
        self._opened: Explainable | None = None

    def explain(self, rows: Columns, until: float | None = None) -> Explained:
        """Explain n rows that passed the door.

        Args:
            rows: n rows.
            until: ``time.monotonic()`` at which it has to be done.

        Raises:
            NotOffered: no explanation is known for this model's kind.
            IntegrityError: the explanations of the background rows do not add up to the model's scores.
            Late: it was not done in time.
        """
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
        opened = self._opened
        matrix = self._bundle.transform.apply(rows)
        added = np.concatenate([opened.margin(part) for part in _timed(matrix, until)])
        return opened.assemble(rows, added, matrix)

    def _open(self) -> Explainable:
        try:
            return Explainable.open(self._bundle)
        except NotExplained as error:
            raise NotOffered(f"{error}. Ask an explainer of its own for anchors or counterfactuals.") from error


def _timed(matrix: Matrix, until: float | None) -> Iterator[Matrix]:
    for i, part in enumerate(parts(matrix, CHUNK)):
        if until is not None and time.monotonic() > until:
            raise Late(f"only {i * CHUNK} of {len(matrix)} rows were explained in time; send fewer rows in a request")
        yield part
