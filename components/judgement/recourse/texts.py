"""What people are told, as data: a sentence for each subject of reasons, names in words, whom to ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import polars as pl

from components.core.errors import FairleadError, unknown
from components.core.use_case import UseCase
from components.features.rows import request_fields

NOT_KNOWN = "not known"

TYPICAL = "typical_"
"""Before the name of a feature: its median among approved cases."""


@dataclass(frozen=True)
class Subject:
    """What is told of several features of one subject.

    Args:
        features: they count together as one reason.
        text: a sentence; ``{name}`` puts in the value of an input or a feature, ``{bill_sep:,.0f}`` in that form, and
            ``{typical_name}`` the median of a feature among approved cases.
        texts: feature → a sentence that is told in its place where this feature counted most.
        where: SQL condition over features; of a case for which it does not hold the sentence would be untrue, and it
            is not told. Empty for one that is true of everybody.
    """

    features: tuple[str, ...]
    text: str
    texts: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Texts:
    """All that a use case says to people who are declined.

    Args:
        subjects: by name.
        words: input or feature → what it is called in a sentence.
        declined: the decision in a sentence.
        contact: whom to ask.
        protected: inputs by which nobody may be told apart; a feature that reads one is never told as a reason.
    """

    subjects: Mapping[str, Subject] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    declined: str = "Your case was declined."
    contact: str = ""
    protected: tuple[str, ...] = ()

    def subject_of(self) -> dict[str, str]:
        """Feature → the name of its subject."""
        return {feature: name for name, subject in self.subjects.items() for feature in subject.features}

    def called(self, name: str) -> str:
        """Name an input or a feature in words.

        >>> Texts(words={"bill_sep": "the statement of September"}).called("bill_sep")
        'the statement of September'
        >>> Texts().called("paid_sep")
        'paid sep'
        """
        return self.words.get(name) or name.replace("_", " ")


def texts_of(use_case: UseCase) -> Texts:
    """Read the texts of a use case; what it does not say is told in the names of its features.

    Raises:
        FairleadError: a text names what is neither an input nor a feature, or a feature stands in two subjects.
    """
    told = use_case.explanations
    reasons: Mapping[str, Any] = told.reasons
    return require_texts(
        Texts(
            subjects={name: Subject(r.features, r.text, dict(r.texts), r.where) for name, r in reasons.items()},
            words=dict(told.words),
            declined=told.declined or Texts.declined,
            contact=told.contact or use_case.owner,
            protected=tuple(a.column for a in use_case.judgement.fairness.attributes),
        ),
        [f.name for f in request_fields(use_case)],
        use_case.features.names,
    )


def require_texts(texts: Texts, inputs: Iterable[str], features: Iterable[str]) -> Texts:
    """Return texts that fit a model's inputs and features.

    Raises:
        FairleadError: they do not; names the text, what it found and what is allowed.
    """
    features = list(features)
    known = list(dict.fromkeys([*inputs, *features]))
    placed_in = {*known, *(TYPICAL + feature for feature in features)}
    seen: dict[str, str] = {}
    for name, subject in texts.subjects.items():
        for feature in (*subject.features, *subject.texts):
            if feature not in features:
                raise unknown(f"feature of the reason {name!r}", feature, features)
        for feature in subject.features:
            if feature in seen:
                raise FairleadError(
                    f"feature {feature!r} stands in the reasons {seen[feature]!r} and {name!r}; take it out of one"
                )
            seen[feature] = name
        _require_condition(name, subject.where, features)
        for text in (subject.text, *subject.texts.values()):
            for placed in _placed(name, text):
                if placed not in placed_in:
                    raise unknown(f"value in the text of the reason {name!r}", placed, [*known, f"{TYPICAL}FEATURE"])
    for name in texts.words:
        if name not in known:
            raise unknown("name in explanations.words", name, known)
    return texts


def written(text: str, values: Mapping[str, Any]) -> str:
    """Put values into a sentence; one that is missing is told as not known.

    >>> written("The statement was {bill:,.0f} dollars.", {"bill": 12345.6})
    'The statement was 12,346 dollars.'
    >>> written("The statement was {bill:,.0f} dollars.", {"bill": None})
    'The statement was not known dollars.'

    Raises:
        FairleadError: there is no such value, or it cannot be written in the form that the text asks for.
    """
    parts = []
    for before, name, form, _ in Formatter().parse(text):
        parts.append(before)
        if name is None:
            continue
        if name not in values:
            raise unknown(f"value in the text {text!r}", name, values, "Is the model older than the text?")
        value = values[name]
        try:
            parts.append(NOT_KNOWN if value is None or value != value else format(value, form or ""))
        except ValueError as error:
            raise FairleadError(f"text {text!r}: {name} is {value!r}, which {form!r} cannot write: {error}") from error
    return "".join(parts)


def number(value: Any) -> str:
    """Write a value as a person would: two digits behind the point at most.

    >>> number(12345.678), number(0.0), number(None), number("Y")
    ('12,345.68', '0', 'not known', 'Y')
    """
    if value is None or value != value:
        return NOT_KNOWN
    if not isinstance(value, int | float):
        return str(value)
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _require_condition(name: str, where: str, features: list[str]) -> None:
    if not where:
        return
    try:
        found = pl.DataFrame(schema=dict.fromkeys(features, pl.Float64)).select(pl.sql_expr(where).alias("true"))
    except pl.exceptions.PolarsError as error:
        raise FairleadError(
            f"condition of the reason {name!r} cannot be used: {error} (found {where!r}; allowed: an SQL condition "
            f"over {', '.join(features)})"
        ) from error
    if found["true"].dtype != pl.Boolean:
        raise FairleadError(f"condition of the reason {name!r} is not true or false (found {where!r}); write a > b")


def _placed(name: str, text: str) -> list[str]:
    try:
        return [placed for _, placed, _, _ in Formatter().parse(text) if placed is not None]
    except ValueError as error:
        raise FairleadError(f"text of the reason {name!r} cannot be read: {error} (found {text!r})") from error
