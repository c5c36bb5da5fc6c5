import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from pipelines.benchmarks.drift import wide_table
from pipelines.benchmarks.drift.contestants import load_floor, load_ours, main, take


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    wide_table.write(folder, (2_000, 5_000))
    return folder


def test_the_engine_and_the_floor_tell_the_distances_that_scipy_tells(folder: Path) -> None:
    ours, floor = load_ours(folder, 1)(), load_floor(folder, 1)()
    reference, current = (pl.read_parquet(folder / f"{side}.parquet") for side in wide_table.SIDES)
    assert len(ours) == len(floor) == 45
    for name in ours:
        exact = stats.ks_2samp(reference[name].to_numpy(), current[name].to_numpy()).statistic
        assert ours[name] == pytest.approx(exact, abs=1e-12)
        assert floor[name] == pytest.approx(exact, abs=1e-12)


def test_what_a_check_holds_beside_the_table_is_measured() -> None:
    table = np.ones(2**24)  # 128 MB

    def check() -> dict[str, float]:
        doubled = 2 * table
        return {"sum": float(doubled.sum())}

    found = take(check)
    assert found.distances == {"sum": 2.0**25}
    assert 0.1 < found.above_gb < 0.3
    assert 0 < found.cpu_seconds < 10


def test_the_command_writes_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["floor", str(folder), "15"])
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"cpu_seconds", "seconds", "above_gb", "distances"}
    assert len(told["distances"]) == 3
