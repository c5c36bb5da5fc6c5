"""Section of the report: what monotone constraints do for a model, and what they cost it."""

from collections.abc import Mapping

from components.judgement.check_report import Figure, Table
from components.judgement.robustness.defence import BY_LEVERS, CONFIGURED, FREE, Defence, compare_defences
from components.judgement.robustness.meter import Aim
from components.judgement.robustness.section import Section, shown
from components.judgement.subject import Subject

ROWS = 100
"""With fewer rows to attack the intervals are wider than any effect, and three models are trained for nothing."""


def defence_section(subject: Subject, aim: Aim | None) -> Section:
    """Compare the defences, where boosted trees are trained at all and enough rows are attacked; else nothing."""
    use_case = subject.use_case
    if aim is None or use_case.judgement.robustness.rows < ROWS or "xgboost" not in use_case.training.algorithms:
        return Section()
    found = compare_defences(use_case, subject.dataset, aim, subject.bundle.contract.inputs)
    return Section(
        summary=(_sentence(found),),
        figures=tuple(figure for name, defence in found.items() for figure in _figures(name, defence)),
        meanings=MEANINGS,
        tables=(_table(found),),
        data={"constrained_features": {name: d.constrained for name, d in found.items()}},
    )


def _figures(name: str, defence: Defence) -> list[Figure]:
    told = {
        "defence_auc": defence.auc,
        "defence_attack_success": defence.success,
        "defence_reverse_success": defence.reverse,
    }
    of, reason = f"constraints={name}", "not enough data: the three models agree on too few rows"
    return [
        Figure(name=figure, of=of, estimate=estimate, reason=reason if estimate.value is None else "")
        for figure, estimate in told.items()
    ]


def _sentence(found: Mapping[str, Defence]) -> str:
    most = found[BY_LEVERS]
    return (
        f"With monotone constraints on {most.constrained} features instead of none, the greedy attack succeeds on "
        f"{shown(most.success_less, percent=True)} fewer rows, moves in the right direction get "
        f"{shown(most.reverse_less, percent=True)} fewer flagged, and AUC falls by {shown(most.auc_lost)}."
    )


def _table(found: Mapping[str, Defence]) -> Table:
    told = {FREE: "none", CONFIGURED: "as configured", BY_LEVERS: "so that no lever raises the risk"}
    rows = [
        (
            told[name],
            str(d.constrained),
            shown(d.auc),
            shown(d.success, percent=True),
            shown(d.reverse, percent=True),
            *(("", "", "") if name == FREE else _lost(d)),
        )
        for name, d in found.items()
    ]
    lost = ("AUC lost", "attacks fewer", "flagged fewer")
    return Table(
        title="Monotone constraints as a defence",
        header=("constraints", "features", "AUC", "attacks that succeed", "flagged by moves the right way", *lost),
        rows=tuple(rows),
        note="Boosted trees of the search's default parameters that differ in nothing else; greedy attack at the "
        "stated budget, on the same rows; the last three columns are paired, against the model without constraints.",
    )


def _lost(d: Defence) -> tuple[str, str, str]:
    return shown(d.auc_lost), shown(d.success_less, percent=True), shown(d.reverse_less, percent=True)


_ALIKE = (
    "boosted trees trained alike, with no monotone constraints, with those of training.increasing (configured), or "
    "with those too without which a lever could raise the risk (levers)"
)
MEANINGS = {
    "defence_auc": f"AUC on the test rows of {_ALIKE}. Bootstrap interval over rows.",
    "defence_attack_success": "Share of test rows, rightly flagged by all three, on which the greedy attack succeeds: "
    f"{_ALIKE}. Wilson's interval.",
    "defence_reverse_success": "Share of test rows, rightly not flagged by all three, that the same moves get flagged: "
    f"{_ALIKE}. Wilson's interval.",
}
