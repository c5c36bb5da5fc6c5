"""Rows made of counts, as tables of published studies give them."""

from collections.abc import Mapping

import numpy as np

from components.judgement.fairness.groups import Grouping
from components.judgement.fairness.metrics import Rows


def people(name: str, counts: Mapping[str, tuple[int, int, int, int]], privileged: str = "") -> tuple[Rows, Grouping]:
    """Make rows of each group: favourable and good, favourable and bad, flagged and good, flagged and bad."""
    cells = np.array(list(counts.values()))
    k = len(counts)
    codes = np.repeat(np.arange(k), cells.sum(axis=1))
    flagged = np.concatenate([np.repeat([0.0, 0.0, 1.0, 1.0], row) for row in cells])
    bad = np.concatenate([np.repeat([0.0, 1.0, 0.0, 1.0], row) for row in cells])
    groups = Grouping(name, tuple(f"{name}={g}" for g in counts), codes, f"{name}={privileged}" if privileged else None)
    return Rows(bad, flagged, 0.2 + 0.5 * flagged, np.ones(len(codes))), groups
