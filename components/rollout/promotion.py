"""The last step's door: which approval there is, and making a candidate the reigning model."""

from typing import Protocol

from components.rollout.state import Rollout


class Promotion(Protocol):
    """Whoever knows which approvals there are, and makes a candidate the reigning model."""

    def approval(self, rollout: Rollout) -> str | None:
        """Return the id of an approval that was given for the candidate and can be used; None when there is none."""
        ...

    def refusal(self, rollout: Rollout) -> str | None:
        """Return who refused the approval since the rollout began, and why; None when nobody did."""
        ...

    def ask(self, rollout: Rollout) -> None:
        """See to it that the approval is asked for; asking twice is asking once."""
        ...

    def promote(self, rollout: Rollout, approval: str | None) -> None:
        """Make the candidate the reigning model; killed anywhere and called again, it goes on where it stopped.

        Raises:
            FairleadError: the approval does not allow it, or the actor may not.
        """
        ...

    def promoted(self, rollout: Rollout, approval: str | None) -> bool:
        """Whether the candidate was made the reigning model on this approval; asking changes nothing."""
        ...


class NoRegistry:
    """For models outside the registry: nothing to ask, nobody to tell."""

    def approval(self, _rollout: Rollout) -> None:
        """Return None: there are no approvals."""

    def refusal(self, _rollout: Rollout) -> None:
        """Return None: nobody is asked."""

    def ask(self, _rollout: Rollout) -> None:
        """Do nothing."""

    def promote(self, _rollout: Rollout, _approval: str | None) -> None:
        """Do nothing: the traffic alone makes the model reign."""

    def promoted(self, _rollout: Rollout, _approval: str | None) -> bool:
        """Return False: nobody has noted it."""
        return False
