from datetime import timedelta

import pytest

from components.core.config import read_settings
from components.core.ledger import Ledger
from components.rollout.attendant import Attendant
from components.rollout.kubernetes_objects import EVENTS, LEASES, ROLLOUTS
from tests.rollout.kubernetes_api import model_rollout, serving
from tests.rollout.looks import START
from tests.rollout.planes.cluster_api import cluster, route, service

__all__ = ["cluster"]

METRIC = {"name": "error_rate", "margin": 0.02}


class World:
    """A namespace with a route before two services, and attendants to its rollouts."""

    def __init__(self, api, objects, gateway, client, home):
        self.api, self.objects, self.gateway, self._client = api, objects, gateway, client
        self.settings = read_settings({"FAIRLEAD_HOME": str(home), "FAIRLEAD_ACTOR": "operator"})
        self.now = START + timedelta(seconds=10)

    def attendant(self, holder="pod-1/7", **settings):
        mine = self.settings.model_copy(update=settings)
        return Attendant(self.objects, self._client, mine, holder, lambda: self.now)

    def start(self, name, uid="0b7c1f2e-0", **plan):
        self.api.put("modelrollouts", model_rollout(name, uid, **{"metrics": [METRIC], "lookSeconds": 10, **plan}))

    def get(self, name):
        return self.objects.get(ROLLOUTS, name)

    def status(self, name):
        return self.get(name).get("status", {})

    def attend(self, attendant, name, after=0.0):
        self.now += timedelta(seconds=after)
        attendant.attend(self.get(name))
        return self.status(name)

    def wish(self, name, kind, actor="olga"):
        self.api.objects["modelrollouts", name]["spec"]["wish"] = {"kind": kind, "actor": actor}

    def backends(self):
        (rule,) = self.gateway.objects["HTTPRoute", "sba"]["spec"]["rules"]
        return {ref["name"]: ref["weight"] for ref in rule["backendRefs"]}


@pytest.fixture
def world(cluster, tmp_path):
    gateway, client = cluster
    for made in (route("sba"), service("sba-1", "Standard"), service("sba-2", "Standard")):
        gateway.put(made)
    with serving() as (api, objects):
        yield World(api, objects, gateway, client, tmp_path / "home")


def test_a_rollout_begins_and_is_told_though_prometheus_is_not_there(world):
    world.start("sba")
    status = world.attend(world.attendant(), "sba")
    assert (status["phase"], status["weight"]) == ("running", 5)
    assert world.backends() == {"sba-2-predictor": 5, "sba-1-predictor": 95}
    first = world.gateway.patches[0]["spec"]["rules"][0]["backendRefs"][0]
    assert (first["name"], first["weight"]) == ("sba-2-predictor", 0), "it is brought in without requests"
    assert "cannot be reached" in status["events"][-1]["payload"]
    assert world.objects.list(LEASES)[0]["spec"]["holderIdentity"] == "pod-1/7"


def test_it_is_looked_at_when_it_is_time(world):
    world.start("sba")
    attendant = world.attendant()
    looks = [world.attend(attendant, "sba", after)["looks"] for after in (0, 5, 4.9, 0.2)]
    assert looks == [1, 1, 1, 2]


def test_of_two_attendants_one_acts_and_the_other_takes_over(world):
    world.start("sba")
    first, second = world.attendant(), world.attendant("pod-2/7")
    assert world.attend(first, "sba")["looks"] == 1
    assert world.attend(second, "sba", 15)["looks"] == 1
    assert world.attend(second, "sba", 20)["looks"] == 2
    assert world.attend(first, "sba", 1)["looks"] == 2
    second.leave_all()
    assert world.attend(first, "sba", 10)["looks"] == 3, "what was given back is free at once"


def test_a_wish_is_taken_up_at_once_and_told(world):
    world.start("sba")
    attendant = world.attendant()
    world.attend(attendant, "sba")
    world.wish("sba", "abort")
    status = world.attend(attendant, "sba", 1)
    assert (status["phase"], status["settled"]) == ("aborted", True)
    assert world.backends() == {"sba-1-predictor": 1}
    assert [e["reason"] for e in world.objects.list(EVENTS)] == ["Begin", "Abort"]
    _, told = Ledger(world.settings.ledger_path).entries("rollout.decided")
    assert (told.payload["kind"], told.payload["asked_by"]) == ("abort", "olga")
    world.attend(attendant, "sba", 60)
    assert world.objects.list(LEASES)[0]["spec"]["holderIdentity"] == ""


def test_whom_the_roles_do_not_allow_it_starts_and_wishes_nothing(world, tmp_path):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors:\n  anna: [operator]\n  olga: [data_scientist]\n", encoding="utf-8")
    world.start("sba")
    attendant = world.attendant(roles=roles)
    world.attend(attendant, "sba")
    world.wish("sba", "abort")
    status = world.attend(attendant, "sba", 1)
    assert status["phase"] == "running"
    assert "olga" in status["failure"]
    world.start("other", "22222222-0")
    world.api.objects["modelrollouts", "other"]["spec"] |= {"actor": "olga"}
    assert world.attend(attendant, "other")["phase"] == "waiting"


def test_a_second_rollout_of_the_same_route_waits(world):
    world.start("sba")
    attendant = world.attendant()
    world.attend(attendant, "sba")
    world.start("second", "22222222-0")
    status = world.attend(attendant, "second")
    assert status["phase"] == "waiting"
    assert "ModelRollout sba shares out the requests of HTTPRoute sba and is not over" in status["failure"]
    world.wish("sba", "abort")
    assert world.attend(attendant, "sba", 1)["settled"]
    assert world.attend(attendant, "second", 5)["phase"] == "running"


def test_what_cannot_be_measured_is_refused_before_any_traffic(world):
    latency = {"name": "latency", "aboveMs": 60}
    world.start("sba", metrics=[METRIC, latency])
    status = world.attend(world.attendant(), "sba")
    assert status["phase"] == "waiting"
    assert "aboveMs is 60" in status["failure"]
    assert world.gateway.patches == []


def test_what_is_deleted_is_aborted_first(world):
    world.start("sba")
    attendant = world.attendant()
    world.attend(attendant, "sba")
    assert attendant.end(world.get("sba"))
    assert world.status("sba")["phase"] == "aborted"
    assert world.backends() == {"sba-1-predictor": 1}
    assert attendant.end(world.get("sba")), "again is nothing"


def test_the_end_waits_for_whoever_has_the_right(world):
    world.start("sba")
    world.attend(world.attendant(), "sba")
    other = world.attendant("pod-2/7")
    assert not other.end(world.get("sba"))
    world.now += timedelta(seconds=31)
    assert other.end(world.get("sba"))
    kinds = [e["kind"] for e in world.status("sba")["events"]]
    assert kinds.count("wished") == 1


def test_nothing_holds_back_what_never_began_or_has_nothing_to_share_out(world):
    attendant = world.attendant()
    world.start("new")
    assert attendant.end(world.get("new"))
    world.start("sba", "22222222-0")
    world.attend(attendant, "sba")
    del world.gateway.objects["HTTPRoute", "sba"]
    assert attendant.end(world.get("sba"))
