"""Explanations made by hand, for statistics that need no model."""

import numpy as np
from scipy.special import expit

from components.judgement.explanations.contributions import Contributions


def explained(contributions, base: float = -1.0, features=None, values=None, method: str = "made") -> Contributions:
    """Make an explanation whose probability is what it adds up to."""
    phi = np.asarray(contributions, dtype=np.float64)
    names = features or tuple("abcdefghij"[: phi.shape[1]])
    matrix = np.asarray(phi if values is None else values, dtype=np.float32)
    probability = expit(base + phi.sum(axis=1))
    return Contributions(method, tuple(names), base, phi, matrix, probability)
