"""Attacks by name, run on many rows; only what holds when it is looked at anew counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.core.errors import unknown
from components.features.rows import number_of_rows
from components.judgement.robustness.art_attacks import boundary, hop_skip_jump, zoo
from components.judgement.robustness.greedy import greedy
from components.judgement.robustness.meter import Aim, Meter
from components.judgement.robustness.valid import faults

ONE_BY_ONE: Mapping[str, Callable[[Meter, np.random.Generator], None]] = {
    "hop_skip_jump": hop_skip_jump,
    "boundary": boundary,
    "zoo": zoo,
}
"""Attacks that take a row at a time."""
ATTACKS = (*ONE_BY_ONE, "greedy")
AFAR = ("hop_skip_jump", "boundary")
"""They begin with an example that may be too far away, and bring it nearer."""
REACH = 1.0
"""From how far away those begin, at least: the whole distance between the 5th and the 95th percentile."""


@dataclass(frozen=True)
class Outcome:
    """What an attack made of n rows.

    Args:
        success: shape (n,), whether it found an example that counts.
        asked: shape (n,), scores that it asked for, up to the example where there is one.
        found: the example of each row, one row; None where there is none.
        refused: examples that did not hold when they were looked at anew.
    """

    success: npt.NDArray[np.bool_]
    asked: npt.NDArray[np.int64]
    found: tuple[Columns | None, ...]
    refused: int


def run_attack(name: str, aim: Aim, rows: Columns, fields: Sequence[Field], seed: int) -> Outcome:
    """Attack each row by itself; equal arguments give equal outcomes, and a row's hangs on no other row.

    Args:
        name: one of ``ATTACKS``.
        aim: what is attacked, and within which bounds.
        rows: n rows.
        fields: the contract's inputs.
        seed: of all draws.

    Raises:
        FairleadError: no such attack, or a score is no probability.
    """
    if name not in ATTACKS:
        raise unknown("attack", name, ATTACKS)
    n = number_of_rows(rows)
    # From the name, the seed and the place alone, so that two models meet the same draws.
    generators = [np.random.default_rng([seed, crc32(name.encode()), i]) for i in range(n)]
    asked, found = greedy(aim, rows, generators) if name == "greedy" else _one_by_one(name, aim, rows, generators)
    holds = [example is not None and not faults(aim, one(rows, i), example, fields) for i, example in enumerate(found)]
    return Outcome(
        success=np.array(holds, dtype=bool),
        asked=asked,
        found=tuple(example if held else None for example, held in zip(found, holds, strict=True)),
        refused=sum(example is not None for example in found) - sum(holds),
    )


def _one_by_one(
    name: str, aim: Aim, rows: Columns, generators: Sequence[np.random.Generator]
) -> tuple[npt.NDArray[np.int64], list[Columns | None]]:
    reach = max(REACH, aim.budget) if name in AFAR else aim.budget
    meters = [Meter(aim, one(rows, i), reach) for i in range(number_of_rows(rows))]
    for meter, rng in zip(meters, generators, strict=True):
        ONE_BY_ONE[name](meter, rng)
    return np.array([meter.asked for meter in meters], dtype=np.int64), [meter.found for meter in meters]


def success_by_budget(
    aim: Aim, budgets: Sequence[float], rows: Columns, fields: Sequence[Field], seed: int
) -> dict[float, npt.NDArray[np.bool_]]:
    """Run the greedy attack under several budgets; what succeeds under one does under every larger one.

    Returns:
        For each budget, rising, which of the n rows it succeeds on.
    """
    done = np.zeros(number_of_rows(rows), dtype=bool)
    curve = {}
    for budget in sorted(set(budgets)):
        left = np.flatnonzero(~done)
        rest = {name: values[left] for name, values in rows.items()}
        done[left] = run_attack("greedy", replace(aim, budget=budget), rest, fields, seed).success
        curve[budget] = done.copy()
    return curve


def one(rows: Columns, i: int) -> Columns:
    """Take one row."""
    return {name: values[i : i + 1] for name, values in rows.items()}


def draw(pool: npt.NDArray[np.bool_], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw at most ``count`` of the rows where ``pool`` is true; returns their places in order."""
    places = np.flatnonzero(pool)
    return np.sort(np.random.default_rng(seed).permutation(places)[:count])
