import inspect

import pytest

from components.retraining.memory_runner import MemoryRunner
from components.retraining.runner import Runner
from tests.retraining.world import FileRunner

METHODS = [name for name, _ in inspect.getmembers(Runner, inspect.isfunction) if not name.startswith("_")]


def test_the_interface_is_small():
    assert sorted(METHODS) == ["roll_out", "rollout", "start", "status"]


@pytest.mark.parametrize("kind", [MemoryRunner, FileRunner])
@pytest.mark.parametrize("name", METHODS)
def test_every_runner_takes_the_same_arguments(kind, name):
    assert list(inspect.signature(getattr(kind, name)).parameters) == ["self", "run"]
