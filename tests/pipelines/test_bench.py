from pathlib import Path

import pytest

from pipelines.benchmarks import bench as module
from pipelines.benchmarks.measure import Figure


@pytest.mark.parametrize(("value", "end"), [(1.0, "every target was kept"), (3.0, "1 targets missed: start")])
def test_the_table_comes_last_and_a_miss_is_named(
    value: float, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The measurements have tests of their own; here it is how they are told.
    monkeypatch.setattr(module.overhead, "measure", lambda _scratch, say: (say("first"), ([], None))[1])
    monkeypatch.setattr(module.runs, "measure", lambda *_: [Figure("  start", value, "s", "target", 2.0, target=True)])
    monkeypatch.setattr(module.tables, "measure", lambda national, *_: [Figure(national.name, 0, "s")])
    lines: list[str] = []
    module.bench(tmp_path, lines.append)
    assert lines[0].endswith("s  first")
    assert "sba_national.parquet  0 s" in lines[-2]
    assert lines[-1].strip() == end
