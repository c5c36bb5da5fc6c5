"""Who checks the wide table for drift; each is run by the Python of its own environment and tells what it took.

``python -m pipelines.benchmarks.drift.contestants NAME FOLDER EVERY`` checks every EVERY-th column and writes JSON. The
functions import what their environments have, so at the top there is the standard library alone.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NUMERIC, CATEGORIES = 45, 15
"""Columns of the wide table, in this order."""

Check = Callable[[], dict[str, float]]
"""Checks what was loaded; returns the KS distance by column, as far as it tells it."""


@dataclass(frozen=True)
class Contestant:
    """One of those that are measured.

    Args:
        name: short.
        title: for the table.
        group: environment that it runs in.
        load: reads the table from a folder, each EVERY-th column of it, and returns the check.
        tests: what is checked.
        every: columns that are checked: each of so many. The time of one that takes long is told times this, which is
            in its favour: all columns at once have taken Evidently 1.7 times as long (99 CPU-s where three times a
            third was 59), because it needs 2 GB then.
        at_least: so many times as much CPU time as ours it should take; None where nothing is promised.
        distance_error: its KS distances may differ by this from the exact ones; None where it tells none.
    """

    name: str
    title: str
    group: str
    load: Callable[[Path, int], Check]
    tests: str = "KS, PSI, chi-square"
    every: int = 1
    at_least: float | None = None
    distance_error: float | None = 1e-9


def load_ours(folder: Path, every: int) -> Check:
    """Fairlead's engine on polars frames, categories as text."""
    from datetime import date

    import polars as pl

    from components.core.contracts import Kind
    from components.core.watching import Drift
    from components.monitoring.drift.engine import measure_drift
    from components.monitoring.values import Window

    reference, current = (pl.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current"))
    names = reference.columns[::every]
    kinds: dict[str, Kind] = {n: "category" if n.startswith("category") else "float" for n in names}
    settings = Drift(numeric=("ks", "psi"), category=("chi_square",), multivariate=())
    day = date(2020, 1, 1)
    windows = (
        Window(first=day, last=day, rows=reference.height),
        Window(first=day, last=day, rows=current.height),
    )

    def check() -> dict[str, float]:
        report = measure_drift(reference.select(names), current.select(names), kinds, settings, windows)
        return {r.subject: r.effect for r in report.results if r.test == "ks" and r.effect is not None}

    return check


def load_floor(folder: Path, every: int) -> Check:
    """Plain numpy on arrays, categories as codes: what is written in an afternoon, without anything around it."""
    import numpy as np
    from scipy import special

    reference, current = (np.load(folder / f"{side}.npy") for side in ("reference", "current"))
    numeric = range(0, NUMERIC, every)
    coded = [(reference[i].astype(np.int64), current[i].astype(np.int64)) for i in range(NUMERIC, len(current), every)]

    def check() -> dict[str, float]:
        found = {}
        for i in numeric:
            old, new = np.sort(reference[i]), np.sort(current[i])
            both = np.concatenate([old, new])
            below = [np.searchsorted(side, both, side="right") / len(side) for side in (old, new)]
            found[f"number_{i:02d}"] = float(np.abs(below[0] - below[1]).max())
            edges = np.unique(np.quantile(old, np.linspace(0.1, 0.9, 9)))
            upto = [np.searchsorted(side, edges, side="right") for side in (old, new)]
            shares = [np.diff(u, prepend=0, append=len(s)) / len(s) for u, s in zip(upto, (old, new), strict=True)]
            r, c = (np.maximum(share, 1e-6) for share in shares)
            _ = float(np.sum((c - r) * np.log(c / r)))
        for one, other in coded:
            size = max(one.max(), other.max()) + 1
            table = np.stack([np.bincount(one, minlength=size), np.bincount(other, minlength=size)])
            expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
            statistic = float(((table - expected) ** 2 / expected).sum())
            _ = float(special.chdtrc(size - 1, statistic))
        return found

    return check


def load_evidently(folder: Path, every: int) -> Check:
    """Evidently on pandas frames."""
    os.environ["EVIDENTLY_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "1"
    evidently, metrics = _module("evidently"), _module("evidently.metrics")
    reference, current, numeric, category = _pandas(folder, every)

    def check() -> dict[str, float]:
        columns = evidently.DataDefinition(numerical_columns=numeric, categorical_columns=category)
        both = [evidently.Dataset.from_pandas(side, data_definition=columns) for side in (current, reference)]
        tests = [metrics.ValueDrift(column=n, method=m) for n in numeric for m in ("ks", "psi")]
        tests += [metrics.ValueDrift(column=n, method="chisquare") for n in category]
        evidently.Report(tests).run(*both).dict()
        return {}

    return check


def load_nannyml(folder: Path, every: int) -> Check:
    """NannyML on pandas frames, the current side as one chunk."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    nannyml = _module("nannyml")
    reference, current, numeric, category = _pandas(folder, every)

    def check() -> dict[str, float]:
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=[*numeric, *category],
            treat_as_categorical=category,
            continuous_methods=["kolmogorov_smirnov"],
            categorical_methods=["chi2"],
            chunk_number=1,
        )
        found = calculator.fit(reference).calculate(current).filter(period="analysis").to_df()
        return {n: float(found[(n, "kolmogorov_smirnov", "value")].iloc[0]) for n in numeric}

    return check


def load_alibi_detect(folder: Path, every: int) -> Check:
    """Alibi-detect on arrays, a row for each row, categories as codes."""
    import numpy as np

    detection = _module("alibi_detect.cd")
    reference, current = (
        np.ascontiguousarray(np.load(folder / f"{side}.npy")[::every].T) for side in ("reference", "current")
    )
    numeric = range(0, NUMERIC, every)

    def check() -> dict[str, float]:
        categories = dict.fromkeys(range(len(numeric), reference.shape[1]))
        detector = detection.TabularDrift(reference, p_val=0.05, categories_per_feature=categories, correction="fdr")
        distance = detector.predict(current)["data"]["distance"]
        return {f"number_{i:02d}": float(d) for i, d in zip(numeric, distance, strict=False)}

    return check


OURS, FLOOR = "fairlead", "floor"

CONTESTANTS = (
    Contestant(OURS, "Fairlead", "platform", load_ours),
    Contestant(FLOOR, "plain numpy", "platform", load_floor),
    Contestant("nannyml", "NannyML", "peers/nannyml", load_nannyml, "KS, chi-square", 1, 3.0, 5e-3),
    Contestant("alibi-detect", "alibi-detect", "drift", load_alibi_detect, "KS, chi-square", 1, 3.0, 1e-6),
    Contestant(
        "evidently", "Evidently", "peers/evidently", load_evidently, every=3, at_least=25.0, distance_error=None
    ),
)
"""In the order in which they are measured in each round."""


@dataclass(frozen=True)
class Took:
    """What one check took.

    Args:
        cpu_seconds: of the process and its children, all cores together; loading and imports are not in it.
        seconds: by the clock.
        above_gb: most memory that the process held during the check beyond what it held before, the table among it; 1
            GB is 2**30 bytes.
        distances: KS distance by column, as far as it tells it.
    """

    cpu_seconds: float
    seconds: float
    above_gb: float
    distances: dict[str, float]


def take(check: Check) -> Took:
    """Run a check and measure it."""
    gc.collect()
    held = _held("VmRSS")
    # Linux forgets the peak so far; where it cannot, the figure is too large rather than too small.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    cpu, clock = _cpu_seconds(), time.perf_counter()
    distances = check()
    cpu, clock = _cpu_seconds() - cpu, time.perf_counter() - clock
    return Took(cpu, clock, max(0.0, _held("VmHWM") - held), distances)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _held(what: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(":", 1) for line in lines if ":" in line)[what].split()[0]) / 2**20


def main(words: Sequence[str] | None = None) -> None:
    """Run one contestant and write what it took as JSON, the last line of the output."""
    name, folder, every = (sys.argv[1:] if words is None else words)[:3]
    contestant = next(c for c in CONTESTANTS if c.name == name)
    print(json.dumps(asdict(take(contestant.load(Path(folder), int(every))))), flush=True)


def _module(name: str) -> Any:
    # By name: each is there in its own environment alone.
    return importlib.import_module(name)


def _pandas(folder: Path, every: int) -> tuple[Any, Any, list[str], list[str]]:
    import pandas as pd

    reference, current = (pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current"))
    names = [str(n) for n in reference.columns[::every]]
    numeric = [n for n in names if n.startswith("number")]
    return reference[names], current[names], numeric, [n for n in names if n not in numeric]


if __name__ == "__main__":
    main()
