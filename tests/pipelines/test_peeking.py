import pytest
from click.testing import CliRunner

from pipelines.benchmarks import peeking
from pipelines.benchmarks.late import LateSizes
from pipelines.benchmarks.peeking import CASES, SMALL, Sizes, bench
from pipelines.benchmarks.rollouts import Verdicts
from pipelines.cli import main


def test_a_small_run_keeps_its_promises_and_tells_all_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peeking, "CASES", CASES[3:5])
    lines: list[str] = []
    assert bench(
        lines.append, Sizes(alike=40, alike_requests=1_500, harmed=8, late=LateSizes((1_000,), after=2_000, runs=4))
    )
    text = "\n".join(lines)
    assert lines[-1].strip() == "every promise was kept"
    for part in (
        "false rollback or promotion, steady traffic",
        "z-test at 5 %",
        "errors 2 -> 4 %",
        "fixed test, power",
        "not found within 2,000, errors 0.5 -> 10 % after 1,000 good requests",
        "requests until late harm is found",
    ):
        assert part in text


def test_a_promise_that_is_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*arguments: object, **named: object) -> Verdicts:
        found = judge(*arguments, **named)  # type: ignore[arg-type]
        return Verdicts(found.harm * 0, found.better, found.naive, found.naive_guards)

    judge = peeking.judge
    monkeypatch.setattr(peeking, "judge", careless)
    monkeypatch.setattr(peeking, "CASES", ())
    lines: list[str] = []
    assert not bench(lines.append, Sizes(alike=10, alike_requests=300, harmed=1, late=LateSizes(())))
    assert "false rollback or promotion, steady traffic" in lines[-1]


def test_the_small_sizes_are_small() -> None:
    assert SMALL.alike * SMALL.alike_requests < 1_000_000


@pytest.mark.parametrize(("kept", "code"), [(True, 0), (False, 1)])
def test_the_command_fails_with_a_broken_promise(kept: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sizes] = []
    monkeypatch.setattr(peeking, "bench", lambda _say, sizes: asked.append(sizes) or kept)
    assert CliRunner().invoke(main, ["bench-peeking", "--short"]).exit_code == code
    assert asked == [SMALL]
