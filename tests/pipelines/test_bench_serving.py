import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.core.config import Settings
from components.core.errors import FairleadError
from components.training.bundle import Bundle
from pipelines.benchmarks.measure import Figure
from pipelines.benchmarks.serving import bench_serving as module
from pipelines.benchmarks.serving.bench_serving import SHORT, bench_serving
from pipelines.benchmarks.serving.contest import KINDS, Contest, Contestant, Measured
from pipelines.benchmarks.serving.open_loop import Held
from pipelines.benchmarks.serving.peers import OURS, PEERS
from pipelines.benchmarks.serving.pinned import Cores
from pipelines.benchmarks.serving.subject import Subject
from pipelines.benchmarks.serving.workload import workload
from pipelines.benchmarks.serving.wrk import Load
from pipelines.cli import main


class NoProcess:
    """A server that nobody started."""

    def go_on(self) -> None: ...
    def hold(self) -> None: ...
    def pin(self, _: int) -> None: ...


@pytest.fixture
def staged(signed_bundle: Path, session_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Servers whose figures are known; starting, loading and timing real ones is tested with the contest."""
    found = Subject(signed_bundle, session_settings.verify_key, "a test's bundle")
    work = workload(Bundle.open(signed_bundle), "v2")

    @contextmanager
    def ring(*_: Any) -> Iterator[Contest]:
        here = Contest(Cores.choose(), Path("wrk"))
        for peer in PEERS:
            rows = {"written": 90, "dropped": 10} if peer.name == OURS else {}
            rate = 9000 if peer.name == OURS else 1000
            measured = Measured(Load(rate, 1.0, 0, 0, 1, 2), 1.0, 0.0, rows)
            here.present[peer.name] = Contestant(
                peer, NoProcess(), "", work, rounds={k.name: [measured] for k in KINDS}  # type: ignore[arg-type]
            )  # fmt: skip
        del here.present["ray"]
        here.absent["ray"] = "cannot be installed: no index"
        yield here

    def hold(url: str, bodies: object, clients: int, rate: float, seconds: float) -> Held:
        del url, bodies
        due = int(rate * seconds)
        return Held(rate, seconds, clients, due, due, 0, 1.0, 2.0, 3.0, 4.0, 0.1, 0.0)

    monkeypatch.setattr(module.wrk, "find", lambda _: Path("wrk"))
    monkeypatch.setattr(module, "subject", lambda *_: found)
    monkeypatch.setattr(module, "contest", ring)
    monkeypatch.setattr(module, "hold", hold)
    figures = [Figure("online lookup, 10 features, adds at p95", 12.0, "ms", "target", 10.0, target=True)]
    monkeypatch.setattr(module.online, "measure", lambda *_: figures)
    return session_settings


def test_the_verdicts_the_reasons_and_the_file(staged: Settings) -> None:
    lines: list[str] = []
    target = bench_serving(staged, replace(SHORT, rounds=0), "", (), lines.append)
    text = "\n".join(lines)
    assert "ray: cannot be installed: no index" in text
    assert "rows 10 dropped, 90 written" in text
    assert "natural batching" in text
    # Missed: the lookup. Not measured: Ray with 8 and with 32 clients.
    assert "15 targets kept, 1 missed, 2 not measured" in text
    assert lines[-1].endswith(str(target))
    kept = json.loads(target.read_text(encoding="utf-8"))
    assert kept["servers"][OURS]["rounds"][KINDS[0].name][0]["per_second"] == 9000
    assert kept["half_of_saturation"]["rate"] == 4500
    assert kept["stock_at_half_of_its_saturation"]["rate"] == 500
    assert kept["held"]["rate"] == 1000
    assert len(kept["verdicts"]) == 18


@pytest.mark.parametrize("kind", [FairleadError, AssertionError, ConnectionResetError])
def test_a_lookup_that_cannot_be_measured_is_told_and_loses_nothing_else(
    kind: type[Exception], staged: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_store(*_: object) -> list[Figure]:
        kept = json.loads((staged.home / "bench" / "serving.json").read_text(encoding="utf-8"))
        assert len(kept["verdicts"]) == 17  # all that was measured before is kept already
        raise kind("the store has no view")

    monkeypatch.setattr(module.online, "measure", no_store)
    lines: list[str] = []
    target = bench_serving(staged, replace(SHORT, rounds=0), "", (), lines.append)
    text = "\n".join(lines)
    assert "the store has no view" in text
    last = json.loads(target.read_text(encoding="utf-8"))["verdicts"][-1]
    assert (last["met"], last["ratio"]) == (None, "the store has no view")
    assert "0 missed, 3 not measured" in text


def test_a_server_that_nobody_knows_is_refused_by_the_command() -> None:
    done = CliRunner().invoke(main, ["bench-serving", "--only", "tomcat"])
    assert done.exit_code == 1
    assert "'tomcat'" in done.output
    assert "mlserver" in done.output
