"""The handlers and the command; the operator as a process is run by ``make test-control-plane``."""

import subprocess
import sys

import kopf
import pytest

from components.core.errors import FairleadError
from components.rollout import operator
from components.rollout.kubernetes_objects import ROLLOUTS


class Said:
    """An attendant that is asked, and answers as it was told."""

    def __init__(self, ended=True, error=None):
        self.asked = []
        self._ended, self._error = ended, error

    def _answer(self, what, found):
        self.asked.append((what, found["metadata"]["name"]))
        if self._error:
            raise self._error
        return self._ended

    def attend(self, found):
        self._answer("attend", found)

    def end(self, found):
        return self._answer("end", found)

    def leave(self, found):
        self.asked.append(("leave", found["metadata"]["name"]))

    def leave_all(self):
        self.asked.append(("leave all", ""))


def handlers(attendant):
    made = operator.registry(attendant)
    activities = {h.id.rpartition(".")[2]: h for h in made._activities._handlers}
    spawning = {h.id.rpartition(".")[2]: h for h in made._spawning._handlers}
    changing = {h.id.rpartition(".")[2]: h for h in made._changing._handlers}
    return {**activities, **spawning, **changing}


BODY = kopf.Body({"metadata": {"name": "sba"}})


def test_each_handler_calls_the_attendant():
    said = Said()
    made = handlers(said)
    assert set(made) == {"configure", "login", "tick", "delete", "leave"}
    for name in ("tick", "delete"):
        made[name].fn(body=BODY)
    made["leave"].fn()
    assert said.asked == [("attend", "sba"), ("end", "sba"), ("leave", "sba"), ("leave all", "")]
    assert made["tick"].interval == operator.TICK_SECONDS


def test_what_is_not_at_an_end_keeps_its_finalizer():
    with pytest.raises(kopf.TemporaryError, match="not safe yet"):
        handlers(Said(ended=False))["delete"].fn(body=BODY)


@pytest.mark.parametrize("name", ["tick", "delete"])
def test_what_fails_is_tried_again(name):
    with pytest.raises(kopf.TemporaryError, match="no API"):
        handlers(Said(error=FairleadError("no API")))[name].fn(body=BODY)


def test_it_asks_for_no_right_on_the_whole_cluster():
    settings = kopf.OperatorSettings()
    handlers(Said())["configure"].fn(settings=settings)
    assert settings.scanning.disabled
    assert settings.persistence.finalizer == operator.FINALIZER
    assert operator.FINALIZER.startswith(ROLLOUTS.group)


def test_without_a_cluster_the_way_out_is_told(tmp_path):
    command = [sys.executable, "-m", "components.rollout.operator", "--namespace", "models"]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "set KUBECONFIG, or run in a pod" in done.stderr
    assert "Traceback" not in done.stderr
