import re
from pathlib import Path

import pytest

from pipelines.benchmarks.peer_locks import requirements
from pipelines.benchmarks.serving import gains
from pipelines.benchmarks.serving.bench_serving import chosen
from pipelines.benchmarks.serving.peers import ECHO, OURS, PEERS, STOCK, Peer

ROOT = Path(__file__).parents[2]


def test_names_are_told_apart_and_the_ladder_leads_over_them() -> None:
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
    assert {OURS, ECHO, STOCK} <= set(names)
    assert {end for a, b, _ in gains.LADDER for end in (a, b)} <= set(names)


def test_what_is_promised_is_in_the_list() -> None:
    promised = {peer.name: peer.at_least for peer in PEERS if peer.at_least is not None}
    assert promised == {"stock": 8, "mlserver": 8, "bentoml": 8, "mlflow": 8, "ray": 8, "fastapi": 1}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_command_is_filled_in_and_its_program_is_there(peer: Peer) -> None:
    command = peer.command("python", bundle="b", port=7, scratch="s")
    assert command[:2] == ["python", "-m"]
    assert not re.search(r"[{}]", " ".join(command))
    path = ROOT / command[2].replace(".", "/")
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    assert peer.group == "platform" or peer.group.removeprefix("peers/") in requirements


def test_some_can_be_picked() -> None:
    assert [p.name for p in chosen(["echo", "fairlead"])] == ["fairlead", "echo"]
    assert chosen([]) == list(PEERS)
