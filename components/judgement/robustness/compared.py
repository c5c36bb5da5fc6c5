"""Section of the report: the same attacks on the same rows of the reigning model."""

from dataclasses import replace

from components.core.contracts import Estimate
from components.judgement.check_report import Figure, Table
from components.judgement.robustness.attacked import take, too_few
from components.judgement.robustness.attacking import draw, run_attack
from components.judgement.robustness.intervals import difference_of_pairs, share
from components.judgement.robustness.meter import Aim
from components.judgement.robustness.section import Section, nothing, shown
from components.judgement.subject import Subject

NAME = "attack_success_worse"
NO_CHAMPION = "there is no champion to compare with"


def comparison_section(subject: Subject, aim: Aim | None, why_not: str) -> Section:
    """Attack the champion beside the candidate, on rows that both rightly flag, and report the difference.

    Args:
        subject: the model, its rows, and the champion.
        aim: levers, rules, budget and queries; None where there is no lever.
        why_not: the reason then.
    """
    champion = subject.champion
    if champion is None or aim is None:
        return _none(NO_CHAMPION if champion is None else why_not)
    settings, seed, test = subject.use_case.judgement.robustness, subject.use_case.training.seed, subject.test
    theirs_flagged = champion.decide(champion.probability(test.columns)) == 1
    pool = (test.labels == 1) & (test.decision == 1) & theirs_flagged
    reason = too_few(int(pool.sum()), "rightly flagged by both models")
    if reason:
        return _none(reason, int(pool.sum()))
    rows = take(test, draw(pool, settings.rows, seed))
    ours = run_attack("greedy", aim, rows, subject.bundle.contract.inputs, seed).success
    theirs = run_attack("greedy", replace(aim, model=champion), rows, champion.contract.inputs, seed).success
    difference = difference_of_pairs(ours, theirs)
    return Section(
        summary=(
            f"On {len(ours)} rows that both rightly flag, the greedy attack succeeds against the candidate on "
            f"{shown(share(ours), percent=True)}, against the champion on {shown(share(theirs), percent=True)}; the "
            f"difference is {shown(difference, percent=True)}.",
        ),
        figures=(Figure(name=NAME, estimate=difference),),
        meanings=MEANINGS,
        tables=(_table(share(ours), share(theirs), difference),),
    )


def _none(reason: str, n: int = 0) -> Section:
    return Section(figures=(nothing(NAME, "all", reason, n),), meanings=MEANINGS)


def _table(ours: Estimate, theirs: Estimate, difference: Estimate) -> Table:
    rows = (("candidate", ours), ("champion", theirs), ("difference", difference))
    return Table(
        title="Greedy attack, candidate and champion",
        header=("model", "attacks that succeed (95 % interval)"),
        rows=tuple((name, shown(estimate, percent=True)) for name, estimate in rows),
        note="The same rows, rightly flagged by both, and the same draws.",
    )


MEANINGS = {
    NAME: "Share of rows on which the greedy attack succeeds against the candidate less that against the champion, on "
    "the same test rows, rightly flagged by both, with the same draws; above 0 the candidate is worse. Interval for "
    "matched pairs (Agresti and Min, 2005)."
}
