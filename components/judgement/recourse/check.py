"""The check ``recourse``: why cases are declined, whether it can be told, and what the people could do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.core.contracts import Estimate
from components.judgement.check_report import CheckReport, Figure
from components.judgement.explanation import AllAnchors
from components.judgement.recourse import anchored, figures, tables
from components.judgement.recourse.drawn import declined, draw, take
from components.judgement.recourse.feasible import breaches
from components.judgement.recourse.letter import Letter, letters
from components.judgement.recourse.reasoned import reasoned
from components.judgement.recourse.reasons import approved_of
from components.judgement.recourse.texts import Texts, texts_of
from components.judgement.recourse.waiting import Course, course_of
from components.judgement.recourse.ways_out import WaysOut, find_ways_out
from components.judgement.subject import Subject

REASONED = 10
"""Reasons are cheap: they are looked at for so many times the rows for which a way out is sought."""

LETTERS = 3
"""Examples in the report."""


def check(subject: Subject) -> CheckReport:
    """Look for reasons and ways out of declined test rows, and try the anchors that were handed over.

    Raises:
        FairleadError: a score is no number, or the use case's texts do not fit its features.
        NotExplained: no contributions of features are known for this kind of model.
    """
    use_case, seed, test = subject.use_case, subject.use_case.training.seed, subject.test
    settings, texts, course = use_case.judgement.recourse, texts_of(use_case), course_of(use_case)
    places = declined(test, REASONED * settings.rows, seed)
    sought = draw(places, settings.rows, seed)
    names = [str(name) for name in test.frame["row_id"].gather(sought)]
    ways = find_ways_out(use_case, subject.bundle, take(test.columns, sought), names, settings.samples)
    against = breaches(use_case, subject.bundle, ways)
    why = reasoned(subject, take(test.columns, places), texts)
    anchors: Path | None = subject.anchors
    given = [] if anchors is None else AllAnchors.validate_json(anchors.read_bytes())
    tried = anchored.try_on(given, test.columns, test.decision == 1)
    found = [
        *figures.of_ways_out(subject, sought, ways, against),
        *figures.of_time(subject, ways, course),
        *figures.of_reasons(why),
        *anchored.figures(tried),
    ]
    told = _letters(subject, ways, texts, course)
    return CheckReport(
        check="recourse",
        summary=tuple(_summary(subject, found)),
        figures=tuple(found),
        meanings=figures.MEANINGS,
        tables=(*tables.tables(told, ways, against, texts), *([anchored.table(tried)] if tried else [])),
        charts=tuple(tables.drawn(found, why, texts)),
        data={
            "letters": [{**one.model_dump(mode="json"), "text": one.text} for one in told],
            "ways_out": [c.model_dump(mode="json") for c in ways.counterfactuals],
        },
    )


def _letters(subject: Subject, ways: WaysOut, texts: Texts, course: Course | None) -> list[Letter]:
    """Write to the first few with a way out, and to one without."""
    with_one, without = np.flatnonzero(ways.found), np.flatnonzero(~ways.found)
    chosen = np.array([*with_one[: LETTERS - min(1, len(without))], *without[:1]], dtype=np.intp)
    if not len(chosen):
        return []
    found = [ways.counterfactuals[i] for i in chosen]
    near = approved_of(subject.bundle, subject.bundle.background())
    return letters(subject.bundle, take(ways.rows, chosen), found, texts, near, course)


def _summary(subject: Subject, found: Sequence[Figure]) -> list[str]:
    by_name = {(f.name, f.of): f.estimate for f in found}
    if not (subject.test.decision == 1).any():
        return [f"None of {len(subject.test):,} test rows is declined: nobody is owed reasons or a way out."]
    told = [
        ("Of declined rows {} have a way out that is in the hands of whoever asks.", by_name["recourse_found", "all"]),
        ("The first reason of {} stays the same under noise and another reference.", by_name["reasons_stable", "all"]),
        ("The reasons told cover {} of what raised the risk.", by_name["reasons_cover", "all"]),
    ]
    if ("recourse_in_all", "all") in by_name:
        told.insert(
            1, ("{} have one now, or in time if they keep to what was agreed.", by_name["recourse_in_all", "all"])
        )
    sentences = [text.format(_share(estimate)) for text, estimate in told if estimate.value is not None]
    if not subject.use_case.explanations.actionable:
        sentences.insert(0, "The use case names no input that may be acted on, so nobody has a way out.")
    return sentences


def _share(found: Estimate) -> str:
    return f"{found.value or 0:.0%} (95 % interval {found.low or 0:.0%} to {found.high or 0:.0%}, n={found.n:,})"
