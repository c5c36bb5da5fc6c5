"""The privacy check: attacks by an outsider who sees scores, and what they give away of the training rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, Estimate, FloatArray
from components.core.errors import FairleadError
from components.judgement.check_report import Chart, CheckReport, Figure, Table
from components.judgement.privacy import membership
from components.judgement.privacy.attribute import Inferred, infer
from components.judgement.privacy.charts import curves
from components.judgement.privacy.generalisation import area_gap, gap_beyond_split, loss_gap
from components.judgement.privacy.membership import ATTACKS, Answers, Attacked, losses
from components.judgement.privacy.reference import MINIMUM_OF_OUTCOME as MINIMUM_TO_TEACH
from components.judgement.privacy.reference import two_references
from components.judgement.subject import Subject

MINIMUM_OF_OUTCOME = 20
"""Members of either outcome, and as many others, below which nothing is said."""

MEANINGS = {
    "membership_auc": "How well an attack tells training rows from others, as AUC: 0.5 is guessing. Of each attack, "
    "and of the worst as all, whose low end allows for the choice (Bonferroni). Half of the rows on either side are "
    "bad. Rows that differ by time differ without any memory too: see membership_gain.",
    "membership_gain": "By how much the AUC of an attack exceeds that of the same attack on a model of the same kind "
    "which has seen none of the rows: what is left is memory, not the split (DeLong et al. 1988).",
    "membership_advantage": "Members found less others taken for members, as shares; 0 is guessing (Yeom et al. 2018).",
    "membership_tpr_at_1pct_fpr": "Share of members that an attack finds where it takes one other row in a hundred for "
    "one; 0.01 is guessing (Carlini et al. 2022). n counts members.",
    "attribute_inference_gain": "Share of rows of which a sensitive column is guessed rightly from all other inputs, "
    "the outcome and the score, less that without the score (Yeom et al. 2018, section 5).",
    "generalisation_gap": "How much better the model does on training rows: log loss of test less train, in nats; AUC "
    "of train less test (DeLong et al. 1988).",
    "generalisation_gap_beyond_split": "Log loss in nats that the model saves on training rows beside models which "
    "have not seen them, less what it saves on other rows: the gap without what comes of the split.",
}


Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Prepared:
    """The rows that are attacked, what the model says of them, and what models say that saw none of them."""

    rows: Attacked
    answers: Answers
    references: list[FloatArray]


def check(subject: Subject) -> CheckReport:
    """Attack a model as an outsider would who sees its scores.

    Raises:
        FairleadError: a score is not a number, or a sensitive column is not there.
    """
    for name, part in (("training", subject.train), ("test", subject.test)):
        wrong = int((~np.isfinite(part.probability)).sum())
        if wrong:
            raise FairleadError(f"privacy: {wrong} of {len(part)} {name} rows have a score that is no number")
    seed = subject.use_case.training.seed
    members, others = _draw(subject)
    prepared = _prepare(subject, members, others)
    gaps = _gaps(subject, prepared)
    guessed = _attributes(subject, members)
    attributes = [
        Figure(name="attribute_inference_gain", of=g.column, estimate=g.gain, reason=g.reason) for g in guessed
    ]
    if isinstance(prepared, str):
        bare = _without_attacks(prepared, len(members) + len(others))
        return CheckReport(
            check="privacy",
            summary=(f"Not enough data to attack the model: {prepared}.", *_attribute_words(guessed)),
            figures=(*bare, *attributes, *gaps),
            meanings=_meanings([*bare, *attributes, *gaps]),
        )
    scores = membership.attack(prepared.rows, prepared.answers, prepared.references, seed)
    found = _membership(subject, prepared, scores, seed)
    figures = [*found, *attributes, *gaps]
    return CheckReport(
        check="privacy",
        summary=(*_membership_words(subject, figures), *_attribute_words(guessed)),
        figures=tuple(figures),
        meanings=_meanings(figures),
        tables=(_attack_table(figures, list(scores)), *_attribute_tables(guessed)),
        charts=(
            Chart(
                title="Members found by each attack",
                svg=curves(scores, prepared.rows.members),
                note="On the dotted line an attack guesses. Both scales are logarithmic: what counts is the left end, "
                "where an attacker is sure of a few.",
            ),
        ),
        data={"attacks": dict(ATTACKS), "members": len(members), "others": len(others)},
    )


def _draw(subject: Subject) -> tuple[Places, Places]:
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


def _prepare(subject: Subject, members: Places, others: Places) -> _Prepared | str:
    """Put the rows together; where there are too few, say so."""
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
    rows = Attacked(labels, inside, membership.two_folds(inside, labels, subject.use_case.training.seed))
    left = np.setdiff1d(np.arange(len(train)), members)
    models = two_references(subject, left) or []
    matrix = np.concatenate([_matrix(subject, train.columns, members), _matrix(subject, test.columns, others)])
    return _Prepared(rows, answers, [model.probability(matrix) for model in models])


def _matrix(subject: Subject, columns: Columns, rows: Places) -> npt.NDArray[np.float32]:
    return subject.bundle.transform.apply({name: values[rows] for name, values in columns.items()})


def _membership(subject: Subject, prepared: _Prepared, scores: Mapping[str, FloatArray], seed: int) -> list[Figure]:
    rows = prepared.rows
    measured = {
        "membership_auc": membership.areas(rows, scores),
        "membership_advantage": membership.advantages(rows, scores),
        "membership_tpr_at_1pct_fpr": membership.rates_at_few_false_positives(rows, scores),
    }
    if prepared.references:
        first, second = prepared.references
        answers = Answers(first, subject.bundle.decide(first).astype(np.float64))
        blind = membership.attack_blind(rows, answers, second, seed)
        measured["membership_gain"] = membership.gains(rows, scores, blind)
    figures = [
        Figure(name=name, of=of, estimate=e, reason="" if e.value is not None else "fewer than 100 other rows")
        for name, estimates in measured.items()
        for of, e in estimates.items()
    ]
    if not prepared.references:
        figures.append(_too_few_to_teach("membership_gain", "all", len(rows.labels)))
    return figures


def _too_few_to_teach(name: str, of: str, n: int) -> Figure:
    why = "too few training rows of an outcome are left to teach a model that has not seen the attacked ones"
    return Figure(name=name, of=of, estimate=Estimate(value=None, n=n), reason=why)


def _without_attacks(reason: str, n: int) -> list[Figure]:
    names = [name for name in MEANINGS if name.startswith("membership_")]
    return [Figure(name=name, estimate=Estimate(value=None, n=n), reason=reason) for name in names]


def _gaps(subject: Subject, prepared: _Prepared | str) -> list[Figure]:
    train, test = subject.train, subject.test
    found = [
        Figure(name="generalisation_gap", of=of, estimate=e, reason="" if e.value is not None else "one outcome alone")
        for of, e in (("log_loss", loss_gap(train, test)), ("auc", area_gap(train, test)))
    ]
    beyond = "generalisation_gap_beyond_split"
    if isinstance(prepared, str):
        bare = Estimate(value=None, n=len(train) + len(test))
        return [*found, Figure(name=beyond, of="log_loss", estimate=bare, reason=prepared)]
    if not prepared.references:
        return [*found, _too_few_to_teach(beyond, "log_loss", len(prepared.rows.labels))]
    labels = prepared.rows.labels
    blind = np.mean([losses(p, labels) for p in prepared.references], axis=0)
    estimate = gap_beyond_split(losses(prepared.answers.probability, labels), blind, prepared.rows.members)
    return [*found, Figure(name=beyond, of="log_loss", estimate=estimate)]


def _attributes(subject: Subject, members: Places) -> list[Inferred]:
    part, settings = subject.train, subject.use_case.judgement
    cuts = {a.column: a.cuts for a in settings.fairness.attributes}
    frame: pl.DataFrame = part.frame[members]
    inputs = {name: values[members] for name, values in part.columns.items()}
    return [
        infer(
            column,
            frame,
            inputs,
            part.labels[members],
            part.probability[members],
            cuts.get(column, ()),
            subject.use_case.training.seed,
        )
        for column in settings.privacy.sensitive
    ]


def _meanings(figures: list[Figure]) -> dict[str, str]:
    return {f.name: MEANINGS[f.name] for f in figures}


def _membership_words(subject: Subject, figures: list[Figure]) -> list[str]:
    by_name = {(f.name, f.of): f.estimate for f in figures}
    area, advantage = by_name["membership_auc", "all"], by_name["membership_advantage", "all"]
    words = [
        f"The best of the attacks tells training rows from others with an AUC of {area} and an advantage of "
        f"{advantage} over guessing."
    ]
    gain = by_name["membership_gain", "all"]
    if gain.value is not None:
        words.append(
            f"Beside the same attacks on a model that has not seen these rows, the largest gain in AUC is {gain}."
        )
    if subject.use_case.training.split == "time":
        words.append(
            "Training rows are older than the others, so part of what attacks tell is the time; gates read the gain "
            "over a model that has seen neither."
        )
    return words


def _attribute_words(guessed: list[Inferred]) -> list[str]:
    known = [g for g in guessed if g.gain.value is not None]
    if not known:
        return []
    told = "; ".join(f"{g.column} {g.gain}" for g in known)
    return [f"With the score, this much more of the rows is guessed rightly than from the other inputs alone: {told}."]


def _attack_table(figures: list[Figure], attacks: list[str]) -> Table:
    by_name = {(f.name, f.of): f.estimate for f in figures}
    names = ["membership_auc", "membership_gain", "membership_advantage", "membership_tpr_at_1pct_fpr"]

    def cell(name: str, of: str) -> str:
        return str(by_name.get((name, of), by_name.get((name, "all")) if of == "all" else None) or "-")

    return Table(
        title="Who was in the training rows?",
        header=("attack", "AUC", "beyond a blind model", "advantage", "found at 1 % false alarms"),
        rows=tuple((of, *(cell(name, of) for name in names)) for of in (*attacks, "all")),
        note="; ".join(f"{name}: {ATTACKS[name]}" for name in attacks) + "; all: the worst of them.",
    )


def _attribute_tables(guessed: list[Inferred]) -> list[Table]:
    if not guessed:
        return []
    return [
        Table(
            title="What does the score tell of a person?",
            header=("column", "values", "always the most frequent", "from the other inputs", "gain by the score"),
            rows=tuple((g.column, str(g.values), _share(g.usual), _share(g.without), str(g.gain)) for g in guessed),
            note="Shares guessed rightly of training rows; values with fewer than 50 rows are left out.",
        )
    ]


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.4f}"
