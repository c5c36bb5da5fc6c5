from pathlib import Path

import numpy as np
import polars as pl

from pipelines.benchmarks.drift import wide_table
from pipelines.benchmarks.drift.contestants import CATEGORIES, NUMERIC


def test_both_forms_hold_the_same_and_the_seed_is_fixed(tmp_path: Path) -> None:
    wide_table.write(tmp_path, (300, 500))
    for side, n in (("reference", 300), ("current", 500)):
        frame, codes = pl.read_parquet(tmp_path / f"{side}.parquet"), np.load(tmp_path / f"{side}.npy")
        assert frame.shape == (n, NUMERIC + CATEGORIES)
        for i, name in enumerate(frame.columns):
            if name.startswith("number"):
                assert (frame[name].to_numpy() == codes[i]).all()
            else:
                assert frame[name].to_list() == [f"value {int(code)}" for code in codes[i]]
    first = (tmp_path / "current.npy").read_bytes()
    wide_table.write(tmp_path, (300, 500))
    assert (tmp_path / "current.npy").read_bytes() == first


def test_some_columns_have_moved_and_the_others_have_not(tmp_path: Path) -> None:
    wide_table.write(tmp_path, (20_000, 20_000))
    old, new = (np.load(tmp_path / f"{side}.npy")[:NUMERIC] for side in wide_table.SIDES)
    error = np.sqrt(old.var(axis=1) / 20_000 + new.var(axis=1) / 20_000)
    far = np.abs(new.mean(axis=1) - old.mean(axis=1)) / error
    assert (far[:: wide_table.SHIFTED] > 3).all()
    assert np.mean(far > 3) < 0.2
