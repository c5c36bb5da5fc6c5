import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.core.ledger import Ledger
from components.registry import approvals
from components.registry.registry import Registry
from components.rollout.registry_promotion import ByRegistry, parse
from components.training.bundle import Bundle
from tests.registry.conftest import empty_store, register, run_and_kill, settings, smoke, variant
from tests.rollout.looks import plan, rollout

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]


@pytest.fixture
def started(register, variant, signed_bundle, tmp_path):
    """A rollout of version 2 of two."""
    register(signed_bundle)
    other, tested = variant("other"), tmp_path / "smoke_of_other.json"
    tested.write_text(json.dumps({"rows": 1000, "version": Bundle.open(other).version()}))
    register(other, smoke=tested)
    return rollout(plan()).model_copy(update={"started": datetime.now(UTC) - timedelta(minutes=1)})


@pytest.fixture
def door(settings):
    return ByRegistry(settings)


def asked(settings):
    return approvals.approvals(settings, "sba_loans")


def test_the_approval_is_asked_for_once(door, settings, started):
    door.ask(started)
    door.ask(started)
    (open_one,) = asked(settings)
    assert (open_one.version, open_one.state) == (2, "requested")
    assert (door.approval(started), door.refusal(started)) == (None, None)


def test_a_given_approval_opens_the_door_and_is_used_up(door, settings, started):
    door.ask(started)
    given = approvals.approve(settings, asked(settings)[0].id, "fine")
    door.ask(started)
    assert len(asked(settings)) == 1
    assert door.approval(started) == given.id
    assert not door.promoted(started, given.id)
    assert not door.promoted(started, None)
    door.promote(started, given.id)
    assert door.promoted(started, given.id)
    door.promote(started, given.id)
    assert Registry(settings).champion("sba_loans").version == 2
    assert door.approval(started) is None
    assert len(Ledger(settings.ledger_path).entries("registry.promoted")) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_promotion_that_was_killed_goes_on(door, settings, started, when):
    door.ask(started)
    given = approvals.approve(settings, asked(settings)[0].id)
    run_and_kill(lambda: ByRegistry(settings).promote(started, given.id), Ledger, "append", when)
    door.promote(started, given.id)
    assert Registry(settings).champion("sba_loans").version == 2
    assert Ledger(settings.ledger_path).verify() == 5


def test_a_refusal_is_told_and_not_asked_again_by_itself(door, settings, started):
    door.ask(started)
    approvals.reject(settings, asked(settings)[0].id, "too few rows")
    door.ask(started)
    assert len(asked(settings)) == 1
    assert door.refusal(started) == "tester: too few rows"
    assert door.approval(started) is None


def test_a_refusal_from_before_the_rollout_does_not_count(door, settings, started):
    door.ask(started)
    approvals.reject(settings, asked(settings)[0].id, "too few rows")
    assert door.refusal(started.model_copy(update={"started": datetime.now(UTC) + timedelta(seconds=1)})) is None
    Registry(settings).request("sba_loans", 2)
    assert door.refusal(started) is None


def test_another_versions_approval_does_not_open_the_door(door, settings, started):
    other = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, other.id)
    assert door.approval(started) is None
    with pytest.raises(FairleadError, match="is for sba_loans version 1"):
        door.promote(started, other.id)


def test_without_an_approval_nothing_is_promoted(door, started):
    with pytest.raises(FairleadError, match="models:/sba_loans/2 needs an approval, and rollout sba-1 rests on none"):
        door.promote(started, None)


def test_an_approval_in_a_ledger_that_was_changed_is_none(door, settings, started):
    door.ask(started)
    approvals.approve(settings, asked(settings)[0].id)
    with sqlite3.connect(settings.ledger_path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("UPDATE entries SET actor = 'somebody else' WHERE number = 1")
    db.close()
    with pytest.raises(IntegrityError, match="does not fit the chain"):
        door.approval(started)


@pytest.mark.parametrize("uri", ["sba_loans/2", "models:/sba_loans", "models:/sba_loans@champion", "models://2", ""])
def test_what_is_no_registered_version_is_told(uri):
    with pytest.raises(FairleadError, match="is no registered version"):
        parse(uri)
