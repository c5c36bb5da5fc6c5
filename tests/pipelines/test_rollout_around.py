import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.rollout.promotion import NoRegistry
from components.rollout.registry_promotion import ByRegistry
from pipelines.rollout_around import PLANES, around, machine_of, machinery, store_of
from tests.rollout.looks import plan, rollout, starting


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
