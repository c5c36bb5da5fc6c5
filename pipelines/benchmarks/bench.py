"""All figures, in one table."""

import tempfile
import time
from pathlib import Path

from pipelines.benchmarks import overhead, runs, tables
from pipelines.benchmarks.measure import Say, table


def bench(home: Path, say: Say) -> None:
    """Measure everything and say it as one table; what misses its target is marked.

    Args:
        home: where the national table is kept, if it was built; nothing is written there.
        say: takes one line.
    """
    started = time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        scratch = Path(folder)
        figures, ran = overhead.measure(scratch, progress)
        figures += runs.measure(ran, scratch / "registries", progress)
        figures += tables.measure(home / "data" / "sba_national.parquet", scratch, progress)
    say("")
    say(table(figures))
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} targets missed: {', '.join(missed)}" if missed else "\nevery target was kept")
