from pathlib import Path

import polars as pl
import pytest

from components.monitoring.sketch_plan import plan_of
from components.monitoring.sketches import sketch_of
from pipelines.benchmarks.drift import sketched, wide_table
from pipelines.benchmarks.drift.contestants import load_floor
from pipelines.benchmarks.drift.sketched import kilobytes, measure


def test_sketches_keep_what_is_promised_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketched, "PARTS", 7)
    wide_table.write(tmp_path, (4_000, 6_000))
    exact = load_floor(tmp_path, 1)()
    figures = measure(tmp_path, exact, held=False)
    assert [f.what for f in figures if f.missed] == []
    assert figures[-1].what.strip() == "sums of 7 parts that differ from the whole"
    assert figures[0].value > 0
    wrong = measure(tmp_path, {**exact, "number_01": exact["number_01"] + 0.01}, held=False)
    assert [f.what.strip() for f in wrong if f.missed] == ["error of a KS distance, the largest"]


def test_the_largest_column_counts() -> None:
    frame = pl.DataFrame({"x": [float(i) for i in range(500)], "c": ["a", "b"] * 250})
    plan = plan_of(frame, {"x": "float", "c": "category"})
    assert 500 * 8 / 1024 <= kilobytes(sketch_of(frame, plan)) < 4.2
