"""What a declined person is told: the decision, why, what could change it, and whom to ask."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Columns, Field
from components.core.use_case import UseCase
from components.judgement.explanation import Change, Counterfactual
from components.judgement.explanations.contributions import contributions
from components.judgement.recourse.reasons import Reason, Reasons, Reference, approved_of, read_by, reasons
from components.judgement.recourse.texts import NOT_KNOWN, TYPICAL, Texts, number, texts_of, written
from components.judgement.recourse.waiting import Course, course_of, periods_needed
from components.judgement.recourse.ways_out import as_json, find_ways_out
from components.training.bundle import Bundle


class Letter(BaseModel):
    """The answer to one person, as values; ``text`` is the letter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    declined: bool
    decision: str
    """The decision in a sentence."""
    probability: float
    threshold: float
    reasons: tuple[str, ...]
    """A sentence each, the most important first; four at most."""
    changes: tuple[str, ...]
    """What would have led to the other decision, all of it together; empty where nothing was found."""
    in_time: str
    """What keeping to what was agreed would do; empty where that is not known, or would not be enough."""
    unread: tuple[str, ...]
    """Protected attributes that the model does not read, in words."""
    contact: str

    @property
    def text(self) -> str:
        """The letter."""
        if not self.declined:
            return f"{self.decision}\n"
        parts = [self.decision, _listed("Why", self.reasons, "No single reason stands out.")]
        parts.append("\n".join(["What could change it", *self._what_could_change()]))
        if self.unread:
            parts.append(f"Not looked at\nThe score does not read: {', '.join(self.unread)}.")
        whom = f"You may ask {self.contact}" if self.contact else "You may ask whoever sent you this"
        parts.append(
            f"Whom to ask\n{whom} to have a person look at your case again, to see the data that were used, and to "
            "have them put right where they are wrong."
        )
        return "\n\n".join(parts) + "\n"

    def _what_could_change(self) -> list[str]:
        told = ["None of the changes that are in your hands now would have been enough by itself."]
        if self.changes:
            told = ["The decision would have been the other one with:", _bullets(self.changes)]
        told += [self.in_time] * bool(self.in_time)
        if self.changes or self.in_time:
            told.append("This is no promise: your case will be looked at as it is then.")
        return told


def letter(use_case: UseCase, bundle: Bundle, row: Columns, name: str, samples: int | None = None) -> Letter:
    """Write the answer to one person.

    Args:
        use_case: holds the texts, and says what may be acted on.
        bundle: the model that decided.
        row: all inputs, one row.
        name: names the row.
        samples: rows scored at most in the search for a way out; None takes ``judgement.recourse.samples``.
    """
    texts = texts_of(use_case)
    most = use_case.judgement.recourse.samples if samples is None else samples
    way_out = find_ways_out(use_case, bundle, row, [name], most).counterfactuals[0]
    near = approved_of(bundle, bundle.background())
    (written_letter,) = letters(bundle, row, [way_out], texts, near, course_of(use_case))
    return written_letter


def letters(
    bundle: Bundle,
    rows: Columns,
    ways_out: Sequence[Counterfactual],
    texts: Texts,
    against: Reference,
    course: Course | None = None,
) -> list[Letter]:
    """Write the answers to n people.

    Args:
        bundle: the model that decided.
        rows: all inputs, n rows.
        ways_out: of each row, shape (n,).
        texts: of the use case.
        against: approved cases.
        course: how a case goes on that keeps to what was agreed, where the use case says.
    """
    explained = contributions(bundle, rows)
    told = reasons(explained, against, texts, read_by(bundle))
    fields, threshold = bundle.contract.inputs, bundle.contract.threshold
    unread = [texts.called(name) for name in texts.protected if name not in bundle.transform.inputs]
    periods = np.zeros(len(ways_out)) if course is None else periods_needed(bundle, rows, course)
    found = []
    for i, way_out in enumerate(ways_out):
        values = _values(explained.features, explained.values[i], as_json(rows, i, fields))
        declined = way_out.decision == 1
        found.append(
            Letter(
                row=way_out.row,
                declined=declined,
                decision=_decision(texts, declined, way_out.probability, threshold),
                probability=way_out.probability,
                threshold=threshold,
                reasons=_sentences(told[i], texts, values, against, explained.features) if declined else (),
                changes=tuple(_change(c, texts, fields) for c in way_out.changes) if declined else (),
                in_time=course.text.format(periods=int(periods[i])) if course and declined and periods[i] else "",
                unread=tuple(unread),
                contact=texts.contact,
            )
        )
    return found


def _decision(texts: Texts, declined: bool, probability: float, threshold: float) -> str:
    risk = f"the estimated risk is {100 * probability:.3g} in 100, and the limit {100 * threshold:.3g} in 100"
    if not declined:
        return f"This case was not declined: {risk}."
    return f"{texts.declined}\n{risk[0].upper()}{risk[1:]}."


def _sentences(
    told: Reasons, texts: Texts, values: Mapping[str, Any], against: Reference, features: Sequence[str]
) -> tuple[str, ...]:
    typical = {TYPICAL + f: float(v) for f, v in zip(features, against.medians, strict=True)}
    return tuple(sentence(reason, texts, {**typical, **values}) for reason in told.principal)


def sentence(reason: Reason, texts: Texts, values: Mapping[str, Any]) -> str:
    """Tell one reason: in the words of the use case, else by the feature's name, its value and what is usual.

    Args:
        reason: what counted.
        texts: of the use case.
        values: of this case by input and feature, and what is typical of approved cases.
    """
    strongest = reason.features[0]
    subject = texts.subjects.get(reason.subject)
    if subject is not None:
        return written(subject.texts.get(strongest, subject.text), values)
    called, usual = texts.called(strongest), number(values[TYPICAL + strongest])
    beside = "" if usual == NOT_KNOWN else f" (typical of approved cases: {usual})"
    return f"{called[0].upper()}{called[1:]}: {number(values[strongest])}{beside}."


def _change(change: Change, texts: Texts, fields: Sequence[Field]) -> str:
    kind = next(f.kind for f in fields if f.name == change.input)
    old, new = (number(float(v)) if kind == "float" and v is not None else number(v) for v in (change.old, change.new))
    return f"{texts.called(change.input)}: {new} instead of {old}"


def _values(features: Sequence[str], matrix: Any, inputs: Mapping[str, object]) -> dict[str, Any]:
    by_feature = {f: None if np.isnan(v) else float(v) for f, v in zip(features, matrix, strict=True)}
    return {**by_feature, **inputs}


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _listed(head: str, lines: Sequence[str], otherwise: str) -> str:
    numbered = "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))
    return f"{head}\n{numbered or otherwise}"
