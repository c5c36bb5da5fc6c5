import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.monitoring.drift.apart import Discrepancy, measure_apart, read_discrepancy, write_rows

RNG = np.random.default_rng(22)
KINDS = {"x": "float", "c": "category"}


def rows(n: int, shift: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame({"x": RNG.normal(shift, 1, n), "c": RNG.choice(["a", "b"], n)})


def test_both_sides_are_written_on_one_scale(tmp_path: Path) -> None:
    write_rows(rows(300), rows(200, shift=3), KINDS, tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz") as arrays:
        assert (arrays["reference"].shape, arrays["current"].shape) == ((300, 2), (200, 2))
        assert arrays["reference"][:, 0].mean() < 0 < arrays["current"][:, 0].mean()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    told = {"mmd2": -0.01, "p_value": 0.5, "reference_rows": 3, "current_rows": 2}
    (tmp_path / "found.json").write_text(json.dumps(told))
    found = read_discrepancy(tmp_path / "found.json")
    assert found == Discrepancy(**told)
    assert found.effect == (0.0, 0.5, "")


@pytest.mark.parametrize("text", ["{", '{"mmd2": 1}', None])
def test_what_is_not_whole_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "found.json").write_text(text)
    with pytest.raises(FairleadError, match=r"no discrepancy can be read from it.*drift\.discrepancy again"):
        read_discrepancy(tmp_path / "found.json")


def test_a_process_that_fails_shows_why() -> None:
    # This environment has no alibi-detect.
    with pytest.raises(FairleadError, match=r"(?s)ended with status 1:.*No module named 'tensorflow'"):
        measure_apart(rows(30), rows(30), KINDS, Path(sys.executable))
    with pytest.raises(FairleadError, match="ensure drift, or take mmd out"):
        measure_apart(rows(30), rows(30), KINDS, Path("no/such/python"))
