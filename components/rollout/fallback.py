"""What becomes of the traffic while no look can be recorded, and so nobody may answer harm."""

import contextlib
import logging

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.rollout.promotion import Promotion
from components.rollout.state import Rollout, State
from components.rollout.traffic import Plane, Traffic

logger = logging.getLogger(__name__)

LOST = "rollout.record_lost"
"""Kind of the ledger's record that no look could be recorded for a while, and the stable model answers therefore."""

MOST_FAILED = 10
"""So many looks in a row that could not be recorded put the traffic to the stable model."""


class Fallback:
    """Counts the looks of one controller that could not be recorded, and puts the traffic to the stable model in time.

    It moves once, which log and ledger tell. From then on the rollout can only end: with the first look that can be
    recorded again it is rolled back, so that a store that comes and goes does not move users to and fro. A look that
    saw nothing but could be recorded is no failure here: it holds the weights, and health still counts.

    Args:
        rollout: whose looks.
        plane: shares the requests out.
        ledger: told of it.
        promotion: knows whether the candidate reigns already; nothing goes back then.
        actor: for the ledger.
    """

    def __init__(self, rollout: Rollout, plane: Plane, ledger: Ledger, promotion: Promotion, actor: str) -> None:
        self._rollout, self._plane, self._ledger = rollout, plane, ledger
        self._promotion, self._actor = promotion, actor
        self._failed = 0
        self._asked = False
        self.lost = ""
        """Why the record was lost; empty while it is kept."""

    def recall(self) -> None:
        """Ask the ledger, once, whether the record was lost under a controller before this one."""
        if self._asked:
            return
        with contextlib.suppress(Exception):  # a ledger that cannot be read stops no look; it is asked at the next one
            told = [e.payload for e in self._ledger.entries(LOST)]
            mine = [str(p["reason"]) for p in told if p["rollout"] == self._rollout.id]
            self.lost, self._asked = self.lost or "; ".join(mine), True

    def kept(self) -> None:
        """A look was recorded, or it was nobody's turn."""
        self._failed = 0

    def failed(self, error: Exception, state: State) -> None:
        """Say that a look could not be recorded by whoever has the right to run the rollout.

        Args:
            error: why.
            state: after the last look that was recorded.
        """
        self._failed += 1
        if self._failed < MOST_FAILED or self.lost or state.final or state.traffic == Traffic():
            return
        try:
            if not self._may_go_back(state):
                return
            self._plane.apply(Traffic())
        except Exception:
            logger.exception("rollout %s: nothing can be recorded, and the traffic does not move", self._rollout.id)
            return
        words = str(error) if isinstance(error, FairleadError) else f"{type(error).__name__}: {error}"
        self.lost = (
            f"{self._failed} looks in a row could not be recorded, so the traffic was put to the stable model; "
            f"the last reason: {words}"
        )
        logger.critical("rollout %s: %s", self._rollout.id, self.lost)
        self._tell()

    def _may_go_back(self, state: State) -> bool:
        well = self._plane.healthy()
        if well.get("stable") is False and well.get("candidate") is not False:
            return False  # nobody is sent to a model that cannot answer
        return state.phase != "promoting" or not self._promotion.promoted(self._rollout, state.approval)

    def _tell(self) -> None:
        payload = {"rollout": self._rollout.id, "traffic": Traffic().model_dump(mode="json"), "reason": self.lost}
        try:
            self._ledger.append(LOST, payload, self._actor, once="rollout")
        except Exception:
            logger.exception("rollout %s: the ledger could not be told either", self._rollout.id)
