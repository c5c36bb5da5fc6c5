"""Whether the columns that go with one another still do.

Where the mix of rows changes in the world, what goes with a column moves as far as the column's own movement says.
Where a column is written wrongly, its rows are the same as before, and the others stay where they were. Likewise, two
columns that always rose together and suddenly do not are no longer of the same row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from components.core.contracts import FloatArray
from components.monitoring.causes.bins import Bins, Codes

LEAST_ROWS = 20
"""Bins with fewer rows in the reference say nothing of the others."""
TELLING = 4.0
"""Standard errors that another column would have to move by, to be of use as a witness."""
MOST_WITNESSES = 5
EXCHANGED = 25.0
"""Difference of sums of squared standard errors from which an exchange of values is shown."""
TIED, LOOSE = 0.7, 0.3
"""Rank correlation from which two columns are tied, and below which a tie is broken."""


@dataclass(frozen=True)
class Verdict:
    """What the companions of a column say.

    Args:
        follow: ``stay``: they are where they were; ``follow``: they moved as they had to; ``unclear``: neither is
            shown, or nothing goes with the column closely enough.
        share: of the movement that they had to make, that they made; None without a witness.
        witnesses: their names, the most telling first.
    """

    follow: Literal["stay", "follow", "unclear"]
    share: float | None = None
    witnesses: tuple[str, ...] = ()


def companions(subject: Bins, others: Sequence[Bins], rows: Codes | None = None) -> Verdict:
    """Hold the movement of the others against what the movement of one column makes one expect.

    For another column with mean m, the subject's bins b with shares P before and Q now let one expect a movement of
    sum over b of (Q(b) - P(b)) E[m | b], where the mean given b is the reference's.

    Args:
        subject: the column that moved.
        others: columns of the same rows; what is computed from the subject is no witness and must not be among them.
        rows: which of the current rows to look at; None for all.

    >>> half = np.repeat([0, 1], 500)
    >>> x = Bins("x", ("low", "high", "missing"), half, np.ones(1000, int), ordered=True)
    >>> y = Bins("y", ("low", "high", "missing"), half, half, ordered=True)
    >>> companions(x, [y]).follow
    'stay'
    """
    current = subject.current if rows is None else subject.current[rows]
    bins = len(subject.conditions)
    held = np.bincount(subject.reference, minlength=bins).astype(np.float64)
    gained = np.bincount(current, minlength=bins) / max(1, len(current)) - held / max(1, held.sum())
    if gained[held < LEAST_ROWS].clip(min=0).sum() > 0.5 * gained.clip(min=0).sum():
        return Verdict("unclear")  # what is new has no past to tell what goes with it
    gained[held < LEAST_ROWS] = 0.0
    found: list[tuple[float, float, str]] = []
    for other in others:
        if other.name == subject.name:
            continue
        for before, now in _scales(other, rows):
            error = float(before.std()) * float(np.sqrt(1 / len(before) + 1 / max(1, len(now))))
            means = np.bincount(subject.reference, weights=before, minlength=bins) / np.maximum(held, 1)
            expected = float(gained @ (means - before.mean()))
            if error and abs(expected) >= TELLING * error:
                found.append((expected / error, float(now.mean() - before.mean()) / error, other.name))
    return _verdict(sorted(found, key=lambda f: -abs(f[0]))[:MOST_WITNESSES])


def exchanged(subject: Bins, places: Mapping[int, int], others: Sequence[Bins], rows: Codes | None = None) -> bool:
    """Say whether the rows with one value are now like those that had another one, in what else they have.

    Args:
        subject: a category.
        places: bin now → bin before, of the values that seem to have changed places.
        others: columns of the same rows.
        rows: which of the current rows to look at; None for all.
    """
    current = subject.current if rows is None else subject.current[rows]
    bins = len(subject.conditions)
    held, holds = (np.bincount(side, minlength=bins).astype(np.float64) for side in (subject.reference, current))
    pairs = [(now, then) for now, then in places.items() if min(held[then], held[now], holds[now]) >= LEAST_ROWS]
    same, other_way = 0.0, 0.0
    for other in others:
        if other.name == subject.name:
            continue
        for before, now in _scales(other, rows):
            spread = float(before.var())
            if not spread:
                continue
            then = np.bincount(subject.reference, weights=before, minlength=bins) / np.maximum(held, 1)
            today = np.bincount(current, weights=now, minlength=bins) / np.maximum(holds, 1)
            # What moved for all rows alike, such as time, tells nothing of the exchange.
            then, today = then - before.mean(), today - now.mean()
            for a, b in pairs:
                noise = spread / holds[a]
                same += (today[a] - then[a]) ** 2 / (noise + spread / held[a])
                other_way += (today[a] - then[b]) ** 2 / (noise + spread / held[b])
    return bool(same - other_way > EXCHANGED and other_way < 0.5 * same)


def broken(subject: Bins, others: Sequence[Bins], rows: Codes | None = None) -> str | None:
    """Name the column that the subject always rose or fell with, and no longer does; None where there is none."""
    if not subject.ordered:
        return None
    for other in others:
        if other.name == subject.name or not other.ordered:
            continue
        now = (subject.current, other.current) if rows is None else (subject.current[rows], other.current[rows])
        old = _correlation(subject.reference, other.reference, len(subject.conditions), len(other.conditions))
        new = _correlation(*now, len(subject.conditions), len(other.conditions))
        if abs(old) >= TIED and new * np.sign(old) < LOOSE:
            return f"{other.name} (rank correlation {old:.2f} before, {new:.2f} now)"
    return None


def _verdict(found: list[tuple[float, float, str]]) -> Verdict:
    if not found:
        return Verdict("unclear")
    weight = sum(expected**2 for expected, _, _ in found)
    share = sum(expected * moved for expected, moved, _ in found) / weight
    # The witnesses go with each other too: together they count as no more than the best of them.
    error = 1 / abs(found[0][0])
    names = tuple(dict.fromkeys(name for _, _, name in found))
    if share + 2 * error < 0.5:
        return Verdict("stay", share, names)
    return Verdict("follow" if share - 2 * error > 0.5 else "unclear", share, names)


def _scales(other: Bins, rows: Codes | None) -> list[tuple[FloatArray, FloatArray]]:
    """Lay a column out as numbers of both windows: its rank, or for a category whether a row has a frequent value."""
    current = other.current if rows is None else other.current[rows]
    if other.ordered:
        return [(_rank(other.reference, len(other.conditions)), _rank(current, len(other.conditions)))]
    frequent = np.argsort(-np.bincount(other.reference, minlength=len(other.conditions)))[:3]
    return [((other.reference == b).astype(np.float64), (current == b).astype(np.float64)) for b in frequent]


def _rank(codes: Codes, bins: int) -> FloatArray:
    """Place of each row's bin from 0 to 1; missing values stand in the middle."""
    last = max(1, bins - 2)
    return np.where(codes == bins - 1, 0.5, codes / last)


def _correlation(x: Codes, y: Codes, bins_x: int, bins_y: int) -> float:
    both = (x != bins_x - 1) & (y != bins_y - 1)
    if both.sum() < LEAST_ROWS or not np.ptp(x[both]) or not np.ptp(y[both]):
        return 0.0
    return float(np.corrcoef(x[both], y[both])[0, 1])
