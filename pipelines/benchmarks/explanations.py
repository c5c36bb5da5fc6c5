"""What it takes to explain a table: exact tree SHAP of 30,000 rows, beside shap's own explainer in the same run."""

import os
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.judgement.explanations.contributions import CHUNK, parts
from components.judgement.explanations.interventional import trees_against
from components.judgement.explanations.leaf_tables import many_rows_margin
from pipelines.benchmarks.measure import Apart, Figure, Say, apart, table

SECONDS = 30.0
"""Target for the whole table."""
GB = 4.0
"""Target for the memory of the process that does it."""

SEED = 20_265


@dataclass(frozen=True)
class Sizes:
    """How much is explained."""

    rows: int = 30_000
    trees: int = 300
    depth: int = 6
    features: int = 30
    peer_rows: int = 3_000
    """The peer explains so many of them, and is taken to need as much for each of the others."""
    against: int = 1_000
    """Rows explained interventionally."""
    background: int = 100
    rounds: int = 3
    """Both are timed so many times in turns; the middle one counts."""
    threads: int = min(2, os.cpu_count() or 1)


SMALL = Sizes(rows=400, trees=20, depth=4, peer_rows=100, against=50, background=20, rounds=1)


@dataclass(frozen=True)
class Timed:
    """Seconds of each round, and how far the values lie apart.

    Args:
        ours: path-dependent, of all rows, the reading of the trees included.
        peer: ``shap.TreeExplainer`` alone, on as many threads, for as many rows; it has XGBoost compute them.
        interventional: ours, on fewer rows.
        difference: largest, between ours and the peer's contributions, in log-odds.
        sum_error: largest difference between what ours add up to and the model's log-odds.
    """

    ours: tuple[float, ...]
    peer: tuple[float, ...]
    interventional: tuple[float, ...]
    difference: float
    sum_error: float


def bench(say: Say, sizes: Sizes | None = None) -> bool:
    """Measure and say it as one table.

    Returns:
        Whether every target was kept.
    """
    figures = measure(sizes or Sizes(), say)
    say("")
    say(table(figures))
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} targets missed: {', '.join(missed)}" if missed else "\nevery target was kept")
    return not missed


def measure(sizes: Sizes, say: Say) -> list[Figure]:
    """Explain a table of made rows with a model trained on them, in a process of its own."""
    say(f"explaining {sizes.rows:,} rows x {sizes.trees} trees of depth {sizes.depth}, {sizes.rounds} times in turns")
    run = apart(explained, sizes)
    return of_the_run(run, sizes)


def of_the_run(run: Apart, sizes: Sizes) -> list[Figure]:
    """Put what was timed beside the targets and the peer."""
    timed: Timed = run.result
    what = f"SHAP of {sizes.rows:,} rows x {sizes.trees} trees of depth {sizes.depth} x {sizes.features} features"
    whole = sizes == Sizes(rounds=sizes.rounds, threads=sizes.threads)
    ours, peer = (float(np.median(seconds)) for seconds in (timed.ours, timed.peer))
    cores = f"{sizes.threads} core{'s' if sizes.threads > 1 else ''}"
    return [
        Figure(f"{what}, {cores}", ours, "s", "target", SECONDS if whole else None, target=whole),
        Figure("  the same, beside the peer", ours, "s", f"shap.TreeExplainer (from {sizes.peer_rows:,} rows)", peer),
        Figure("  largest difference between the two", timed.difference, "log-odds", "target", 1e-4, target=True),
        Figure("  largest error of the sum", timed.sum_error, "log-odds", "target", 1e-4, target=True),
        Figure("  peak memory", run.peak_gb, "GB", "target", GB, target=True),
        Figure(
            f"interventional, {sizes.against:,} rows x {sizes.background} of background, 1 core",
            float(np.median(timed.interventional)),
            "s",
        ),
    ]


def explained(sizes: Sizes) -> Timed:
    """Train, then explain with both in turns."""
    import xgboost

    matrix, labels = _rows(sizes)
    settings = {"objective": "binary:logistic", "max_depth": sizes.depth, "eta": 0.05, "nthread": sizes.threads}
    booster = xgboost.train(settings, xgboost.DMatrix(matrix, labels), num_boost_round=sizes.trees)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        booster.save_model(path)
        ours, peer, against = [], [], []
        for _ in range(sizes.rounds):
            seconds, own = _timed(_ours, path, matrix, sizes.threads)
            ours.append(seconds)
            seconds, theirs = _timed(_peer, path, matrix[: sizes.peer_rows], sizes.threads)
            peer.append(seconds * sizes.rows / sizes.peer_rows)
            few = matrix[: sizes.against]
            seconds, _ = _timed(lambda rows: trees_against(path)(matrix[-sizes.background :])(rows), few)
            against.append(seconds)
    odds = booster.predict(xgboost.DMatrix(matrix), output_margin=True)
    return Timed(
        ours=tuple(ours),
        peer=tuple(peer),
        interventional=tuple(against),
        difference=float(np.abs(own[: sizes.peer_rows, :-1] - theirs).max()),
        sum_error=float(np.abs(own.sum(axis=1, dtype=np.float64) - odds).max()),
    )


def _ours(path: Path, matrix: npt.NDArray[np.float32], threads: int) -> npt.NDArray[Any]:
    margin = many_rows_margin(path, threads)
    return np.concatenate([margin(part) for part in parts(matrix, CHUNK)])


def _peer(path: Path, matrix: npt.NDArray[np.float32], threads: int) -> npt.NDArray[Any]:
    import xgboost

    with warnings.catch_warnings():
        # shap makes colour maps at import, in a way that matplotlib will drop.
        warnings.filterwarnings("ignore", r"The set_\w+ function will be deprecated", PendingDeprecationWarning)
        import shap  # type: ignore[import-untyped]

    booster = xgboost.Booster(model_file=str(path))
    booster.set_param({"nthread": threads})
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    values: npt.NDArray[Any] = explainer.shap_values(matrix)
    return values


def _timed(function: Any, *arguments: Any) -> tuple[float, npt.NDArray[Any]]:
    started = time.perf_counter()
    values = function(*arguments)
    return time.perf_counter() - started, values


def _rows(sizes: Sizes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(SEED)
    matrix = rng.normal(size=(sizes.rows, sizes.features)).astype(np.float32)
    odds = matrix @ rng.normal(size=sizes.features) + matrix[:, 0] * matrix[:, 1]
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix, (rng.random(sizes.rows) < 1 / (1 + np.exp(-odds))).astype(np.float64)
