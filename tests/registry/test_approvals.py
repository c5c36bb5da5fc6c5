import contextlib
import sqlite3

import pytest

from components.core.errors import FairleadError, IntegrityError
from components.core.ledger import Ledger
from components.registry import approvals
from tests.registry.conftest import run_at_once

DIGEST = "d" * 64


def _ask(settings):
    return approvals.request(settings, "sba_loans", 1, DIGEST)


@pytest.fixture
def team(settings, tmp_path):
    """Settings by actor, under a roles file that wants four eyes."""
    roles = tmp_path / "roles.yaml"
    roles.write_text(
        "four_eyes: true\n"
        "actors: {anna: [data_scientist], ben: [approver, operator], carl: [approver], dora: [auditor]}\n"
    )
    return lambda actor: settings.model_copy(update={"actor": actor, "roles": roles})


def test_an_approval_is_asked_for_given_and_found_with_its_history(settings):
    asked = _ask(settings)
    assert asked.state == "requested"
    given = approvals.approve(settings, asked.id, "lift is fine")
    assert (given.state, given.decided_by, given.reason) == ("given", "tester", "lift is fine")
    assert approvals.find(settings, asked.id) == given
    assert [a.id for a in approvals.approvals(settings, "sba_loans")] == [asked.id]
    assert approvals.approvals(settings, "other") == []
    assert [e.kind for e in Ledger(settings.ledger_path).entries()] == ["approval.requested", "approval.given"]


@pytest.mark.parametrize("second", [approvals.approve, approvals.reject])
@pytest.mark.parametrize("first", [approvals.approve, approvals.reject])
def test_a_decision_is_final(settings, first, second):
    asked = _ask(settings)
    first(settings, asked.id, "one")
    with pytest.raises(FairleadError, match=r"was decided by tester .*; ask for a new one"):
        second(settings, asked.id, "two")
    assert approvals.find(settings, asked.id).reason == "one"


def test_of_two_decisions_at_once_the_first_in_the_ledger_counts(settings):
    asked = _ask(settings)

    def decide(how):
        with contextlib.suppress(FairleadError):
            how(settings, asked.id, "x")

    run_at_once(lambda: decide(approvals.approve), lambda: decide(approvals.reject))
    first = next(e for e in Ledger(settings.ledger_path).entries() if e.kind != "approval.requested")
    assert approvals.find(settings, asked.id).decision_hash == first.hash


@pytest.mark.parametrize("actor", ["anna", "dora", "stranger"])
def test_only_an_approver_decides(team, actor):
    asked = _ask(team("anna"))
    with pytest.raises(FairleadError, match="'decide' needs: approver"):
        approvals.approve(team(actor), asked.id)
    with pytest.raises(FairleadError, match="'decide' needs: approver"):
        approvals.reject(team(actor), asked.id, "no")


def test_four_eyes_keep_apart_who_asks_and_who_decides(team):
    asked = _ask(team("ben"))
    with pytest.raises(FairleadError, match="the roles file wants four eyes"):
        approvals.approve(team("ben"), asked.id)
    assert approvals.approve(team("carl"), asked.id).state == "given"


def test_four_eyes_keep_apart_who_registered_and_who_decides(team):
    payload = {"digest": DIGEST, "use_case": "sba_loans", "version": 1}
    Ledger(team("carl").ledger_path).append("registry.registered", payload, "carl")
    asked = _ask(team("anna"))
    with pytest.raises(FairleadError, match="the roles file wants four eyes"):
        approvals.approve(team("carl"), asked.id)


def test_an_unknown_approval_is_named_with_those_that_are_open(settings):
    asked = _ask(settings)
    with pytest.raises(FairleadError, match=f"unknown approval 'x'; allowed: {asked.id}"):
        approvals.approve(settings, "x")


def test_an_approval_is_for_one_digest(settings):
    asked = _ask(settings)
    approvals.approve(settings, asked.id)
    with pytest.raises(FairleadError, match="is for sba_loans version 1"):
        approvals.require_given(settings, asked.id, "sba_loans", 1, "e" * 64)
    assert approvals.require_given(settings, asked.id, "sba_loans", 1, DIGEST).state == "given"


def test_an_approval_in_a_forged_ledger_does_not_count(settings):
    asked = _ask(settings)
    approvals.reject(settings, asked.id, "no")
    with sqlite3.connect(settings.ledger_path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("UPDATE entries SET kind = 'approval.given' WHERE number = 2")
    with pytest.raises(IntegrityError, match="entry 2"):
        approvals.require_given(settings, asked.id, "sba_loans", 1, DIGEST)
