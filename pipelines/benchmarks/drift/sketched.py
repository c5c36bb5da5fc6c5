"""Figures of the sketches: how quickly they count, how large they are, how right, and whether parts add up."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import Kind
from components.monitoring.sketch_plan import plan_of
from components.monitoring.sketches import CategoryCounts, NumberCounts, Sketch, compare, merged, sketch_of
from pipelines.benchmarks.measure import Figure

VALUES = 10_000_000
CPU_SECONDS = 1.0
"""In which so many values are to be counted, at most."""
KILOBYTES = 10.0
"""State of a column, at most; 1 KB is 1,024 bytes. Where its bins end is in the plan, once for all that count by it."""
KS_ERROR = 1e-3
PARTS = 100


def measure(folder: Path, exact: Mapping[str, float], held: bool) -> list[Figure]:
    """Count the wide table by sketches, whole and in a hundred parts.

    Args:
        folder: what ``wide_table`` has written to.
        exact: KS distance by numeric column.
        held: whether the target in time is held.
    """
    reference, current = (pl.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current"))
    kinds: dict[str, Kind] = {n: "category" if n.startswith("category") else "float" for n in reference.columns}
    plan = plan_of(reference, kinds)
    cpu = time.process_time()
    whole = sketch_of(current, plan)
    cpu = time.process_time() - cpu
    counted = current.height * current.width
    size = -(-current.height // PARTS)
    parts = [sketch_of(current[i : i + size], plan) for i in range(0, current.height, size)]
    same = merged(reversed(parts), plan).to_json() == whole.to_json()
    old = sketch_of(reference, plan)
    found = {name: compare(old, whole, name, "ks").size for name in exact}
    error = max((abs(size - exact[name]) if size is not None else 1.0 for name, size in found.items()), default=np.nan)
    return [
        Figure(f"sketches: {VALUES:,} values", cpu * VALUES / counted, "CPU-s", "target", CPU_SECONDS, target=held),
        Figure("  state of a column, the largest", kilobytes(whole), "KB", "target", KILOBYTES, target=True),
        Figure("  error of a KS distance, the largest", float(error), "", "target", KS_ERROR, target=True),
        Figure(
            f"  sums of {len(parts)} parts that differ from the whole", float(not same), "", "target", 0, target=True
        ),
    ]


def kilobytes(sketch: Sketch) -> float:
    """Return the state of the largest column in KB: its counts, and the names of other values."""
    return max(_bytes(part) for part in sketch.counts.values()) / 1024


def _bytes(part: NumberCounts | CategoryCounts) -> int:
    if isinstance(part, NumberCounts):
        return part.bins.nbytes + 8
    return part.kept.nbytes + 16 + sum(len(name.encode()) for name in part.names)
