"""A wide table and its successor, most of whose columns have not changed: what drift checks are measured on."""

from pathlib import Path

import numpy as np
import polars as pl

from pipelines.benchmarks.drift.contestants import CATEGORIES, NUMERIC

SEED = 20_263

SHIFTED = 9
"""Of the numeric columns every ninth has moved, by a tenth of what its spread is about."""

SIDES = ("reference", "current")


def write(folder: Path, rows: tuple[int, int]) -> None:
    """Write both sides twice: ``SIDE.parquet`` with categories as text, ``SIDE.npy`` with them as codes.

    Args:
        folder: where to.
        rows: of the reference and of the current side.
    """
    rng = np.random.default_rng(SEED)
    for side, n in zip(SIDES, rows, strict=True):
        codes = np.empty((NUMERIC + CATEGORIES, n))
        frame = {}
        for i in range(NUMERIC):
            moved = 0.1 if side == "current" and i % SHIFTED == 0 else 0.0
            codes[i] = numbers(rng, i, n, moved)
            frame[f"number_{i:02d}"] = pl.Series(codes[i])
        for i in range(CATEGORIES):
            names = pl.Series([f"value {j}" for j in range(3 + i * i)])
            # The smaller the number of a value, the more frequent it is; the same on both sides.
            found = np.minimum((len(names) * rng.random(n) ** 2).astype(np.int64), len(names) - 1)
            codes[NUMERIC + i] = found
            frame[f"category_{i:02d}"] = names[found]
        pl.DataFrame(frame).write_parquet(folder / f"{side}.parquet", compression="uncompressed")
        np.save(folder / f"{side}.npy", codes)


def numbers(rng: np.random.Generator, i: int, n: int, moved: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Draw a column: normal, with a long tail, of waiting times, counts, or amounts in cents; by its number."""
    draw = (
        lambda: rng.normal(moved, 1.0, n),
        lambda: rng.lognormal(moved, 1.0, n),
        lambda: rng.exponential(1.0 + moved, n),
        lambda: rng.poisson(4.0 + moved, n).astype(np.float64),
        lambda: np.round(rng.gamma(2.0, 3.0 + moved, n), 2),
    )
    return draw[i % len(draw)]()
