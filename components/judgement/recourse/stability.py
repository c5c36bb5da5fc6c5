"""Whether the reasons hold: under a small change of the case, and against other approved cases."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.features.rows import number_of_rows
from components.judgement.explanations.contributions import contributions
from components.judgement.recourse.reasons import Reasons, Reference, read_by, reasons
from components.judgement.recourse.texts import Texts
from components.judgement.row_rules import RowRules
from components.training.bundle import Bundle

NOISE = 0.01
"""Standard deviation of the noise, as a share of the distance between the 5th and 95th percentile in training."""
ROUNDS = 5


def shaken(rows: Columns, fields: Sequence[Field], spread: Mapping[str, float], random: np.random.Generator) -> Columns:
    """Put a little noise on every number, within its domain; whole numbers stay whole.

    >>> fields = [Field(name="amount", kind="float", minimum=0)]
    >>> rows = {"amount": np.array([0.0, 50.0])}
    >>> new = shaken(rows, fields, {"amount": 100.0}, np.random.default_rng(1))["amount"]
    >>> bool((new >= 0).all()), bool((abs(new - rows["amount"]) < 5).all())
    (True, True)
    """
    new = dict(rows)
    for field in fields:
        if field.name not in spread:
            continue
        values = rows[field.name] + random.normal(0, NOISE * spread[field.name], len(rows[field.name]))
        values = np.rint(values) if field.kind == "int" else values
        new[field.name] = np.clip(values, field.minimum, field.maximum)
    return new


def stable_under_noise(
    bundle: Bundle,
    rows: Columns,
    told: Sequence[Reasons],
    against: Reference,
    texts: Texts,
    rules: RowRules,
    spread: Mapping[str, float],
    seed: int,
) -> npt.NDArray[np.bool_]:
    """Tell of n cases which keep their first reason in every one of ``ROUNDS`` rounds of noise, shape (n,).

    Where noise would break a rule on rows, the case stays as it is in that round.
    """
    fields, random = bundle.contract.inputs, np.random.default_rng(seed)
    same = np.ones(number_of_rows(rows), dtype=bool)
    for _ in range(ROUNDS):
        new = shaken(rows, fields, spread, random)
        kept = rules.kept(new)
        new = {name: np.where(kept, values, rows[name]) for name, values in new.items()}
        again = reasons(contributions(bundle, new), against, texts, read_by(bundle))
        same &= [a.top == b.top for a, b in zip(told, again, strict=True)]
    return same
