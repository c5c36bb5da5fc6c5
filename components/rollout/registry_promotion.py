"""The registry's approvals and aliases, behind the interface of promotions."""

from datetime import datetime

from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry import approvals
from components.registry.approvals import Approval
from components.registry.registry import Registry
from components.registry.version import Version
from components.rollout.state import Rollout

MODELS = "models:/"
"""What the URI of a registered version begins with."""


class ByRegistry:
    """The registry's approvals and aliases.

    Args:
        settings: where registry and ledger are, and who acts: operators may ask and promote.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, Version] = {}

    def approval(self, rollout: Rollout) -> str | None:
        """Return the id of an approval that was given for the candidate's very bytes and is not used.

        Raises:
            FairleadError: the candidate is not in the registry.
            IntegrityError: the ledger was tampered with.
        """
        version = self._version(rollout)
        given = [a.id for a in self._about(version) if a.state == "given"]
        if not given:
            return None
        last = given[-1]
        return approvals.require_given(self._settings, last, version.use_case, version.version, version.digest).id

    def refusal(self, rollout: Rollout) -> str | None:
        """Return who refused the approval since the rollout began and why, unless it was asked for anew after that."""
        asked = self._about(self._version(rollout))
        if not asked or asked[-1].state != "rejected" or asked[-1].decided_at is None:
            return None
        if datetime.fromisoformat(asked[-1].decided_at) < rollout.started:
            return None
        return f"{asked[-1].decided_by}: {asked[-1].reason}"

    def ask(self, rollout: Rollout) -> None:
        """Ask for the approval unless there is one that is open or given, or it was refused since the rollout began.

        Raises:
            FairleadError: the actor may not ask.
        """
        version = self._version(rollout)
        there = any(a.state in ("requested", "given") for a in self._about(version))
        if not there and self.refusal(rollout) is None:
            Registry(self._settings).request(version.use_case, version.version)

    def promote(self, rollout: Rollout, approval: str | None) -> None:
        """Make the candidate champion with an approval; one that was used for it already changes nothing.

        Raises:
            FairleadError: there is no approval, it does not hold for the candidate, or the actor may not promote.
        """
        if approval is None:
            raise FairleadError(f"{rollout.candidate} needs an approval, and rollout {rollout.id} rests on none")
        if not self.promoted(rollout, approval):
            version = self._version(rollout)
            Registry(self._settings).promote(version.use_case, version.version, approval)

    def promoted(self, _rollout: Rollout, approval: str | None) -> bool:
        """Whether the approval was used up, which is the last thing that a promotion does.

        Raises:
            IntegrityError: the ledger was tampered with.
        """
        return approval is not None and approvals.find(self._settings, approval).state == "used"

    def _version(self, rollout: Rollout) -> Version:
        if rollout.candidate not in self._known:
            use_case, number = parse(rollout.candidate)
            self._known[rollout.candidate] = Registry(self._settings).version(use_case, number)
        return self._known[rollout.candidate]

    def _about(self, version: Version) -> list[Approval]:
        mine = approvals.approvals(self._settings, version.use_case)
        return [a for a in mine if (a.version, a.digest) == (version.version, version.digest)]


def parse(uri: str) -> tuple[str, str]:
    """Take the URI of a registered version apart.

    Raises:
        FairleadError: it is not one.

    >>> parse("models:/sba_loans/2")
    ('sba_loans', '2')
    """
    use_case, _, number = uri.removeprefix(MODELS).partition("/")
    if not uri.startswith(MODELS) or not use_case or not number.isdecimal():
        raise FairleadError(f"{uri!r} is no registered version; give models:/USE_CASE/NUMBER, or set approval: false")
    return use_case, number
