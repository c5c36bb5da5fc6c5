"""The table behind private statistics: whole, in the use case's kinds."""

from pathlib import Path

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.use_case import load
from components.data.private_table import read_table


def test_the_table_that_ships_is_read_whole() -> None:
    case = load("card_default")
    frame, digest = read_table(case)
    assert frame.height == 30_000
    assert digest == case.data.sha256
    assert frame.columns == list(case.data.columns)
    assert frame.schema["limit"] == pl.Float64
    assert frame["sex"].unique().sort().to_list() == ["1", "2"]


def test_codes_held_as_numbers_become_text_and_wrong_cells_are_missing(tmp_path: Path) -> None:
    case = load("card_default")
    raw, _ = read_table(case)
    sick = raw.head(3).with_columns(
        sex=pl.Series([1.0, 2.0, None]), age=pl.Series(["30", "young", None]), client=pl.Series([1, 1, 1])
    )
    sick.write_parquet(tmp_path / "sick.parquet")
    frame, digest = read_table(case, str(tmp_path / "sick.parquet"))
    assert frame["sex"].to_list() == ["1", "2", None]
    assert frame["age"].to_list() == [30.0, None, None]
    assert digest != case.data.sha256


def test_a_table_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="does not exist"):
        read_table(load("card_default"), str(tmp_path / "none.parquet"))
