"""The principal reasons for which a case was declined.

They are what Regulation B asks of a creditor in the United States (12 CFR 1002.9(b)(2) and its official commentary):
specific, those that really counted in the score, and no more than four, since more are not likely to help anybody. Of
the methods that the commentary names for a scoring system this is the one by comparison with applicants who passed:
a feature counts by how much more risk it added here than it adds on average among approved cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, FloatArray
from components.judgement.explanations.contributions import Contributions, contributions
from components.judgement.recourse.drawn import take
from components.judgement.recourse.texts import Texts
from components.training.bundle import Bundle

MOST = 4
"""More reasons are not likely to be helpful (12 CFR part 1002, comment 9(b)(2)-1)."""

SMALLEST_SHARE = 0.05
"""What adds less of the risk than this is no principal reason."""


@dataclass(frozen=True)
class Reference:
    """The cases that a declined one is held against.

    Args:
        contributions: mean over them for each feature, shape (features,), log-odds.
        medians: of each feature's values, shape (features,), NaN where all are missing.
        cases: how many; 0 where nothing was approved: then a case is held against the average of training.
    """

    contributions: FloatArray
    medians: FloatArray
    cases: int


@dataclass(frozen=True)
class Reason:
    """One reason: the features of a subject, the one that counted most first.

    Args:
        subject: its name; a feature without a subject is one by itself.
        features: those of them that raised the risk.
        raised: by how much they raised it together above approved cases, log-odds.
        share: of all that raised the risk of the case.
    """

    subject: str
    features: tuple[str, ...]
    raised: float
    share: float


@dataclass(frozen=True)
class Reasons:
    """The reasons of one case.

    Args:
        principal: the largest first, four at most.
        cover: share of all that raised the risk which they tell, 0 to 1; NaN where nothing raised it.
        protected: features that read a protected attribute and would have been told among them.
    """

    principal: tuple[Reason, ...]
    cover: float
    protected: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        """Subject of the first reason, empty where there is none."""
        return self.principal[0].subject if self.principal else ""


def approved_of(bundle: Bundle, rows: Columns) -> Reference:
    """Average over those of some rows that the model approves."""
    approved = bundle.decide(bundle.probability(rows)) == 0
    width = len(bundle.contract.features)
    if not approved.any():
        return Reference(np.zeros(width), np.full(width, np.nan), 0)
    explained = contributions(bundle, take(rows, approved))
    values = explained.values.astype(np.float64)
    there = ~np.isnan(values).all(axis=0)
    medians = np.full(width, np.nan)
    medians[there] = np.nanmedian(values[:, there], axis=0)
    return Reference(explained.contributions.mean(axis=0), medians, len(explained))


def reasons(
    explained: Contributions, against: Reference, texts: Texts, reads: Sequence[Sequence[str]]
) -> list[Reasons]:
    """Tell the principal reasons of n cases.

    Features of one subject count together, by the sum of what they added; subjects that did not raise the risk are no
    reasons. Nothing that reads a protected attribute is told, nor what would be untrue of the case.

    Args:
        explained: the cases.
        against: approved cases.
        texts: say which features are of one subject, and what is protected.
        reads: for each feature the inputs that it reads.
    """
    above = explained.contributions - against.contributions
    features, subject_of = explained.features, texts.subject_of()
    barred = {f for f, inputs in zip(features, reads, strict=True) if set(inputs) & set(texts.protected)}
    # A barred feature stands alone, so that it cannot hide among others.
    subjects = [f if f in barred else subject_of.get(f, f) for f in features]
    true = hold(texts, explained)
    untold = [{name for name, rows in true.items() if not rows[i]} for i in range(len(above))]
    return [_of_one(row, features, subjects, barred, untold[i]) for i, row in enumerate(above)]


def hold(texts: Texts, explained: Contributions) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell for each subject with a condition of which of n cases it is true, shape (n,); unknown counts as untrue."""
    matrix = explained.values.astype(np.float64)
    frame = pl.DataFrame({f: matrix[:, i] for i, f in enumerate(explained.features)}).fill_nan(None)
    conditions = {name: subject.where for name, subject in texts.subjects.items() if subject.where}
    return {
        name: frame.select(pl.sql_expr(where).fill_null(value=False).alias("true"))["true"].to_numpy()
        for name, where in conditions.items()
    }


def _of_one(
    above: FloatArray, features: Sequence[str], subjects: Sequence[str], barred: set[str], untold: set[str]
) -> Reasons:
    members: dict[str, list[int]] = {}
    for i, subject in enumerate(subjects):
        members.setdefault(subject, []).append(i)
    sums = {subject: float(above[places].sum()) for subject, places in members.items()}
    total = sum(value for value in sums.values() if value > 0)
    if not total > 0:
        return Reasons((), float("nan"))
    # Equal ones in the order of the features, so that the same case has the same reasons everywhere.
    ranked = sorted((s for s in sums if sums[s] > 0), key=lambda s: -sums[s])
    told = [s for s in ranked if s not in barred | untold]
    counted = [s for s in told if sums[s] >= SMALLEST_SHARE * total][:MOST] or told[:1]
    principal = tuple(
        Reason(
            subject=s,
            features=tuple(features[i] for i in sorted(members[s], key=lambda i: -above[i]) if above[i] > 0),
            raised=sums[s],
            share=sums[s] / total,
        )
        for s in counted
    )
    # Of the barred only what would have been among the first: a trace of it is no reason.
    hidden = [s for s in ranked[:MOST] if s in barred and sums[s] >= SMALLEST_SHARE * total]
    return Reasons(principal, sum(r.share for r in principal), tuple(hidden))


def read_by(bundle: Bundle) -> list[tuple[str, ...]]:
    """List for each feature of a bundle the inputs that it reads."""
    return [feature.inputs for feature in bundle.transform.features]
