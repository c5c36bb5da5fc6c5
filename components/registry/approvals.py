"""Approvals: asked for, given or refused by a role, kept in the ledger, and used once."""

import uuid
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from components.core.ledger import Entry, Ledger

REQUESTED, GIVEN, REJECTED = "approval.requested", "approval.given", "approval.rejected"
REGISTERED, PROMOTED, SIGNED = "registry.registered", "registry.promoted", "registry.signed"

State = Literal["requested", "given", "rejected", "used"]


class Approval(BaseModel):
    """A request to make one version champion, and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    use_case: str
    version: int
    digest: str
    """Digest of the bundle; an approval holds for these bytes and no others."""
    state: State
    requested_by: str
    requested_at: str
    decided_by: str | None = None
    decided_at: str | None = None
    reason: str = ""
    """What the decision was given with."""
    decision_hash: str | None = None
    """Hash of the ledger entry of the decision."""


def request(settings: Settings, use_case: str, version: int, digest: str) -> Approval:
    """Ask for the approval of a version.

    Raises:
        FairleadError: the actor may not ask.
    """
    read_access(settings).require(settings.actor, "request")
    payload = {"id": uuid.uuid4().hex[:12], "use_case": use_case, "version": version, "digest": digest}
    entry = Ledger(settings.ledger_path).append(REQUESTED, payload, settings.actor)
    return _approval(entry, [entry])


def approve(settings: Settings, approval: str, reason: str = "") -> Approval:
    """Give an approval that was asked for.

    Raises:
        FairleadError: no such request, it is decided already, the actor may not decide, or four eyes are needed and
            the actor registered the model or asked.
    """
    return _decide(settings, approval, GIVEN, reason)


def reject(settings: Settings, approval: str, reason: str) -> Approval:
    """Refuse an approval for good; a new request is needed after it.

    Raises:
        FairleadError: as for ``approve``.
    """
    return _decide(settings, approval, REJECTED, reason)


def approvals(settings: Settings, use_case: str | None = None) -> list[Approval]:
    """List the requests and what became of them, oldest first."""
    entries = Ledger(settings.ledger_path).entries()
    asked = [_approval(e, entries) for e in entries if e.kind == REQUESTED]
    return [a for a in asked if use_case in {None, a.use_case}]


def find(settings: Settings, approval: str) -> Approval:
    """Return one approval.

    Raises:
        FairleadError: there is none with this id; lists those still open.
    """
    known = approvals(settings)
    for a in known:
        if a.id == approval:
            return a
    pending = [f"{a.id} ({a.use_case} {a.version}, {a.state})" for a in known if a.state in {"requested", "given"}]
    raise unknown("approval", approval, pending, "Ask for one first.")


def require_given(settings: Settings, approval: str, use_case: str, version: int, digest: str) -> Approval:
    """Return an approval that was given, is not used, and is for this very model.

    Raises:
        FairleadError: it is not; says what it is instead.
        IntegrityError: the ledger was tampered with.
    """
    Ledger(settings.ledger_path).verify()
    found = find(settings, approval)
    if (found.use_case, found.version, found.digest) != (use_case, version, digest):
        raise FairleadError(
            f"approval {approval} is for {found.use_case} version {found.version} (digest {found.digest[:12]}…), not "
            f"for {use_case} version {version} (digest {digest[:12]}…); ask for one for this version"
        )
    if found.state != "given":
        raise FairleadError(
            f"approval {approval} is {found.state}; only one that is given can be used: ask for a new one"
        )
    return found


def _decide(settings: Settings, approval: str, kind: str, reason: str) -> Approval:
    access = read_access(settings)
    access.require(settings.actor, "decide")
    asked = find(settings, approval)
    _require_open(asked)
    if access.four_eyes and settings.actor in _involved(settings, asked):
        raise FairleadError(
            f"actor {settings.actor!r} registered {asked.use_case} version {asked.version} or asked for its approval; "
            "the roles file wants four eyes: someone else has to decide"
        )
    ledger = Ledger(settings.ledger_path)
    payload = {**asked.model_dump(include={"id", "use_case", "version", "digest"}), "reason": reason}
    mine = ledger.append(kind, payload, settings.actor)
    decided = find(settings, approval)
    if decided.decision_hash != mine.hash:
        _require_open(decided)  # someone else was quicker: the first decision in the ledger counts
    return decided


def _require_open(approval: Approval) -> None:
    if approval.state != "requested":
        raise FairleadError(
            f"approval {approval.id} was decided by {approval.decided_by} at {approval.decided_at}: {approval.state}; "
            "ask for a new one"
        )


def _involved(settings: Settings, asked: Approval) -> set[str]:
    entries = Ledger(settings.ledger_path).entries(REGISTERED)
    return {e.actor for e in entries if e.payload["digest"] == asked.digest} | {asked.requested_by}


def _approval(asked: Entry, entries: list[Entry]) -> Approval:
    decision = next(_about(asked, entries, GIVEN, REJECTED), None)
    used = any(e.kind == PROMOTED and e.payload["approval"] == asked.payload["id"] for e in entries)
    if decision is None:
        return Approval(**asked.payload, state="requested", requested_by=asked.actor, requested_at=asked.at)
    state: State = "rejected" if decision.kind == REJECTED else "used" if used else "given"
    return Approval(
        **asked.payload,
        state=state,
        requested_by=asked.actor,
        requested_at=asked.at,
        decided_by=decision.actor,
        decided_at=decision.at,
        reason=decision.payload["reason"],
        decision_hash=decision.hash,
    )


def _about(asked: Entry, entries: list[Entry], *kinds: str) -> Iterator[Entry]:
    return (e for e in entries if e.kind in kinds and e.payload["id"] == asked.payload["id"])
