"""Section of the report: the same model among other people."""

from components.core.contracts import Estimate, FloatArray
from components.judgement.check_report import Figure, Table
from components.judgement.robustness.section import Section, nothing, shown
from components.judgement.robustness.shift import Shift, estimate_shift, measure_shifts, shift_weights
from components.judgement.robustness.strained import MINIMUM_OF_OUTCOME, ROUNDS
from components.judgement.subject import Subject

SHOWN = 8
"""Shifts shown: those with the worst loss."""


def shift_section(subject: Subject) -> Section:
    """Weigh the test rows towards the ends of every number and report the worst of it."""
    test = subject.test
    shifts = shift_weights(test.columns, subject.bundle.contract.inputs)
    found = measure_shifts(test.probability, test.labels, test.weights, shifts)
    if not found:
        reason = _lacking(subject, len(shifts))
        figures = tuple(nothing(name, "worst", reason, len(test)) for name in ("loss_under_shift", "auc_under_shift"))
        return Section(summary=(f"No shift was measured: {reason}.",), figures=figures, meanings=MEANINGS)
    worst_loss, worst_auc = found[0], min(found, key=lambda s: (s.auc, s.name))
    loss, _ = _estimate(subject, shifts[worst_loss.name])
    _, auc = _estimate(subject, shifts[worst_auc.name])
    return Section(
        summary=(
            f"Where {_words(worst_loss)}, log loss is {shown(loss)} of what the mere share of bad rows gives, the "
            f"worst of {len(found)} shifts; where {_words(worst_auc)}, AUC is {shown(auc)}, the worst.",
        ),
        figures=(
            Figure(name="loss_under_shift", of="worst", estimate=loss),
            Figure(name="auc_under_shift", of="worst", estimate=auc),
        ),
        meanings=MEANINGS,
        tables=(_table(found),),
        data={"worst_loss": worst_loss.name, "worst_auc": worst_auc.name, "shifts": len(found)},
    )


def _estimate(subject: Subject, weights: FloatArray) -> tuple[Estimate, Estimate]:
    test, training = subject.test, subject.use_case.training
    rounds = min(training.bootstrap_rounds, ROUNDS)
    return estimate_shift(test.probability, test.labels, test.weights * weights, rounds, training.seed)


def _lacking(subject: Subject, shifts: int) -> str:
    if not shifts:
        return "not enough data: no number has a third of the rows at either end"
    n, bad = len(subject.test), int(subject.test.labels.sum())
    return f"not enough data: {n} rows, {bad} bad and {n - bad} good; needs {MINIMUM_OF_OUTCOME} of each outcome"


def _words(shift: Shift) -> str:
    column, _, side = shift.name.partition("=")
    return f"{column} is {side} in two rows of three"


def _table(found: list[Shift]) -> Table:
    return Table(
        title="Shifted populations",
        header=("input", "rows that count", "AUC", "log loss to base rate's"),
        rows=tuple((s.name, f"{s.effective:,.0f}", f"{s.auc:.3f}", f"{s.loss:.3f}") for s in found[:SHOWN]),
        note=f"The {min(SHOWN, len(found))} worst of {len(found)}: test rows weighted so that the lower or the upper "
        "third of an input becomes two thirds of all.",
    )


MEANINGS = {
    "loss_under_shift": "Log loss of the test rows, weighted as if the lower or the upper third of one number were two "
    "thirds of all rows (importance weights; Shimodaira, 2000), as a share of the loss of whoever knows the weighted "
    "share of bad rows and nothing else (normalised entropy; He and others, 2014). Worst of all numbers and ends; "
    "bootstrap interval of that one.",
    "auc_under_shift": "AUC of the test rows under the same weights, worst of all numbers and ends; bootstrap interval "
    "of that one.",
}
