import shutil
from pathlib import Path

import pytest

from components.core.config import Settings
from pipelines.benchmarks.serving import contest as module
from pipelines.benchmarks.serving import open_loop
from pipelines.benchmarks.serving.contest import EIGHT, contest
from pipelines.benchmarks.serving.peers import PEERS, Peer
from pipelines.benchmarks.serving.pinned import Cores

BY_NAME = {peer.name: peer for peer in PEERS}


def test_servers_are_started_checked_loaded_in_turn_and_stopped(
    signed_bundle: Path, session_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = shutil.which("wrk")
    if tool is None:
        pytest.skip("wrk is not on the PATH; `make bench-serving` fetches it")
    monkeypatch.setattr(module, "KINDS", (EIGHT,))
    liar = Peer("liar", "answers the same to all", BY_NAME["echo"].words)
    broken = Peer("broken", "ends at once", ("-c", "exit('no such thing')"))
    unknown = Peer("unknown", "in no environment", ("-c", ""), group="peers/nobody")
    lines: list[str] = []
    peers = [BY_NAME["fastapi"], liar, broken, unknown]
    with contest(peers, signed_bundle, session_settings, Cores.choose(), Path(tool), lines.append) as ring:
        assert list(ring.present) == ["fastapi"]
        assert "is off by" in ring.absent["liar"]
        assert "no such thing" in ring.absent["broken"]
        assert "cannot be installed" in ring.absent["unknown"]
        ring.round(1, lines.append)
        (only,) = ring.present.values()
        (measured,) = only.rounds[EIGHT.name]
        assert measured.load.failed == 0
        assert measured.per_second > 50
        assert 0 < measured.cpu_seconds < 5
        with ring.turn(only):
            held = open_loop.hold(only.url, [only.work.single[0].body], 4, rate=100, seconds=0.5, warm_up=0)
        assert held.answered == 50
        only.process.stop()
        ring.round(1, lines.append)
        assert ring.present == {}
        assert "it ended" in ring.absent["fastapi"]
    assert only.process.ended()
