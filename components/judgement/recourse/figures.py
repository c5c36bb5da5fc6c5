"""The figures of the check ``recourse``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.judgement.check_report import Figure
from components.judgement.fairness.groups import Grouping, groupings
from components.judgement.recourse import anchored
from components.judgement.recourse.drawn import spreads
from components.judgement.recourse.estimates import MINIMUM, difference, mean, share
from components.judgement.recourse.reasoned import Reasoned
from components.judgement.recourse.waiting import Course, periods_needed
from components.judgement.recourse.ways_out import WaysOut, costs
from components.judgement.subject import Subject

MEANINGS = {
    "recourse_found": (
        "Share of declined rows for which the search finds changes, of inputs that may be acted on and within every "
        "rule, that lead to the other decision (Ustun, Spangher and Liu, Actionable recourse, FAT* 2019); a larger "
        "search may find more, so it is a lower bound."
    ),
    "recourse_difference": (
        "Share of declined rows of a group with a way out, less that of the privileged group (of the group with the "
        "largest share, where none is named); below 0 the way out is harder to find. The interval is Newcombe's "
        "(Statistics in Medicine 17, 1998). Compare Gupta et al., Equalizing recourse across groups, 2019."
    ),
    "recourse_in_time": (
        "Share of declined rows that get the good decision after at most so many periods, and keep it, when they keep "
        "to what was agreed (explanations.course)."
    ),
    "recourse_in_all": "Share of declined rows that have a way out, or get the good decision in time (both as above).",
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
    **anchored.MEANINGS,
}

Mask = npt.NDArray[np.bool_]


def of_ways_out(
    subject: Subject, places: npt.NDArray[np.intp], ways: WaysOut, against: Sequence[Sequence[str]]
) -> list[Figure]:
    """Tell how many declined rows have a way out, how far it is, and for whom.

    Args:
        subject: the model.
        places: of n declined rows among the test rows, shape (n,).
        ways: what was found for them.
        against: for each way out that was found what speaks against it.
    """
    fields, found = subject.bundle.contract.inputs, ways.found
    acted = {a.column for a in subject.use_case.explanations.actionable}
    numbers = tuple(f.name for f in fields if f.name in acted and f.kind in {"int", "float"})
    changes = [c.number_of_changes for c in ways.counterfactuals if c.found]
    cost = costs(ways, fields, spreads(subject.train.columns, numbers))
    figures = [
        share("recourse_found", found.tolist()),
        share("recourse_feasible", [not texts for texts in against], what="ways out"),
        mean("recourse_sparsity", changes, what="ways out"),
        mean("recourse_cost", cost, what="ways out"),
    ]
    for grouping in groupings(subject.test.frame, subject.use_case.judgement.fairness):
        figures += _by_group(grouping, grouping.codes[places], found, cost)
    return figures


def _by_group(grouping: Grouping, codes: npt.NDArray[np.intp], found: Mask, cost: FloatArray) -> list[Figure]:
    shares = [found[codes == i].tolist() for i in range(len(grouping))]
    figures = [share("recourse_found", shares[i], of) for i, of in enumerate(grouping.names)]
    figures += [mean("recourse_cost", cost[codes[found] == i], of, "ways out") for i, of in enumerate(grouping.names)]
    first = _held_against(grouping, shares)
    return figures + [
        difference("recourse_difference", shares[i], shares[first], of)
        for i, of in enumerate(grouping.names)
        if i != first
    ]


def _held_against(grouping: Grouping, shares: Sequence[Sequence[bool]]) -> int:
    """Take the privileged group, else the one with the largest share, else the first."""
    if grouping.privileged is not None:
        return grouping.names.index(grouping.privileged)
    enough = [i for i, met in enumerate(shares) if len(met) >= MINIMUM]
    return max(enough, key=lambda i: sum(shares[i]) / len(shares[i]), default=0)


def of_time(subject: Subject, ways: WaysOut, course: Course | None) -> list[Figure]:
    """Tell what share of n declined rows is approved after one period, two, … of keeping to what was agreed."""
    if course is None:
        return []
    needed = periods_needed(subject.bundle, ways.rows, course)
    in_time = [
        share("recourse_in_time", ((needed > 0) & (needed <= k)).tolist(), f"periods={k}")
        for k in range(1, course.periods + 1)
    ]
    return [*in_time, share("recourse_in_all", (ways.found | (needed > 0)).tolist())]


def of_reasons(reasoned: Reasoned) -> list[Figure]:
    """Tell whether the reasons hold, how much they tell, and whether any is what somebody is."""
    told = reasoned.told
    return [
        share("reasons_stable", (reasoned.quiet & reasoned.elsewhere).tolist()),
        share("reasons_stable", reasoned.quiet.tolist(), "noise"),
        share("reasons_stable", reasoned.elsewhere.tolist(), "other approved cases"),
        mean("reasons_cover", [r.cover for r in told if np.isfinite(r.cover)], most=1),
        share("reasons_protected", [bool(r.protected) for r in told]),
    ]
