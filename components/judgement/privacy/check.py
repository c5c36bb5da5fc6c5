"""The privacy check: attacks by an outsider who sees scores, and what they give away of the training rows."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.judgement.check_report import Chart, CheckReport, Figure
from components.judgement.privacy import membership
from components.judgement.privacy.attacked_rows import Places, Prepared, draw, prepare
from components.judgement.privacy.attribute import Inferred, infer
from components.judgement.privacy.charts import curves
from components.judgement.privacy.generalisation import area_gap, gap_beyond_split, loss_gap
from components.judgement.privacy.membership import ATTACKS, Answers, losses
from components.judgement.privacy.telling import (
    MEANINGS,
    attack_table,
    attribute_tables,
    attribute_words,
    meanings,
    membership_words,
)
from components.judgement.subject import Subject


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
    members, others = draw(subject)
    prepared = prepare(subject, members, others)
    gaps = _gaps(subject, prepared)
    guessed = _attributes(subject, members)
    attributes = [
        Figure(name="attribute_inference_gain", of=g.column, estimate=g.gain, reason=g.reason) for g in guessed
    ]
    if isinstance(prepared, str):
        bare = _without_attacks(prepared, len(members) + len(others))
        return CheckReport(
            check="privacy",
            summary=(f"Not enough data to attack the model: {prepared}.", *attribute_words(guessed)),
            figures=(*bare, *attributes, *gaps),
            meanings=meanings([*bare, *attributes, *gaps]),
        )
    scores = membership.attack(prepared.rows, prepared.answers, prepared.references, seed)
    found = _membership(subject, prepared, scores, seed)
    figures = [*found, *attributes, *gaps]
    return CheckReport(
        check="privacy",
        summary=(*membership_words(figures, subject.use_case.training.split == "time"), *attribute_words(guessed)),
        figures=tuple(figures),
        meanings=meanings(figures),
        tables=(attack_table(figures, list(scores)), *attribute_tables(guessed)),
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


def _membership(subject: Subject, prepared: Prepared, scores: Mapping[str, FloatArray], seed: int) -> list[Figure]:
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


def _gaps(subject: Subject, prepared: Prepared | str) -> list[Figure]:
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
