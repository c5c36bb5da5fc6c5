from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.artifacts import hash_file
from components.core.errors import FairleadError, QuarantineLimitExceeded
from components.data.quarantine import QuarantineReport, check_rows
from components.data.repaired import check_with_repairs
from tests.data.bad_input import BAD, DATA, table

HALF_BAD = table({}, {"code": "T"}, {}, {"y": "0"})


def checked(folder: Path, frame: pl.DataFrame, repaired: str, limit: float = 1) -> QuarantineReport:
    frame.write_parquet(folder / "raw.parquet")
    data = DATA.model_copy(update={"quarantine_limit": limit})
    return check_with_repairs(
        folder / "raw.parquet", data, folder / "clean.parquet", folder / "quarantine.parquet", repaired
    )


def mended(folder: Path, *changes: dict[str, str]) -> str:
    table(*changes).write_csv(folder / "mended.csv")
    return str(folder / "mended.csv")


def test_without_repairs_it_is_the_check(tmp_path: Path) -> None:
    report = checked(tmp_path, HALF_BAD, "")
    kept = (tmp_path / "clean.parquet").read_bytes(), (tmp_path / "quarantine.parquet").read_bytes()
    files = tmp_path / "clean.parquet", tmp_path / "quarantine.parquet"
    assert report == check_rows(tmp_path / "raw.parquet", DATA, *files)
    assert kept == tuple(path.read_bytes() for path in files)


def test_the_report_counts_what_is_left_and_says_what_was_repaired(tmp_path: Path) -> None:
    repaired = mended(tmp_path, {"id": "2"}, {"id": "4", "amount": "-1"})
    report = checked(tmp_path, HALF_BAD, repaired)
    assert (report.rows, report.kept, report.quarantined, report.share) == (4, 3, 1, 0.25)
    assert (report.by_rule, report.by_column) == ({"minimum": 1}, {"amount": 1})
    assert (report.repaired, report.repaired_sha256) == (1, hash_file(Path(repaired)))
    assert pl.read_parquet(tmp_path / "clean.parquet")["id"].to_list() == [1, 2, 3]


def test_the_limit_is_judged_after_the_repairs(tmp_path: Path) -> None:
    with pytest.raises(QuarantineLimitExceeded, match=r"(?s)2 of 4 rows \(50.00%\).*--repaired"):
        checked(tmp_path, HALF_BAD, "", 0.3)
    assert checked(tmp_path, HALF_BAD, mended(tmp_path, {"id": "2"}), 0.3).quarantined == 1
    with pytest.raises(QuarantineLimitExceeded, match=r"1 of 4 rows \(25.00%\)"):
        checked(tmp_path, HALF_BAD, mended(tmp_path, {"id": "2"}), 0.2)


def test_the_same_run_again_gives_the_same_files(tmp_path: Path) -> None:
    files = tmp_path / "clean.parquet", tmp_path / "quarantine.parquet"
    repaired = mended(tmp_path, {"id": "2"})
    first = checked(tmp_path, HALF_BAD, repaired), [path.read_bytes() for path in files]
    assert (checked(tmp_path, HALF_BAD, repaired), [path.read_bytes() for path in files]) == first


def test_repairs_of_rows_that_came_in_good_are_let_be(tmp_path: Path) -> None:
    report = checked(tmp_path, table({}, {}), mended(tmp_path, {"id": "2"}))
    assert (report.kept, report.quarantined, report.repaired) == (2, 0, 0)


def test_repairs_of_another_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="not in quarantine, the first '9'"):
        checked(tmp_path, HALF_BAD, mended(tmp_path, {"id": "9"}))
    with pytest.raises(FairleadError, match="does not exist"):
        checked(tmp_path, HALF_BAD, str(tmp_path / "nowhere.csv"))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.sampled_from([{}, *(c for c, _ in BAD.values() if "id" not in c)]), min_size=1, max_size=10))
def test_a_repaired_table_is_as_good_as_one_that_came_in_good(changes: list[dict[str, str]], tmp_path: Path) -> None:
    good = checked(tmp_path, table(*({} for _ in changes)), "")
    expected = pl.read_parquet(tmp_path / "clean.parquet")
    repaired = mended(tmp_path, *({} for _ in changes))
    found = checked(tmp_path, table(*changes), repaired)
    assert pl.read_parquet(tmp_path / "clean.parquet").equals(expected)
    assert found == good.model_copy(
        update={"repaired": sum(map(bool, changes)), "repaired_sha256": hash_file(Path(repaired))}
    )
