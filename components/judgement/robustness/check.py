"""The check of robustness: attacks that a person could make, stress, other people, and the champion beside it."""

from components.judgement.check_report import CheckReport
from components.judgement.robustness.attacked import attack_section
from components.judgement.robustness.compared import comparison_section
from components.judgement.robustness.defended import defence_section
from components.judgement.robustness.levers import learn_levers
from components.judgement.robustness.meter import Aim, require_probabilities
from components.judgement.robustness.shifted import shift_section
from components.judgement.robustness.stressed import stress_section
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject


def check(subject: Subject) -> CheckReport:
    """Put a model under pressure; equal subjects give equal reports.

    Raises:
        FairleadError: the model gives a score that is no probability.
    """
    require_probabilities(subject.test.probability)
    rules = RowRules(subject.use_case.data.rules, subject.bundle.contract.inputs)
    aim, why_not = find_aim(subject, rules)
    sections = [
        attack_section(subject, aim, why_not),
        comparison_section(subject, aim, why_not),
        defence_section(subject, aim),
        stress_section(subject, rules),
        shift_section(subject),
    ]
    return CheckReport(
        check="robustness",
        summary=tuple(sentence for s in sections for sentence in s.summary),
        figures=tuple(figure for s in sections for figure in s.figures),
        meanings={name: text for s in sections for name, text in s.meanings.items()},
        tables=tuple(table for s in sections for table in s.tables),
        charts=tuple(chart for s in sections for chart in s.charts),
        data={key: value for s in sections for key, value in s.data.items()},
    )


def find_aim(subject: Subject, rules: RowRules) -> tuple[Aim | None, str]:
    """Say what attacks may do to the model, or why there is nothing that they could do."""
    settings, actionable = subject.use_case.judgement.robustness, subject.use_case.explanations.actionable
    if not actionable:
        return None, "explanations.actionable of the use case names no input, so that no attack has a lever"
    levers, left_out = learn_levers(actionable, subject.bundle.contract.inputs, subject.train.columns)
    if not levers:
        return None, f"no actionable input is a lever: {'; '.join(f'{k}: {why}' for k, why in left_out.items())}"
    return Aim(subject.bundle, levers, rules, settings.budget, settings.queries), ""
