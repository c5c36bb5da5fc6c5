"""Estimation: the table of maximum entropy that fits released counts, by Private-PGM (mbi on JAX)."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator

import numpy as np

from components.core.contracts import FloatArray

STEPS = 1500
"""Steps of mirror descent; most of the time goes into compiling them once."""


@dataclass(frozen=True)
class Released:
    """Counts over one set of columns, as they were released.

    Args:
        columns: in the order of the counts' axes.
        counts: flat, row-major.
        deviation: of their noise.
    """

    columns: tuple[str, ...]
    counts: FloatArray
    deviation: float


class Joint:
    """A joint distribution over all columns, asked for a few of them at a time."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def of(self, columns: Sequence[str]) -> FloatArray:
        """Return the counts over some columns, one axis for each, not negative."""
        with _double_precision():
            factor = self._model.project(tuple(columns))
            order = [factor.domain.attributes.index(c) for c in columns]
            return np.maximum(np.asarray(factor.values, dtype=np.float64).transpose(order), 0.0)


def estimate(sizes: Mapping[str, int], released: Sequence[Released], total: float) -> Joint:
    """Fit the joint distribution to what was released (McKenna, Sheldon, Miklau, "Graphical-model based estimation and
    inference for differential privacy", ICML 2019).

    It looks at released counts alone, so it costs no privacy.

    Args:
        sizes: codes of each column.
        released: counts over sets of columns.
        total: rows to add up to.
    """
    mbi = _mbi()
    with _double_precision():
        measured = [mbi.LinearMeasurement(r.counts, r.columns, stddev=r.deviation) for r in released]
        domain = mbi.Domain.fromdict(dict(sizes))
        model = mbi.estimation.MirrorDescent().estimate(domain, measured, known_total=total, iters=STEPS)
    return Joint(model)


@contextmanager
def _double_precision() -> Iterator[None]:
    """Let JAX count in float64 within the block alone; other users of JAX in this process keep what they have."""
    import jax

    with jax.enable_x64(True):
        yield


def _mbi() -> Any:
    """Import mbi without its advice."""
    with warnings.catch_warnings(), _double_precision():
        # It advises against JAX's cache of compiled programs, which keeps nothing unless a folder is set: none is here.
        warnings.filterwarnings("ignore", message="JAX persistent compilation cache is enabled")
        # Its advice on float64 is followed by the blocks above, but it asks a thread's default on import.
        warnings.filterwarnings("ignore", message="JAX is running in float32 mode")
        return importlib.import_module("mbi")
