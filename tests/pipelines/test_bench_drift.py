from dataclasses import replace
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines import environments
from pipelines.benchmarks.drift import bench_drift as module
from pipelines.benchmarks.drift import sketched
from pipelines.benchmarks.drift.bench_drift import SHORT, Size, bench_drift, contest, run, verdicts
from pipelines.benchmarks.drift.contestants import CONTESTANTS, FLOOR, OURS, Contestant, Took
from pipelines.benchmarks.measure import Figure

HOME = Path(__file__).parents[2] / ".fairlead"
HERE = tuple(c for c in CONTESTANTS if c.group == "platform")


def took(ours: float = 2.0, above: float = 0.1, error: float = 0.0) -> dict[str, list[Took]]:
    seconds = {OURS: ours, FLOOR: 4.0, "nannyml": 7.0, "alibi-detect": 10.0, "evidently": 20.0}
    exact = {"number_00": 0.25, "number_01": 0.01}
    told = {
        OURS: {n: d + error for n, d in exact.items()},
        FLOOR: exact,
        "nannyml": {n: d + 1e-3 for n, d in exact.items()},
        "alibi-detect": exact,
        "evidently": {},
    }
    return {n: [Took(k * s, k * s, above, told[n]) for k in (1, 1, 9)] for n, s in seconds.items()}


def missed(figures: list[Figure]) -> list[str]:
    return [f.what.strip() for f in figures if f.missed]


def test_the_middle_of_the_rounds_is_held_against_the_targets() -> None:
    figures = verdicts(took(), Size())
    assert missed(figures) == []
    by_name = {f.what.strip(): f for f in figures}
    # Evidently is timed on every third column, so its time counts three times: 60 of 25 times 2.
    assert by_name["of Evidently's time"].reference == pytest.approx(60 / 25)
    assert any("20 columns, time x 3" in name for name in by_name)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (took(ours=2.35), ["of NannyML's time"]),
        (took(ours=2.5), ["of NannyML's time", "of Evidently's time"]),
        (took(above=1.6), ["memory beyond the tables"]),
        (took(error=1e-6), ["Fairlead: largest error of 2 KS distances"]),
    ],
)
def test_a_target_that_is_missed_is_named(changed: dict[str, list[Took]], names: list[str]) -> None:
    assert missed(verdicts(changed, Size())) == names


def test_who_tells_no_distances_has_none_to_be_held_against() -> None:
    silent = took() | {"nannyml": [Took(7.0, 7.0, 0.1, {})]}
    assert missed(verdicts(silent, Size())) == ["NannyML: largest error of 0 KS distances"]


def test_a_quick_look_holds_no_target_of_time() -> None:
    assert missed(verdicts(took(ours=100.0, above=9.0), SHORT)) == []
    assert missed(verdicts(took(ours=100.0, error=0.1), SHORT)) == ["Fairlead: largest error of 2 KS distances"]


def test_one_that_fails_is_named_with_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=r"(?s)Fairlead ended with 1.*No such file"):
        run(replace(HERE[0], group="platform"), tmp_path / "nowhere", HOME)


def test_all_are_run_said_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """For real, with those that run in this environment."""
    if environments.missing(["platform"], HOME):
        pytest.skip("the environment 'platform' was not made: `make test` makes it")
    monkeypatch.setattr(module, "CONTESTANTS", HERE)
    monkeypatch.setattr(sketched, "PARTS", 3)
    monkeypatch.setattr(module, "SHORT", replace(SHORT, rows=(12_000, 3_000)))
    lines: list[str] = []
    assert bench_drift(HOME, lines.append, short=True, window=lambda rows: rows / 1000)
    told = "\n".join(lines)
    assert "round 1: plain numpy" in told
    assert "a look at 5,000 predictions, from the log to the report" in told
    assert lines[-1].strip() == "every target was kept"


def test_rounds_are_interleaved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def remember(contestant: Contestant, *_: Path) -> Took:
        order.append(contestant.name)
        return Took(1.0, 1.0, 0.0, {})

    monkeypatch.setattr(module, "run", remember)
    found = contest(tmp_path, 2, HOME, lambda _: None)
    assert order == 2 * [c.name for c in CONTESTANTS]
    assert {len(each) for each in found.values()} == {2}
