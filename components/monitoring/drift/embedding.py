"""Tests of vectors: has the cloud of embeddings moved, grown or changed its shape?"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import spatial

from components.core.contracts import FloatArray
from components.monitoring.drift.effect import Effect, nothing
from components.monitoring.drift.numeric import Samples, ks

ROWS = 300
"""Vectors of either side in the kernel matrix, at most: its time and memory grow with their square."""
PERMUTATIONS = 4_999
"""So that the smallest p-value, 1 in 5,000, still is a discovery among 250 tests."""
BATCH = 1_000
"""Permutations worked on at a time."""

Vectors = npt.NDArray[np.floating[Any]]


def centroid_cosine(reference: Vectors, current: Vectors, seed: int = 7) -> Effect:
    """Cosine distance between the mean vectors of both sides: 0 the same direction, 1 at right angles, 2 opposed.

    Tells whether the cloud as a whole has turned. No p-value.

    >>> centroid_cosine(np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]])).size
    1.0
    """
    del seed  # nothing is drawn
    old, new = reference.mean(axis=0, dtype=np.float64), current.mean(axis=0, dtype=np.float64)
    lengths = float(np.linalg.norm(old) * np.linalg.norm(new))
    if lengths == 0:
        return nothing("a mean vector is 0 and so has no direction")
    return Effect(max(0.0, 1.0 - float(old @ new) / lengths))


def mean_cosine(reference: Vectors, current: Vectors, seed: int = 7) -> Effect:
    """Change of the mean cosine between a vector and the reference's centroid, 0 to 2.

    Tells whether the newest vectors lie further from, or closer to, what the reference was about. The centroid is that
    of one half of the reference, and the current vectors are held against the other half, which helped to make it as
    little as they did. The p-value is that of the KS test of the cosines.

    >>> rng = np.random.default_rng(1)
    >>> near, far = rng.normal(3, 1, size=(200, 4)), rng.normal(0, 1, size=(100, 4))
    >>> mean_cosine(near, far).size > 0.5
    True
    """
    if len(reference) < 4:
        return nothing("the reference is too short to be halved")
    order = np.random.default_rng(seed).permutation(len(reference))
    centre = reference[order[: len(order) // 2]].mean(axis=0, dtype=np.float64)
    if not np.linalg.norm(centre) > 0:
        return nothing("the reference's mean vector is 0 and so has no direction")
    old, new = _cosines(reference[order[len(order) // 2 :]], centre), _cosines(current, centre)
    return Effect(abs(float(new.mean() - old.mean())), ks(Samples(np.sort(old), new)).p_value)


def embedding_mmd(reference: Vectors, current: Vectors, seed: int = 7) -> Effect:
    """Squared maximum mean discrepancy of both samples, unbiased and not below 0, with a permutation test.

    The kernel is Gaussian; twice its squared bandwidth is the median of all squared distances. Each side is sampled.
    The p-value is ``(b + 1) / (PERMUTATIONS + 1)``, b the permutations that give at least as much. Sources: Gretton et
    al., "A kernel two-sample test" (2012); Phipson and Smyth (2010) for the p-value.

    >>> rng = np.random.default_rng(1)
    >>> found = embedding_mmd(rng.normal(size=(200, 8)), rng.normal(0.5, 1, size=(200, 8)))
    >>> round(found.size, 2), found.p_value
    (0.09, 0.0002)
    """
    if min(len(reference), len(current)) < 2:
        return nothing("each side needs two vectors")
    rng = np.random.default_rng(seed)
    old, new = _sample(reference, rng), _sample(current, rng)
    kernel = gaussian_kernel(np.concatenate([old, new]))
    side = np.repeat([1.0, 0.0], [len(old), len(new)])
    found = float(unbiased_mmd2(kernel, side[:, None])[0])
    at_least = 0
    for start in range(0, PERMUTATIONS, BATCH):
        some = min(BATCH, PERMUTATIONS - start)
        sides = rng.permuted(np.repeat(side[:, None], some, axis=1), axis=0)
        # A tie that rounding has broken counts as one.
        at_least += int(np.sum(unbiased_mmd2(kernel, sides) >= found - 1e-12))
    return Effect(max(0.0, found), (at_least + 1) / (PERMUTATIONS + 1))


def gaussian_kernel(rows: FloatArray) -> FloatArray:
    """Compute ``exp(-|x - y|**2 / median)`` for all pairs, the diagonal left at 0; shape (n, n).

    >>> gaussian_kernel(np.array([[0.0], [2.0]]))[0, 1] == np.exp(-1)
    np.True_
    """
    squared = spatial.distance.pdist(rows, "sqeuclidean")
    median = float(np.median(squared))
    kernel: FloatArray = spatial.distance.squareform(np.exp(-squared / (median if median > 0 else 1.0)))
    return kernel


def unbiased_mmd2(kernel: FloatArray, sides: FloatArray) -> FloatArray:
    """Estimate the squared discrepancy for each of several ways to divide the rows.

    Args:
        kernel: shape (n, n), symmetric, the diagonal 0.
        sides: shape (n, k), 1 for rows of one side and 0 for those of the other, the same number in each column.

    Returns:
        Shape (k,).
    """
    ours, total = float(sides[:, 0].sum()), len(kernel)
    theirs = total - ours
    whole, rows = kernel.sum(), kernel.sum(axis=1)
    within = np.einsum("ik,ik->k", sides, kernel @ sides)
    across = rows @ sides - within
    beyond = whole - within - 2 * across
    mmd2: FloatArray = within / (ours * (ours - 1)) + beyond / (theirs * (theirs - 1)) - 2 * across / (ours * theirs)
    return mmd2


tests: Mapping[str, Callable[[Vectors, Vectors, int], Effect]] = {
    "centroid_cosine": centroid_cosine,
    "mean_cosine": mean_cosine,
    "embedding_mmd": embedding_mmd,
}
"""Every test of a column of vectors."""


def _cosines(rows: Vectors, centre: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
    cosines: FloatArray = (rows @ centre) / np.where(lengths > 0, lengths, 1)
    return cosines


def _sample(rows: Vectors, rng: np.random.Generator) -> FloatArray:
    some = rows if len(rows) <= ROWS else rows[rng.choice(len(rows), ROWS, replace=False)]
    return some.astype(np.float64, copy=False)
