from contextlib import nullcontext

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.rollout import history
from components.rollout.planes.machine import MachinePlane
from components.rollout.promotion import NoRegistry
from components.rollout.registry_promotion import ByRegistry
from components.rollout.state import Decision
from components.rollout.supervisor import Server, Supervisor
from pipelines.rollout_around import PLANES, around, machine_of, machinery, store_of
from tests.rollout.looks import look, plan, rollout, starting


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path), "USER": "olga"})


def test_everything_is_found_below_the_home(settings):
    assert store_of(settings).path == settings.home / "rollouts.db"
    assert machine_of(settings) == settings.home / "machine"


@pytest.mark.parametrize("plane", sorted(PLANES))
def test_a_plane_is_made_without_starting_anything(settings, plane):
    made = machinery(settings, rollout(plan()).model_copy(update={"plane": plane}))
    assert made.url.endswith("/v2/models/sba_loans/infer") or plane == "memory"
    assert not (machine_of(settings) / "wanted").exists()


def test_the_same_place_is_found_again(settings):
    of = rollout(plan()).model_copy(update={"plane": "envoy"})
    assert machinery(settings, of).url == machinery(settings, of).url


def test_the_plane_that_serves_nothing_sees_nothing(settings):
    made = machinery(settings, rollout(plan()))
    made.open()
    made.admit()
    seen = made.observe(starting(plan()))
    assert (seen.requests, seen.evidence) == ({}, {})


def test_an_unknown_plane_is_told(settings):
    with pytest.raises(FairleadError, match="unknown plane 'x'; allowed: envoy, memory"):
        machinery(settings, rollout(plan()).model_copy(update={"plane": "x"}))


def test_who_approves_follows_from_the_plan(settings):
    for approval, kind in ((True, ByRegistry), (False, NoRegistry)):
        of = rollout(plan(approval=approval))
        made = around(settings, of, machinery(settings, of))
        assert isinstance(made.promotion, kind)
        assert (made.actor, made.ledger.path) == ("olga", settings.ledger_path)


@pytest.mark.parametrize(("phase", "opens"), [("promoted", True), ("running", False)])
def test_a_winner_may_stand_in_the_stable_models_place_before_the_record_is_closed(settings, monkeypatch, phase, opens):
    of = rollout(plan()).model_copy(update={"plane": "envoy"})
    known = history.start(store_of(settings), of)
    state = known.state.model_copy(update={"phase": phase, "looks": 1})
    history.record_look(store_of(settings), known, look(1), Decision(kind="promote", state=state), "")
    monkeypatch.setattr(MachinePlane, "open", lambda *_: None)
    monkeypatch.setattr(Supervisor, "servers", lambda *_: [Server("stable-2", "stable", of.candidate, 1)])
    with nullcontext() if opens else pytest.raises(FairleadError, match="is served as the stable model here"):
        machinery(settings, of).open()
