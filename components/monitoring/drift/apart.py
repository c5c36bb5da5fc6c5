"""The test that runs in an environment of its own: its input written, its process called, its findings read."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import FloatArray, Kind
from components.core.errors import FairleadError
from components.monitoring.drift.discrepancy import PERMUTATIONS
from components.monitoring.drift.effect import Effect
from components.monitoring.drift.matrix import matrices, standardised

MODULE = "components.monitoring.drift.discrepancy"
TAIL = 2_000
"""Characters of a failed process's output that the error shows."""


@dataclass(frozen=True)
class Discrepancy:
    """What ``components.monitoring.drift.discrepancy`` found.

    Args:
        mmd2: squared maximum mean discrepancy, unbiased; may be below 0.
        p_value: by permutations.
        reference_rows: rows it was told of.
        current_rows: likewise.
    """

    mmd2: float
    p_value: float
    reference_rows: int
    current_rows: int

    @property
    def effect(self) -> Effect:
        """The size, not below 0, and the p-value."""
        return Effect(max(0.0, self.mmd2), self.p_value)


def write_rows(
    reference: pl.DataFrame, current: pl.DataFrame, kinds: Mapping[str, Kind], target: Path, seed: int = 7
) -> None:
    """Write both sides' features, sampled and standardised, as the process wants them.

    Args:
        reference: rows as they were.
        current: rows as they are.
        kinds: subject → what it holds.
        target: ``.npz`` file.
        seed: of the samples.
    """
    old, new, _ = matrices(reference, current, kinds, seed)
    _write(*standardised(old, new), target)


def read_discrepancy(path: Path) -> Discrepancy:
    """Read what the process wrote.

    Raises:
        FairleadError: the file is not there or not whole.
    """
    try:
        return Discrepancy(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FairleadError(f"{path}: no discrepancy can be read from it: {error}; run {MODULE} again") from error


def measure_apart(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    python: Path,
    seed: int = 7,
    permutations: int = PERMUTATIONS,
    timeout: float = 600.0,
) -> Discrepancy:
    """Measure the maximum mean discrepancy of all features in the environment that has alibi-detect.

    Takes about ten CPU-seconds, half of them to import TensorFlow.

    Args:
        reference: rows as they were.
        current: rows as they are.
        kinds: subject → what it holds.
        python: the interpreter of the environment ``drift``.
        seed: of samples and permutations.
        permutations: how many.
        timeout: seconds after which the process is stopped.

    Raises:
        FairleadError: the process failed, or took too long; shows the end of what it wrote.
    """
    with tempfile.TemporaryDirectory(prefix="fairlead-drift-") as folder:
        rows, target = Path(folder) / "rows.npz", Path(folder) / "discrepancy.json"
        write_rows(reference, current, kinds, rows, seed)
        command = [str(python), "-m", MODULE, "--rows", str(rows), "--target", str(target)]
        command += ["--seed", str(seed), "--permutations", str(permutations)]
        root = Path(__file__).parents[3]
        try:
            done = subprocess.run(
                command, cwd=root, env=dict(os.environ), capture_output=True, text=True, timeout=timeout, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FairleadError(
                f"{python} could not measure the discrepancy: {error}; make the environment with "
                "python3.11 -m pipelines.environments ensure drift, or take mmd out of monitoring.drift.multivariate"
            ) from error
        if done.returncode:
            raise FairleadError(f"{MODULE} ended with status {done.returncode}:\n{done.stderr[-TAIL:]}")
        return read_discrepancy(target)


def _write(reference: FloatArray, current: FloatArray, target: Path) -> None:
    np.savez(target, reference=reference.astype(np.float32), current=current.astype(np.float32))
