"""Section of the report: attacks on rows that are rightly flagged, and on rows that rightly are not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns
from components.judgement.check_report import Chart, Figure, Table
from components.judgement.robustness.attacking import ATTACKS, Outcome, draw, run_attack, success_by_budget
from components.judgement.robustness.charts import success_curve
from components.judgement.robustness.intervals import median, share
from components.judgement.robustness.levers import Lever
from components.judgement.robustness.meter import Aim
from components.judgement.robustness.section import Section, nothing, shown
from components.judgement.subject import Part, Subject

MINIMUM_ROWS = 10
"""Fewer rows to attack say too little."""
CURVE = (0.5, 1.0, 2.0, 4.0)
"""Budgets of the curve, as multiples of the stated one."""
SHOWN = 5
"""Examples shown."""

REVERSE = "reverse_attack_success"
ASKS_FOR = {"hop_skip_jump": "decisions", "boundary": "decisions", "zoo": "scores", "greedy": "scores"}

Mask = npt.NDArray[np.bool_]


def attack_section(subject: Subject, aim: Aim | None, why_not: str) -> Section:
    """Attack rows both ways and report.

    Args:
        subject: the model and its rows.
        aim: levers, rules, budget and queries; None where there is no lever.
        why_not: the reason then.
    """
    settings, seed, test = subject.use_case.judgement.robustness, subject.use_case.training.seed, subject.test
    rightly_flagged = (test.labels == 1) & (test.decision == 1)
    chosen = draw(rightly_flagged, settings.rows, seed)
    reason = why_not or too_few(int(rightly_flagged.sum()), "rightly flagged")
    if aim is None or reason:
        back = nothing(REVERSE, "all", reason) if aim is None else _other_way(subject, aim)
        figures = (*_no_figures(reason, settings.budget, int(rightly_flagged.sum())), back)
        return Section(summary=(f"No attack was made: {reason}.",), figures=figures, meanings=MEANINGS)
    rows, fields = take(test, chosen), subject.bundle.contract.inputs
    outcomes = {name: run_attack(name, aim, rows, fields, seed) for name in ATTACKS}
    curve = success_by_budget(aim, [settings.budget * k for k in CURVE], rows, fields, seed)
    # A search within half the budget meets what one within all of it may miss.
    everything = np.any([*(o.success for o in outcomes.values()), curve[settings.budget]], axis=0)
    shares = {f"budget={b:g}": share(s) for b, s in curve.items()}
    figures = (
        *(Figure(name="attack_success", of=name, estimate=share(o.success)) for name, o in outcomes.items()),
        Figure(name="attack_success", of="all", estimate=share(everything)),
        *(Figure(name="attack_success", of=of, estimate=estimate) for of, estimate in shares.items()),
        *(_queries(name, outcome) for name, outcome in outcomes.items()),
        _other_way(subject, aim),
    )
    return Section(
        summary=(_sentence(aim, outcomes, everything, int(rightly_flagged.sum())),),
        figures=figures,
        meanings=MEANINGS,
        tables=(
            _attacks_table(outcomes, everything),
            _levers_table(aim, rows, outcomes),
            *((_examples(aim, rows, outcomes),) if everything.any() else ()),
        ),
        charts=(
            Chart(
                title="Attacks that succeed, by budget",
                svg=success_curve(list(curve), [share(s) for s in curve.values()], aim.budget),
                note="Greedy attack on rightly flagged test rows; 95 % intervals. Dashed: the stated budget.",
            ),
        ),
        data={
            "attacked": len(chosen),
            "refused_examples": {name: o.refused for name, o in outcomes.items()},
            "found_by": {name: int(o.success.sum()) for name, o in outcomes.items()},
        },
    )


def too_few(n: int, what: str) -> str:
    """Say that there are too few rows; empty where there are enough."""
    return "" if n >= MINIMUM_ROWS else f"not enough data: {n} test rows are {what}, needs {MINIMUM_ROWS}"


def take(part: Part, places: npt.NDArray[np.int64]) -> Columns:
    """Take rows of a part by their places."""
    return {name: values[places] for name, values in part.columns.items()}


def _other_way(subject: Subject, aim: Aim) -> Figure:
    test, settings = subject.test, subject.use_case.judgement.robustness
    pool = (test.labels == 0) & (test.decision == 0)
    reason = too_few(int(pool.sum()), "rightly not flagged")
    if reason:
        return nothing(REVERSE, "all", reason, int(pool.sum()))
    chosen = draw(pool, settings.rows, subject.use_case.training.seed)
    found = run_attack(
        "greedy", aim, take(test, chosen), subject.bundle.contract.inputs, subject.use_case.training.seed
    )
    return Figure(name=REVERSE, estimate=share(found.success))


def _queries(name: str, outcome: Outcome) -> Figure:
    estimate = median(outcome.asked[outcome.success].astype(np.float64))
    reason = "" if estimate.value is not None else f"not enough data: {estimate.n} attacks succeeded, needs 6"
    return Figure(name="median_queries", of=name, estimate=estimate, reason=reason)


def _no_figures(reason: str, budget: float, n: int) -> tuple[Figure, ...]:
    of = (*ATTACKS, "all", *(f"budget={budget * k:g}" for k in CURVE))
    return (
        *(nothing("attack_success", name, reason, n) for name in of),
        *(nothing("median_queries", name, reason, n) for name in ATTACKS),
    )


def _sentence(aim: Aim, outcomes: Mapping[str, Outcome], everything: Mask, pool: int) -> str:
    best = max(outcomes.values(), key=lambda o: int(o.success.sum()))
    names = [name for name, o in outcomes.items() if o.success.sum() == best.success.sum()]
    by = f"; most were found by {', '.join(names)}" if everything.any() else ""
    return (
        f"Of {len(everything)} rightly flagged test rows (drawn from {pool}), {int(everything.sum())} get the other "
        f"decision by moves of {', '.join(lever.column for lever in aim.levers)} that the person could make, each by "
        f"at most {aim.budget:.0%} of its ordinary range: {shown(share(everything), percent=True)}{by}."
    )


def _attacks_table(outcomes: Mapping[str, Outcome], everything: Mask) -> Table:
    rows = [
        (name, ASKS_FOR[name], str(int(o.success.sum())), shown(share(o.success), percent=True), _median(o))
        for name, o in outcomes.items()
    ]
    total = ("any of them", "", str(int(everything.sum())), shown(share(everything), percent=True), "")
    return Table(
        title="Attacks",
        header=("attack", "asks for", "succeeded", "share (95 % interval)", "median queries"),
        rows=(*rows, total),
        note="An example counts when, looked at anew, it is a valid row within the budget with the other decision.",
    )


def _median(outcome: Outcome) -> str:
    value = median(outcome.asked[outcome.success].astype(np.float64)).value
    return "too few" if value is None else f"{value:g}"


def _levers_table(aim: Aim, rows: Columns, outcomes: Mapping[str, Outcome]) -> Table:
    examples = [(i, found) for i, found in enumerate(_first_found(outcomes)) if found is not None]
    lines = []
    for lever in aim.levers:
        pulled = sum(_moved(rows, i, found, lever) for i, found in examples)
        way = {1: "up", -1: "down", 0: "either way"}[lever.direction]
        lines.append((lever.column, way, f"{aim.budget * lever.distance:,.6g}", f"{pulled} of {len(examples)}"))
    return Table(
        title="Levers",
        header=("input", "may move", "by at most", "moved in examples"),
        rows=tuple(lines),
        note="Only inputs that the use case calls actionable, and never out of the ordinary (1st to 99th percentile in "
        "training). Where only whole numbers are real, a lever of less than 1 cannot move.",
    )


def _examples(aim: Aim, rows: Columns, outcomes: Mapping[str, Outcome]) -> Table:
    lines: list[tuple[str, ...]] = []
    for i, found in enumerate(_first_found(outcomes)):
        if found is None or len(lines) == SHOWN:
            continue
        before = {name: values[i : i + 1] for name, values in rows.items()}
        changes = [
            f"{lever.column} {_plain(before[lever.column])} → {_plain(found[lever.column])}"
            for lever in aim.levers
            if _moved(rows, i, found, lever)
        ]
        scores = [float(aim.model.probability(row)[0]) for row in (before, found)]
        lines.append((", ".join(changes), f"{scores[0]:.4f}", f"{scores[1]:.4f}"))
    return Table(title="Examples found", header=("moves", "probability before", "after"), rows=tuple(lines))


def _first_found(outcomes: Mapping[str, Outcome]) -> Sequence[Columns | None]:
    return [
        next((f for f in found if f is not None), None)
        for found in zip(*(o.found for o in outcomes.values()), strict=True)
    ]


def _moved(rows: Columns, i: int, found: Columns, lever: Lever) -> bool:
    return bool(found[lever.column][0] != rows[lever.column][i] and found[lever.column][0] == found[lever.column][0])


def _plain(values: npt.NDArray[Any]) -> str:
    return f"{values[0]:,.10g}" if values.dtype.kind == "f" else str(values[0])


MEANINGS = {
    "attack_success": "Share of rightly flagged test rows that get the other decision by moves of their actionable "
    "inputs, in the allowed direction, to a valid row, each by at most the budget (a share of the distance between the "
    "input's 5th and 95th percentile in training). Black-box attacks by ART: HopSkipJump (Chen and others, 2020), "
    "boundary (Brendel and others, 2018), ZOO (Chen and others, 2017); greedy: a random and coordinate search; all: "
    "any of them at the stated budget; budget=…: greedy. Wilson's interval (1927).",
    "median_queries": "Scores or decisions that an attack asked for until it succeeded, median of its successes. "
    "Interval of order statistics (Conover, 1999).",
    REVERSE: "Share of test rows rightly not flagged that the greedy attack gets flagged by the same "
    "moves within the same budget: whoever moves the way that should help and is flagged for it. Wilson's interval.",
}
