"""The reasons of many declined rows, and whether they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns
from components.features.rows import number_of_rows
from components.judgement.explanations.contributions import contributions
from components.judgement.recourse.drawn import draw, spreads, take
from components.judgement.recourse.reasons import Reasons, approved_of, read_by, reasons
from components.judgement.recourse.rules import held
from components.judgement.recourse.stability import stable_under_noise
from components.judgement.recourse.texts import Texts
from components.judgement.subject import Subject

OTHER_APPROVED = 200
"""Training rows drawn for another reference, as many as a bundle has background rows."""


@dataclass(frozen=True)
class Reasoned:
    """What was found for n declined rows.

    Args:
        told: their reasons.
        quiet: shape (n,), which keep their first reason under noise.
        elsewhere: shape (n,), which keep it against other approved cases.
    """

    told: Sequence[Reasons]
    quiet: npt.NDArray[np.bool_]
    elsewhere: npt.NDArray[np.bool_]


def reasoned(subject: Subject, rows: Columns, texts: Texts) -> Reasoned:
    """Tell the reasons of n declined rows, once more under noise, and once more against other approved cases."""
    if not number_of_rows(rows):
        return Reasoned((), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    bundle, seed, train = subject.bundle, subject.use_case.training.seed, subject.train.columns
    near, reads, explained = approved_of(bundle, bundle.background()), read_by(bundle), contributions(bundle, rows)
    told = reasons(explained, near, texts, reads)
    others = take(train, draw(np.arange(len(subject.train)), OTHER_APPROVED, seed))
    again = reasons(explained, approved_of(bundle, others), texts, reads)
    rules = held(subject.use_case, bundle.contract.inputs)
    spread = spreads(train, tuple(f.name for f in bundle.contract.inputs if f.kind in {"int", "float"}))
    return Reasoned(
        told=told,
        quiet=stable_under_noise(bundle, rows, told, near, texts, rules, spread, seed),
        elsewhere=np.array([a.top == b.top for a, b in zip(told, again, strict=True)], dtype=bool),
    )
