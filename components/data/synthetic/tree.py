"""The tree: conditional distributions from the factors of a joint one, by passing sums from the leaves to the root."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.core.contracts import FloatArray
from components.data.synthetic.coding import Coding
from components.data.synthetic.generator import Branch

Potentials = Mapping[tuple[str, ...], FloatArray]


def grow(
    potentials: Potentials, sizes: Mapping[str, int], coding: Coding, tree: Sequence[tuple[str, str]]
) -> tuple[tuple[Branch, ...], FloatArray]:
    """Turn factors over (outcome, a, b), (period, outcome, a) and (outcome, a) into what rows can be drawn from.

    Exact sums (Pearl, "Probabilistic reasoning in intelligent systems", 1988, chapter 4): given period and outcome the
    other columns make a tree.

    Args:
        potentials: logarithms, by columns in this order.
        sizes: bins of each column.
        coding: says which columns are period and outcome.
        tree: the pairs (a, b).

    Returns:
        Branches, parents first, and the share of each period and outcome, shape (periods, 2), adding up to 1.
    """
    hubs = (sizes[coding.event], sizes[coding.outcome])
    columns = [c for c in sizes if c not in (coding.event, coding.outcome)]
    order = _outwards(columns, tree)
    below = {c: np.zeros((*hubs, sizes[c])) for c in columns}
    for names, values in potentials.items():
        if len(names) == 2 and names[0] == coding.outcome:
            below[names[1]] += values[None]
        elif len(names) == 3 and names[0] == coding.event:
            below[names[2]] += values
    root = np.zeros(hubs) + potentials.get((coding.event, coding.outcome), 0.0)
    branches = []
    for column, parent in reversed(order):
        joint = below[column][:, :, None, :]
        if parent is not None:
            joint = joint + _between(potentials, coding.outcome, parent, column)[None]
        joint = np.where(_impossible(column, coding, joint.shape), -np.inf, joint)
        top = joint.max(axis=-1, keepdims=True)
        sums = np.log(np.exp(joint - top).sum(axis=-1)) + top[..., 0]
        branches.append(Branch(column, parent, np.exp(joint - sums[..., None])))
        if parent is None:
            root = root + sums[:, :, 0]
        else:
            below[parent] = below[parent] + sums
    share = np.exp(root - root.max())
    return tuple(reversed(branches)), share / share.sum()


def _outwards(columns: Sequence[str], tree: Sequence[tuple[str, str]]) -> list[tuple[str, str | None]]:
    """Order the columns so that each comes after its neighbour on the way to a root."""
    near: dict[str, list[str]] = {c: [] for c in columns}
    for a, b in tree:
        near[a].append(b)
        near[b].append(a)
    order: list[tuple[str, str | None]] = []
    for start in columns:
        waiting: list[tuple[str, str | None]] = [(start, None)]
        while waiting:
            column, parent = waiting.pop(0)
            if all(column != done for done, _ in order):
                order.append((column, parent))
                waiting += [(other, column) for other in near[column] if other != parent]
    return order


def _between(potentials: Potentials, outcome: str, parent: str, column: str) -> FloatArray:
    if (outcome, parent, column) in potentials:
        return potentials[outcome, parent, column]
    return potentials[outcome, column, parent].transpose(0, 2, 1)


def _impossible(
    column: str, coding: Coding, shape: tuple[int, ...]
) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Tell what cannot be, whatever the noise says: a good row with a time of its outcome, a bad row without one."""
    wrong = np.zeros(shape, dtype=bool)
    if column == coding.outcome_time and coding.columns[column].nullable:
        wrong[:, 0, :, :-1] = True
        wrong[:, 1, :, -1] = True
    return wrong
