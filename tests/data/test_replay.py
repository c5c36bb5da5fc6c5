from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import ContractViolation, FairleadError, IntegrityError
from components.data.quarantine import check_rows, next_of, originals
from components.data.replay import ReplayReport, replay
from tests.data.bad_input import BAD, DATA, GOOD, table


class Room:
    """Files of one run in a folder."""

    def __init__(self, folder: Path, frame: pl.DataFrame) -> None:
        self.raw, self.repaired = folder / "raw.parquet", folder / "repaired.csv"
        self.clean, self.quarantine = folder / "clean.parquet", folder / "quarantine.parquet"
        frame.write_parquet(self.raw)
        check_rows(self.raw, DATA, self.clean, self.quarantine)

    def replay(self, repaired: pl.DataFrame) -> ReplayReport:
        repaired.write_csv(self.repaired)
        return replay(self.repaired, self.quarantine, self.clean, DATA)

    def ids(self) -> list[int]:
        return pl.read_parquet(self.clean)["id"].to_list()

    def reasons(self) -> list[tuple[object, ...]]:
        return pl.read_parquet(self.quarantine).select("row", "row_id", "rule", "column", "value").rows()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path, table({}, {"code": "T"}, {}, {"y": "0"}, {}))


def test_a_repaired_row_takes_its_place_and_leaves_quarantine(room: Room) -> None:
    report = room.replay(table({"id": "4", "y": "0", "charged_off": None}))
    assert report == ReplayReport(rows=1, joined=1, failed=0, already_clean=0, remaining=1, by_rule={})
    assert room.ids() == [1, 3, 4, 5]
    assert room.reasons() == [(1, "2", "domain", "code", "T")]


def test_a_row_that_fails_stays_under_its_new_reason_with_its_original(room: Room) -> None:
    report = room.replay(table({"id": "2", "code": "Y", "amount": "-1"}))
    assert (report.joined, report.failed, report.remaining, report.by_rule) == (0, 1, 2, {"minimum": 1})
    assert room.reasons()[0] == (1, "2", "minimum", "amount", "-1")
    assert originals(room.quarantine)["code"].to_list() == ["T", "Y"]
    assert room.ids() == [1, 3, 5]


def test_some_join_and_some_stay(room: Room) -> None:
    report = room.replay(table({"id": "4"}, {"id": "2", "code": "Q"}))
    assert (report.rows, report.joined, report.failed, report.remaining) == (2, 1, 1, 1)
    assert room.ids() == [1, 3, 4, 5]
    assert room.reasons() == [(1, "2", "domain", "code", "Q")]


def test_the_same_replay_again_changes_nothing(room: Room) -> None:
    room.replay(table({"id": "4"}))
    before = room.clean.read_bytes(), room.quarantine.read_bytes()
    report = room.replay(table({"id": "4"}))
    assert (report.joined, report.already_clean, report.remaining) == (0, 1, 1)
    assert (room.clean.read_bytes(), room.quarantine.read_bytes()) == before


def test_an_id_that_was_repaired_is_found_by_its_position(tmp_path: Path) -> None:
    room = Room(tmp_path, table({}, {"id": None}, {"id": "1"}))
    assert [r[:2] for r in room.reasons()] == [(1, "#1"), (2, "1")]
    fixed = originals(room.quarantine).with_columns(id=pl.Series(["20", "30"]))
    assert room.replay(fixed).joined == 2
    assert room.ids() == [1, 20, 30]


def test_a_row_cannot_come_back_under_an_id_that_is_clean(tmp_path: Path) -> None:
    room = Room(tmp_path, table({}, {"id": None}, {}))
    fixed = originals(room.quarantine).with_columns(id=pl.lit("3"))
    assert room.replay(fixed).by_rule == {"unique": 1}
    assert room.reasons()[0] == (1, "3", "unique", "id", "3")


@pytest.mark.parametrize(
    ("repaired", "text"),
    [
        (table({"id": "99"}), "1 rows have an id that is not in quarantine, the first '99'"),
        (table({"id": "x"}), "1 rows have an id that is not in quarantine, the first None"),
        (table({"id": "2"}, {"id": "2"}), "has row 1 more than once"),
        (table({"id": "2"}).with_columns(row=pl.lit(5)), "names row 5; the raw table has rows 0 to 4"),
        (table({"id": "2"}).with_columns(row=pl.lit(3)), "row 3 has id '2', but in the raw table it is '4'"),
        (table({"id": "2"}).with_columns(row=pl.lit(2)), "row 2 has id '2', but in the raw table it is '3'"),
        (table({"id": "2"}).with_columns(row=pl.lit("two")), "row is 'two'; give the position"),
        (table({}).clear(), "has 0 rows"),
    ],
)
def test_rows_that_cannot_be_placed_are_refused_and_nothing_changes(
    repaired: pl.DataFrame, text: str, room: Room
) -> None:
    before = room.clean.read_bytes(), room.quarantine.read_bytes()
    with pytest.raises(FairleadError, match=text):
        room.replay(repaired)
    assert (room.clean.read_bytes(), room.quarantine.read_bytes()) == before


def test_an_id_that_is_in_quarantine_twice_needs_its_position(tmp_path: Path) -> None:
    room = Room(tmp_path, table({}, {"id": "1"}, {"id": "1"}))
    with pytest.raises(FairleadError, match="id 1 is in quarantine more than once; add the column row"):
        room.replay(table({"id": "1"}))


def test_repaired_rows_have_the_columns_of_the_table(room: Room) -> None:
    with pytest.raises(ContractViolation, match="missing column 'code'"):
        room.replay(table({"id": "2"}).drop("code"))


def test_files_of_two_runs_are_refused(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Room(tmp_path / "other", table({}))
    with pytest.raises(IntegrityError, match="do not belong together"):
        replay(room.raw, room.quarantine, other.clean, DATA)


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_replay_that_is_killed_is_finished_by_the_next(
    renames: int, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop before the n-th rename of a file of the next state; the four are all moments between which files change."""
    done, rename = [], Path.replace

    def killed(path: Path, target: Path) -> Path:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            room.replay(table({"id": "4"}))
    report = room.replay(table({"id": "4"}))
    assert report.joined + report.already_clean == 1
    assert room.ids() == [1, 3, 4, 5]
    assert room.reasons() == [(1, "2", "domain", "code", "T")]
    assert sorted(p.name for p in room.clean.parent.iterdir()) == [
        "clean.parquet",
        "quarantine.parquet",
        "raw.parquet",
        "repaired.csv",
    ]


BADNESS = st.sampled_from([{}, *(change for change, _ in BAD.values())])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(BADNESS, min_size=1, max_size=12), split=st.integers(0, 12))
def test_replaying_repaired_rows_gives_what_a_good_table_gives(
    changes: list[dict[str, str | None]], split: int, tmp_path: Path
) -> None:
    """In two parts, last rows first, so that the order of the raw table cannot come from the order of replays."""
    good = table(*({} for _ in changes))
    room = Room(tmp_path, table(*changes))
    waiting = originals(room.quarantine)
    fixed = pl.DataFrame([{"row": i, **GOOD, "id": str(i + 1)} for i in waiting["row"]])
    for part in (fixed[split:], fixed[:split]):
        if part.height:
            assert room.replay(part.reverse()).failed == 0
    good.write_parquet(room.raw)
    replayed = pl.read_parquet(room.clean)
    check_rows(room.raw, DATA, room.clean, room.quarantine)
    assert replayed.equals(pl.read_parquet(room.clean))


def test_a_new_check_forgets_a_replay_that_was_killed(room: Room) -> None:
    for path in (room.clean, room.quarantine):
        next_of(path).write_bytes(path.read_bytes())
    check_rows(room.raw, DATA, room.clean, room.quarantine)
    assert not next_of(room.clean).exists()
    assert not next_of(room.quarantine).exists()
