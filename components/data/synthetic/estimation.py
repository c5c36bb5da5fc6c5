"""Estimation: the table of maximum entropy that fits released counts, by Private-PGM (mbi on JAX)."""

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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


def estimate(sizes: Mapping[str, int], released: Sequence[Released], total: float) -> dict[tuple[str, ...], FloatArray]:
    """Fit the joint distribution to what was released (McKenna, Sheldon, Miklau, "Graphical-model based estimation and
    inference for differential privacy", ICML 2019).

    It looks at released counts alone, so it costs no privacy.

    Args:
        sizes: codes of each column.
        released: counts over sets of columns.
        total: rows to add up to.

    Returns:
        Potentials: for each set of columns that was released the logarithm of its factor, one axis for each column.
        Their product is the joint distribution but for a constant; for counts without overlap it is the counts.
    """
    mbi = _mbi()
    with _double_precision():
        measured = [mbi.LinearMeasurement(r.counts, r.columns, stddev=r.deviation) for r in released]
        domain = mbi.Domain.fromdict(dict(sizes))
        model = mbi.estimation.MirrorDescent().estimate(domain, measured, known_total=total, iters=STEPS)
        return {r.columns: _array(model.potentials[r.columns], r.columns) for r in released}


def _array(factor: Any, columns: Sequence[str]) -> FloatArray:
    order = [factor.domain.attributes.index(c) for c in columns]
    return np.asarray(factor.values, dtype=np.float64).transpose(order)


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
