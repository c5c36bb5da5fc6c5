from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.benchmarks import detection
from pipelines.benchmarks.detection import PUBLISHED, Measured, Sizes, bench, markdown
from pipelines.benchmarks.staged_batch import SHIFTS, TESTS, Found
from pipelines.benchmarks.staged_streams import CHANGES, Calm, Delay

SIZES = Sizes(rows=(500,), still_windows=100, edge_streams=400)


def told(any_test: float = 0.02, edge: float = 0.0) -> Measured:
    rates = dict.fromkeys(["any test", *(test for family in TESTS.values() for test in family)], any_test)
    return Measured(
        sizes=SIZES,
        found=[Found(SHIFTS[2], 500, dict.fromkeys(TESTS["numeric"], 0.5))],
        still=[Found(None, 500, rates)],
        delays=[(CHANGES[6], {"sequential": Delay(0.95, 1234.0), "adwin": Delay(0.0, None)})],
        calm=[(CHANGES[0], {"eddm": Calm(1.0, 22.65)})],
        edge=[(CHANGES[0], edge)],
    )


def test_the_page_holds_the_figures() -> None:
    text = markdown(told())
    assert "| mean | +0.5 SD | 500 | 50 | 50 | 50 | 50 | 50 | 50 |" in text
    assert "| loss, sudden | x 1.5 | 1,234 (95 %) | - (0 %) |  |  |  |  |  |" in text
    assert "22.6 (100 %)" in text
    assert "| any test | 2 |" in text


@pytest.mark.parametrize(
    ("measured", "broken"),
    [
        (told(), []),
        (told(any_test=0.08), []),
        (told(any_test=0.2), ["still windows of 500 rows"]),
        (told(edge=0.0125), []),
        (told(edge=0.05), ["sequential test at the edge, errors, sudden 10 % x 1.25"]),
    ],
)
def test_a_promise_is_broken_where_the_figures_refute_it(measured: Measured, broken: list[str]) -> None:
    assert measured.broken == broken


def test_it_simulates_says_and_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = replace(detection.SHORT, windows=2, still_windows=2, streams=1, still_streams=1, edge_streams=5)
    monkeypatch.setattr(detection, "SHORT", small)
    monkeypatch.setattr(detection, "SHIFTS", (SHIFTS[3], SHIFTS[14]))
    monkeypatch.setattr(detection, "CHANGES", CHANGES[3:4])
    lines: list[str] = []
    assert bench(lines.append, short=True, target=tmp_path / "DETECTION.md")
    text = (tmp_path / "DETECTION.md").read_text(encoding="utf-8")
    assert text in lines
    assert "| mean | +1 SD | 500 | 100 | 100 |" in text
    assert lines[-1] == "every promise was kept"


def test_what_is_published_is_of_the_shifts_there_are() -> None:
    text = PUBLISHED.read_text(encoding="utf-8")
    for shift in SHIFTS:
        for rows in Sizes().rows:
            assert f"| {shift.kind} | {shift.size} | {rows:,} |" in text
    for change in CHANGES:
        assert f"| {change.kind} | {change.size} |" in text
