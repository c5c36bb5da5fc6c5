"""Whether an adversarial example is one: looked at anew, without anything that the attack used to make it."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.judgement.robustness.levers import as_numbers, domain
from components.judgement.robustness.meter import EDGE, Aim


def faults(aim: Aim, before: Columns, after: Columns, fields: Sequence[Field]) -> list[str]:
    """List what speaks against an example; nothing where it counts.

    Args:
        aim: the model, the levers, the rules and the budget.
        before: one row.
        after: the row that is said to get the other decision.
        fields: the contract's inputs.
    """
    found = [] if aim.rules.kept(after).all() else ["a rule is broken"]
    moved = {lever.column: lever for lever in aim.levers}
    for field in fields:
        old, new = before[field.name], after[field.name]
        if (old == new).all() or (_missing(old) and _missing(new)):
            continue
        if field.name not in moved:
            found.append(f"{field.name} is not actionable")
            continue
        lever = moved[field.name]
        step = float((as_numbers(new) - as_numbers(old))[0])
        value = float(as_numbers(new)[0])
        low, high = domain(field)
        if not abs(step) <= aim.budget * lever.distance * (1 + EDGE):
            found.append(f"{field.name} moves by {step:g}")
        if step * lever.direction < 0:
            found.append(f"{field.name} moves the wrong way")
        if not low <= value <= high or (field.kind == "int" and value != round(value)):
            found.append(f"{field.name} is {value:g}")
    decided = [int(aim.model.decide(aim.model.probability(row))[0]) for row in (before, after)]
    return found if decided[0] != decided[1] else [*found, "the decision is the same"]


def _missing(values: npt.NDArray[Any]) -> bool:
    return bool(values[0] is None or values[0] != values[0])  # NaN and NaT are not even equal to themselves
