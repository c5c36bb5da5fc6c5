"""The rows that an attacker tries to tell apart, and what models say of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.judgement.privacy.membership import Answers, Attacked, two_folds
from components.judgement.privacy.reference import MINIMUM_OF_OUTCOME as MINIMUM_TO_TEACH
from components.judgement.privacy.reference import two_references
from components.judgement.subject import Subject

MINIMUM_OF_OUTCOME = 20
"""Members of either outcome, and as many others, below which nothing is said."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Prepared:
    """Rows under attack.

    Args:
        rows: members first, then as many others.
        answers: what the model under attack says of them.
        references: probabilities by two models that saw none of them; empty where too few rows are left to teach them.
    """

    rows: Attacked
    answers: Answers
    references: list[FloatArray]


def draw(subject: Subject) -> tuple[Places, Places]:
    """Draw training rows and as many test rows, half of them bad on either side.

    A rare outcome is what is worth hiding, and what a model has to remember by heart; among rows as they come, its few
    would not show. At least half of the training rows of an outcome are left to teach the reference models.
    """
    labels = [part.labels == 1 for part in (subject.train, subject.test)]
    wanted = subject.use_case.judgement.privacy.rows // 2
    most = wanted
    for outcome in (True, False):
        seen, unseen = (int((side == outcome).sum()) for side in labels)
        most = min(most, seen // 2, seen - 2 * MINIMUM_TO_TEACH, unseen)
    most = max(0, most)
    rng = np.random.default_rng([subject.use_case.training.seed, wanted])
    members, others = (
        np.sort(np.concatenate([rng.choice(np.flatnonzero(side), most, replace=False) for side in (bad, ~bad)]))
        for bad in labels
    )
    return members, others


def prepare(subject: Subject, members: Places, others: Places) -> Prepared | str:
    """Put the rows together with what the model, and two that saw none of them, say of them.

    Args:
        subject: whose rows they are.
        members: places of training rows, half of them bad.
        others: places of as many test rows, half of them bad.

    Returns:
        The reason, in words, where there are too few.
    """
    if len(members) < 2 * MINIMUM_OF_OUTCOME:
        return (
            f"{len(members) // 2} rows of the rarer outcome to attack, needs {MINIMUM_OF_OUTCOME} on either side and "
            "as many training rows left over"
        )
    train, test = subject.train, subject.test
    labels = np.concatenate([train.labels[members], test.labels[others]])
    inside = np.arange(len(labels)) < len(members)
    answers = Answers(
        probability=np.concatenate([train.probability[members], test.probability[others]]),
        decision=np.concatenate([train.decision[members], test.decision[others]]),
    )
    rows = Attacked(labels, inside, two_folds(inside, labels, subject.use_case.training.seed))
    left = np.setdiff1d(np.arange(len(train)), members)
    models = two_references(subject, left) or []
    matrix = np.concatenate([_matrix(subject, train.columns, members), _matrix(subject, test.columns, others)])
    return Prepared(rows, answers, [model.probability(matrix) for model in models])


def _matrix(subject: Subject, columns: Columns, rows: Places) -> npt.NDArray[np.float32]:
    return subject.bundle.transform.apply({name: values[rows] for name, values in columns.items()})
