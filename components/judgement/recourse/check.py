"""The check ``recourse``: why cases are declined, whether it can be told, and what the people could do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.judgement.check_report import Chart, CheckReport, Figure, Table
from components.judgement.explanations.contributions import contributions
from components.judgement.fairness.groups import groupings
from components.judgement.recourse import charts
from components.judgement.recourse.drawn import declined, draw, spreads, take
from components.judgement.recourse.estimates import mean, share
from components.judgement.recourse.feasible import breaches
from components.judgement.recourse.letter import Letter, letters
from components.judgement.recourse.reasons import Reasons, approved_of, read_by, reasons
from components.judgement.recourse.rules import proposal_rules
from components.judgement.recourse.stability import stable_under_noise
from components.judgement.recourse.texts import Texts, texts_of
from components.judgement.recourse.ways_out import WaysOut, costs, find_ways_out
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject

REASONED = 10
"""Reasons are cheap: they are looked at for so many times the rows for which a way out is sought."""

LETTERS = 3
"""Examples in the report."""

OTHER_APPROVED = 200
"""Training rows drawn as another reference for the reasons."""

MEANINGS = {
    "recourse_found": (
        "Share of declined rows for which the search finds changes, of inputs that may be acted on and within every "
        "rule, that lead to the other decision (Ustun, Spangher and Liu, Actionable recourse, FAT* 2019); a larger "
        "search may find more, so it is a lower bound."
    ),
    "recourse_feasible": (
        "Share of the ways out found that keep direction, domain and every rule and really change the decision, "
        "checked apart from the search; anything below 1 is a defect."
    ),
    "recourse_sparsity": "Mean number of inputs changed by a way out (Wachter, Mittelstadt and Russell, 2018).",
    "recourse_cost": (
        "Mean total change of a way out: numbers in units of the distance between the 5th and 95th percentile in "
        "training, a category as 1, a date in years."
    ),
    "reasons_stable": (
        "Share of declined rows whose first reason stays the same: under five draws of noise of 1 % on all numbers "
        "(noise), against other approved cases (other approved cases), and both (all)."
    ),
    "reasons_cover": (
        "Mean share of all that raised a declined row's log-odds above approved cases' which its principal reasons, "
        "four at most, tell (12 CFR 1002.9(b)(2) and its commentary)."
    ),
    "reasons_protected": (
        "Share of declined rows among whose principal reasons would be a feature that reads a protected attribute; it "
        "is never told to anybody, and anything above 0 says that people are declined for what they are."
    ),
}


@dataclass(frozen=True)
class _Reasoned:
    told: Sequence[Reasons]
    quiet: npt.NDArray[np.bool_]
    others: npt.NDArray[np.bool_]


def check(subject: Subject) -> CheckReport:
    """Look for reasons and ways out of declined test rows.

    Raises:
        FairleadError: a score is no number, or the use case's texts do not fit its features.
        NotExplained: no contributions of features are known for this kind of model.
    """
    use_case, seed = subject.use_case, subject.use_case.training.seed
    settings, texts = use_case.judgement.recourse, texts_of(use_case)
    places = declined(subject.test, REASONED * settings.rows, seed)
    # The first are drawn from those that are reasoned about, so that letters have both.
    sought = draw(places, settings.rows, seed)
    rows = take(subject.test.columns, sought)
    names = [str(name) for name in subject.test.frame["row_id"].gather(sought)]
    ways = find_ways_out(use_case, subject.bundle, rows, names, settings.samples)
    against = breaches(use_case, subject.bundle, ways)
    reasoned = _reasoned(subject, take(subject.test.columns, places), texts)
    told = _letters(subject, ways, texts)
    figures = [*_ways_figures(subject, sought, ways, against), *_reasons_figures(reasoned)]
    return CheckReport(
        check="recourse",
        summary=tuple(_summary(subject, figures, ways)),
        figures=tuple(figures),
        meanings=MEANINGS,
        tables=tuple(_tables(told, ways, against, texts)),
        charts=tuple(_charts(figures, reasoned, texts)),
        data={
            "letters": [{**one.model_dump(mode="json"), "text": one.text} for one in told],
            "ways_out": [c.model_dump(mode="json") for c in ways.counterfactuals],
            "breaches": [list(one) for one in against if one],
        },
    )


def _reasoned(subject: Subject, rows: Columns, texts: Texts) -> _Reasoned:
    bundle, seed = subject.bundle, subject.use_case.training.seed
    if not len(next(iter(rows.values()))):
        return _Reasoned((), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    near, reads, explained = approved_of(bundle, bundle.background()), read_by(bundle), contributions(bundle, rows)
    told = reasons(explained, near, texts, reads)
    train = subject.train.columns
    drawn = draw(np.arange(len(subject.train)), OTHER_APPROVED, seed)
    again = reasons(explained, approved_of(bundle, take(train, drawn)), texts, reads)
    others = np.array([a.top == b.top for a, b in zip(told, again, strict=True)], dtype=bool)
    rules = RowRules(proposal_rules(subject.use_case), bundle.contract.inputs)
    spread = spreads(train, tuple(f.name for f in bundle.contract.inputs if f.kind in {"int", "float"}))
    return _Reasoned(told, stable_under_noise(bundle, rows, told, near, texts, rules, spread, seed), others)


def _ways_figures(
    subject: Subject, places: npt.NDArray[np.intp], ways: WaysOut, against: Sequence[Sequence[str]]
) -> list[Figure]:
    fields, found = subject.bundle.contract.inputs, ways.found
    acted = tuple(a.column for a in subject.use_case.explanations.actionable)
    numbers = tuple(f.name for f in fields if f.name in acted and f.kind in {"int", "float"})
    changes = np.array([c.number_of_changes for c in ways.counterfactuals if c.found], dtype=np.float64)
    cost: FloatArray = costs(ways, fields, spreads(subject.train.columns, numbers))
    what = "ways out"
    figures = [
        share("recourse_found", found.tolist()),
        share("recourse_feasible", [not texts for texts in against], what=what),
        mean("recourse_sparsity", changes, what=what),
        mean("recourse_cost", cost, what=what),
    ]
    for grouping in groupings(subject.test.frame, subject.use_case.judgement.fairness):
        codes = grouping.codes[places]
        for i, of in enumerate(grouping.names):
            figures.append(share("recourse_found", found[codes == i].tolist(), of))
            figures.append(mean("recourse_cost", cost[codes[found] == i], of, what))
    return figures


def _reasons_figures(reasoned: _Reasoned) -> list[Figure]:
    told = reasoned.told
    return [
        share("reasons_stable", (reasoned.quiet & reasoned.others).tolist()),
        share("reasons_stable", reasoned.quiet.tolist(), "noise"),
        share("reasons_stable", reasoned.others.tolist(), "other approved cases"),
        mean("reasons_cover", [r.cover for r in told if np.isfinite(r.cover)]),
        share("reasons_protected", [bool(r.protected) for r in told]),
    ]


def _letters(subject: Subject, ways: WaysOut, texts: Texts) -> list[Letter]:
    """Write to the first few with a way out, and to one without."""
    with_one, without = np.flatnonzero(ways.found), np.flatnonzero(~ways.found)
    chosen = [*with_one[: LETTERS - min(1, len(without))], *without[:1]]
    if not chosen:
        return []
    places = np.array(chosen, dtype=np.intp)
    found = [ways.counterfactuals[i] for i in chosen]
    near = approved_of(subject.bundle, subject.bundle.background())
    return letters(subject.bundle, take(ways.rows, places), found, texts, near)


def _summary(subject: Subject, figures: Sequence[Figure], ways: WaysOut) -> list[str]:
    by_name = {(f.name, f.of): f.estimate for f in figures}
    found, cover = by_name["recourse_found", "all"], by_name["reasons_cover", "all"]
    stable, n = by_name["reasons_stable", "all"], len(ways.counterfactuals)
    if not n:
        return [f"None of {len(subject.test):,} test rows is declined: nobody is owed reasons or a way out."]
    if not subject.use_case.explanations.actionable:
        return ["The use case names no input that may be acted on, so nobody who is declined has a way out."]
    sentences = [f"Of {n} declined rows {int(ways.found.sum())} have a way out {_interval(found)}."]
    sentences += [f"The first reason stays the same in {stable.value:.0%} of rows {_interval(stable)}."] * (
        stable.value is not None
    )
    sentences += [f"The reasons told cover {cover.value:.0%} of what raised the risk {_interval(cover)}."] * (
        cover.value is not None
    )
    return sentences


def _interval(found: object) -> str:
    low, high = getattr(found, "low", None), getattr(found, "high", None)
    return "(too few for an interval)" if low is None or high is None else f"(95 % interval {low:.0%} to {high:.0%})"


def _tables(told: Sequence[Letter], ways: WaysOut, against: Sequence[Sequence[str]], texts: Texts) -> list[Table]:
    changed = Counter(c.input for found in ways.counterfactuals for c in found.changes)
    tables = [
        Table(
            title="What declined people would be told",
            header=("row", "risk", "why", "what could change it"),
            rows=tuple(
                (
                    one.row,
                    f"{one.probability:.1%}",
                    " ".join(f"{i}. {text}" for i, text in enumerate(one.reasons, 1)),
                    "; ".join(one.changes) or "nothing in their hands by itself",
                )
                for one in told
            ),
            note="Examples drawn by the seed: two with a way out, one without, where there are such rows.",
        ),
        Table(
            title="What ways out change",
            header=("input", "ways out"),
            rows=tuple((texts.called(name), str(count)) for name, count in _ranked(changed)),
        ),
    ]
    broken = Counter(text for texts_of_one in against for text in texts_of_one)
    if broken:
        rows = tuple((text, str(count)) for text, count in _ranked(broken))
        tables.append(Table(title="Ways out that cannot be taken", header=("why", "ways out"), rows=rows))
    return tables


def _charts(figures: Sequence[Figure], reasoned: _Reasoned, texts: Texts) -> list[Chart]:
    found = [f for f in figures if f.name == "recourse_found"]
    drawn = []
    if any(f.estimate.value is not None for f in found):
        note = "With 95 % intervals; in brackets the declined rows."
        drawn.append(
            Chart(title="Who has a way out", svg=charts.by_group(found, "declined rows with a way out, %"), note=note)
        )
    named = _ranked(Counter(r.subject for one in reasoned.told for r in one.principal))
    if named:
        names, counts = zip(*((texts.called(name), count) for name, count in named), strict=True)
        svg = charts.counted(names, counts, "declined rows told so")
        drawn.append(Chart(title="Why rows are declined", svg=svg, note=f"Of {len(reasoned.told):,} declined rows."))
    return drawn


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Order by count, equal ones by name: never by the order in which they turned up."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
