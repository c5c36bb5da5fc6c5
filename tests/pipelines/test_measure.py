import os
import time

import pytest

from components.core.errors import FairleadError
from pipelines.benchmarks.measure import Figure, apart, number, table, times


def held(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


def told(count: int, say) -> int:
    for i in range(count):
        say(f"line {i}")
    return os.getpid()


def failing() -> None:
    print("what it wrote")
    raise FairleadError("no such luck")


def killed() -> None:
    os._exit(7)


def test_memory_is_that_of_the_process_alone() -> None:
    ballast = bytearray(300 * 2**20)
    found = apart(held, 150)
    assert found.result == 150 * 2**20
    assert 0.15 < found.peak_gb < 0.15 + len(ballast) / 2**30
    assert 0 < found.seconds < 30
    assert found.cpu_seconds >= 0


def test_progress_is_heard_in_order() -> None:
    lines: list[str] = []
    found = apart(told, 3, say=lines.append)
    assert lines == ["line 0", "line 1", "line 2"]
    assert found.result != os.getpid()


def test_a_failure_shows_what_was_written() -> None:
    with pytest.raises(FairleadError, match=r"(?s)measuring failing ended with status 1.*what it wrote.*no such luck"):
        apart(failing)


def test_a_death_is_told() -> None:
    with pytest.raises(FairleadError, match="measuring killed ended with status 7"):
        apart(killed)


def test_a_time_is_the_middle_one() -> None:
    waits = iter([0.0, 0.2, 0.01])
    assert 0.01 <= times(lambda: time.sleep(next(waits)), 3) < 0.15


@pytest.mark.parametrize(
    ("figure", "row"),
    [
        (Figure("a", 1.234, "s"), ("a", "1.23 s", "", "")),
        (Figure("a", 1.0, "s", "target", 4.0, target=True), ("a", "1 s", "target ≤ 4 s", "0.25")),
        (Figure("a", 6.0, "s", "target", 4.0, target=True), ("a", "6 s", "target ≤ 4 s", "1.5 MISSED")),
        (Figure("a", 6.0, "ms", "peer", 4.0), ("a", "6 ms", "peer 4 ms", "1.5")),
        (Figure("a", 0, "rows", "target", 0, target=True), ("a", "0 rows", "target ≤ 0 rows", "-")),
        (Figure("a", 2, "rows", "target", 0, target=True), ("a", "2 rows", "target ≤ 0 rows", "- MISSED")),
        (Figure("a", float("nan"), "", "target", 1e-6, target=True), ("a", "nan", "target ≤ 1e-06", "nan MISSED")),
    ],
)
def test_a_figure_is_held_against_its_reference(figure: Figure, row: tuple[str, ...]) -> None:
    assert figure.row() == row


def test_the_table_lines_up() -> None:
    lines = table([Figure("long name", 1.0, "s"), Figure("b", 123_456.0, "rows", "peer", 1.0)]).splitlines()
    assert lines[0].index("figure") == lines[1].index("1 s") == lines[2].index("123,456 rows")


def test_numbers_that_are_none_do_not_break_the_table() -> None:
    assert number(float("nan")) == "nan"
    assert number(float("inf")) == "inf"
