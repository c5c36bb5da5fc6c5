"""Maximum mean discrepancy by alibi-detect, in the environment ``drift``: matrices in, a few numbers out.

alibi-detect 0.11.4 wants older packages than all other steps, so this module runs in a process of its own and imports
nothing of ours. ``components.monitoring.drift.apart`` is the other side.
"""

import argparse
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROWS = 250
"""Rows of either side, at most: the test takes time with their square, times the permutations."""
PERMUTATIONS = 2_000
"""So that the smallest p-value, 1 in 2,001, still is a discovery among 100 tests."""


def discrepancy(
    reference: npt.NDArray[Any], current: npt.NDArray[Any], permutations: int = PERMUTATIONS, seed: int = 7
) -> dict[str, float]:
    """Estimate the squared maximum mean discrepancy of two samples and test it by permutations.

    The kernel is Gaussian with the median of all squared distances as twice its squared bandwidth, the estimate is the
    unbiased one, so it may be below 0. The p-value is ``(b + 1) / (permutations + 1)``, b the permutations that give at
    least as much (Phipson and Smyth, 2010). Source: Gretton et al., "A kernel two-sample test" (2012).

    Args:
        reference: shape (n, d), standardised, none missing.
        current: shape (m, d).
        permutations: how many.
        seed: of the samples and the permutations.

    Returns:
        ``mmd2``, ``p_value``, ``reference_rows`` and ``current_rows``, the last two as given.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # type: ignore[import-untyped]
    from alibi_detect.cd import MMDDrift  # type: ignore[import-not-found]

    logging.getLogger("alibi_detect").setLevel(logging.ERROR)
    tf.random.set_seed(seed)
    rng = np.random.default_rng(seed)
    old, new = (_sample(side, rng) for side in (reference, current))
    # alibi-detect permutes by numpy's global generator.
    np.random.seed(seed)
    detector = MMDDrift(old, backend="tensorflow", sigma=_bandwidth(old, new), n_permutations=permutations)
    found = detector.predict(new, return_p_val=True, return_distance=True)["data"]
    at_least = round(float(found["p_val"]) * permutations)
    return {
        "mmd2": float(found["distance"]),
        "p_value": (at_least + 1) / (permutations + 1),
        "reference_rows": len(reference),
        "current_rows": len(current),
    }


def measure(rows: Path, target: Path, permutations: int = PERMUTATIONS, seed: int = 7) -> None:
    """Read both matrices, measure, and write the numbers; none where a side has not two rows.

    Args:
        rows: an ``.npz`` with ``reference`` and ``current``.
        target: JSON file to write.
        permutations: how many.
        seed: of the samples and the permutations.
    """
    with np.load(rows, allow_pickle=False) as arrays:
        sides = arrays["reference"], arrays["current"]
    found = discrepancy(*sides, permutations, seed) if min(len(side) for side in sides) > 1 else {}
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _sample(rows: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    some = rows if len(rows) <= ROWS else rows[np.sort(rng.choice(len(rows), ROWS, replace=False))]
    return some.astype(np.float32)


def _bandwidth(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the bandwidth by both samples together; by the reference alone, sides would not be alike to the test."""
    rows = np.concatenate([old, new]).astype(np.float64)
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    median = float(np.median(distances[np.triu_indices(len(rows), k=1)]))
    return np.array([np.sqrt(max(median, 1e-12) / 2)], dtype=np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure the maximum mean discrepancy of two matrices.")
    parser.add_argument("--rows", type=Path, required=True, help=".npz with reference and current")
    parser.add_argument("--target", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--permutations", type=int, default=PERMUTATIONS)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    measure(given.rows, given.target, given.permutations, given.seed)


if __name__ == "__main__":
    main()
