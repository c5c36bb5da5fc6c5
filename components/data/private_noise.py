"""Noise with a guarantee: OpenDP's mechanisms for counts, sums and quantiles, each made to lose so much privacy.

Two tables are neighbours when one has a row more than the other. A loss is told in one of two measures:

- ``epsilon``: pure differential privacy (Dwork, McSherry, Nissim and Smith 2006); noise is of Laplace's distribution.
- ``rho``: zero-concentrated differential privacy (Bun and Steinke 2016); noise is Gaussian.

In both, what several questions lose adds up. OpenDP draws its noise from the operating system and cannot be seeded: a
noise that can be drawn again is none.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from components.core.contracts import FloatArray

Measure = Literal["epsilon", "rho"]

ALPHA = 0.05
"""One minus the confidence of the intervals."""


STEPS = 2**20
"""Whole steps into which the largest number of a sum is cut."""


@dataclass(frozen=True)
class Noisy:
    """Numbers with noise on them.

    Args:
        values: one or more.
        scale: of the noise on each: Laplace's scale or the normal deviation, in the numbers' own unit.
        loss: what the answer loses, in the measure that was asked for; never more than was allowed.
    """

    values: tuple[float, ...]
    scale: float
    loss: float


def counts(codes: Sequence[int], size: int, loss: float, measure: Measure) -> Noisy:
    """Count the rows of each of several kinds that no row belongs to two of, with noise on each count.

    Args:
        codes: kind of each row, 0 to size - 1; other numbers are counted nowhere.
        size: how many kinds; known without looking at the rows.
        loss: allowed, for all counts together.
        measure: what the loss is told in.
    """
    dp = _opendp()
    metric = dp.L1Distance[int] if measure == "epsilon" else dp.L2Distance[int]
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.symmetric_distance()
    exact = space >> dp.t.then_count_by_categories(list(range(size)), null_category=False, MO=metric)
    return _answer(lambda scale: exact >> _noise(dp, measure, scale), [int(c) for c in codes], loss, measure)


def total(values: FloatArray, most: float, loss: float, measure: Measure) -> Noisy:
    """Add up numbers between -most and most, with noise on the sum; those beyond are cut off.

    Args:
        values: shape (n,), without NaN.
        most: known without looking at the rows; above 0.
        loss: allowed.
        measure: what the loss is told in.
    """
    dp = _opendp()
    # In whole steps: OpenDP's sum of floats allows for what rounding may give away, and doubles the noise for it.
    steps = np.rint(np.clip(values / most, -1, 1) * STEPS)
    space = dp.vector_domain(dp.atom_domain(T=dp.i64)), dp.symmetric_distance()
    exact = space >> dp.t.then_clamp((-STEPS, STEPS)) >> dp.t.then_sum()
    found = _answer(lambda scale: exact >> _noise(dp, measure, scale), [int(v) for v in steps], loss, measure, STEPS)
    step = most / STEPS
    return Noisy(tuple(v * step for v in found.values), found.scale * step, found.loss)


def quantile(values: FloatArray, level: float, candidates: Sequence[float], loss: float, measure: Measure) -> Noisy:
    """Choose the candidate that comes near a quantile; the noise is on how many rows lie on its wrong side.

    Args:
        values: shape (n,), without NaN.
        level: of the quantile, 0 to 1.
        candidates: what may be answered, rising; known without looking at the rows.
        loss: allowed.
        measure: what the loss is told in.

    Returns:
        The candidate; ``scale`` is that of the noise on ranks, in rows (see ``rank_accuracy``).
    """
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    divergence = dp.max_divergence() if measure == "epsilon" else dp.zero_concentrated_divergence()

    def make(scale: float) -> Any:
        return space >> dp.m.then_private_quantile(divergence, [float(c) for c in candidates], level, scale)

    return _answer(make, [float(v) for v in values], loss, measure)


def accuracy(scale: float, measure: Measure, whole: bool, alpha: float = ALPHA) -> float:
    """How far noise of a scale takes a number at most, but for a share ``alpha`` of the times.

    >>> round(accuracy(10, "epsilon", whole=False), 2), round(accuracy(10, "rho", whole=False), 2)
    (29.96, 19.6)

    Args:
        scale: of the noise.
        measure: ``epsilon`` for Laplace's noise, ``rho`` for Gaussian.
        whole: whether the noise comes in whole numbers, as on counts.
        alpha: share of the times.
    """
    dp = _opendp()
    if whole:
        convert = {"epsilon": dp.discrete_laplacian_scale_to_accuracy, "rho": dp.discrete_gaussian_scale_to_accuracy}
        # OpenDP tells the first distance that is too far.
        return float(math.ceil(convert[measure](float(scale), alpha)) - 1)
    convert = {"epsilon": dp.laplacian_scale_to_accuracy, "rho": dp.gaussian_scale_to_accuracy}
    return float(convert[measure](float(scale), alpha))


def rank_accuracy(scale: float, candidates: int, alpha: float = ALPHA) -> float:
    """How many rows more than at the best candidate lie on the wrong side of the chosen one, but for a share of times.

    By the noise on the best and the largest of all noises: theorem 3.11 of Dwork and Roth, "The algorithmic foundations
    of differential privacy", 2014, which holds for exponential noise too (McKenna and Sheldon 2020).

    >>> round(rank_accuracy(10, 100), 1)
    76.0
    """
    return scale * math.log(candidates / alpha)


def epsilon_of(rho: float, delta: float) -> float:
    """Say which epsilon a loss of rho comes to at delta (Canonne, Kamath and Steinke 2020, as OpenDP has it).

    >>> round(epsilon_of(0.5, 1e-6), 2)
    5.22
    """
    dp = _opendp()
    # Whatever loses rho does; this loses it by one number with noise of this deviation.
    space = dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float)
    gaussian = space >> dp.m.then_gaussian(scale=1 / math.sqrt(2 * rho))
    curve = dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(gaussian), float(delta))
    return float(curve.map(1.0)[0])


def rho_of(epsilon: float, delta: float) -> float:
    """Say how much rho may be lost so that epsilon at delta is kept; within a millionth below the most.

    >>> rho = rho_of(1.0, 1e-6)
    >>> 0.999 < epsilon_of(rho, 1e-6) <= 1.0
    True
    """
    low, high = 0.0, float(epsilon)  # rho loses at least so much at delta, so the most is below epsilon
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def _noise(dp: Any, measure: Measure, scale: float) -> Any:
    return dp.m.then_laplace(scale=scale) if measure == "epsilon" else dp.m.then_gaussian(scale=scale)


def _answer(make: Callable[[float], Any], rows: list[Any], loss: float, measure: Measure, unit: float = 1.0) -> Noisy:
    """Ask with the least noise that loses no more than is allowed.

    Epsilon falls with the scale and rho with its square, so one trial tells the scale; OpenDP rounds losses up, hence
    the hair's breadths more.
    """
    trial = float(make(unit).map(1)) / loss
    scale = unit * (trial if measure == "epsilon" else math.sqrt(trial))
    hair = 1e-12
    while float(make(scale * (1 + hair)).map(1)) > loss:
        hair *= 2
    measurement = make(scale * (1 + hair))
    released = measurement(rows)
    values = released if isinstance(released, list) else [released]
    return Noisy(tuple(float(v) for v in values), scale * (1 + hair), float(measurement.map(1)))


@cache
def _opendp() -> Any:
    import opendp.prelude as dp

    # What OpenDP calls contributed is all that it has; each mechanism's proof is linked from its documentation.
    dp.enable_features("contrib")
    return dp
