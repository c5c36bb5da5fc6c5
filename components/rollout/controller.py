"""The controller: looks, lets the decision be made, records it, and then brings it about."""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.rollout import history as histories
from components.rollout.decide import decide
from components.rollout.fallback import Fallback
from components.rollout.history import History
from components.rollout.promotion import Promotion
from components.rollout.state import Observation, Rollout, State
from components.rollout.store import Event, Overtaken, Store
from components.rollout.traffic import Plane, Variant

logger = logging.getLogger(__name__)

STARTED, DECIDED = "rollout.started", "rollout.decided"
"""Kinds of the ledger's records: a start; each decision that changes phase or traffic."""

WAKE_SECONDS = 1.0
"""Between two looks, wishes are looked for so often; what failed is tried again after so long."""
_WINNER: Mapping[str, Variant] = {"promoted": "candidate", "rolled_back": "stable", "aborted": "stable"}


def _never(_state: State) -> bool:
    return False


@dataclass(frozen=True)
class Around:
    """What a controller touches.

    Args:
        store: remembers; shared by all controllers and commands.
        ledger: where changes of traffic and verdicts are told for good.
        plane: shares out the requests.
        observe: looks; given the state, returns what is to be seen now. May be called twice for one look.
        promotion: knows approvals, and makes the candidate reign.
        clock: the present time, UTC.
        holder: name of this controller among all, see ``store.this_process``.
        actor: who it acts for, for the ledger.
    """

    store: Store
    ledger: Ledger
    plane: Plane
    observe: Callable[[State], Observation]
    promotion: Promotion
    holder: str
    actor: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Controller:
    """Runs one rollout; may be killed anywhere and started again, on this machine or another.

    What was decided is recorded before it is brought about, and bringing it about twice is bringing it about once.
    Several controllers may run: one is active, and another takes over when its right runs out.

    Args:
        rollout: id of one that was started.
        around: what it touches.

    Raises:
        FairleadError: there is no such rollout.
    """

    def __init__(self, rollout: str, around: Around) -> None:
        self._around = around
        self._history = histories.read(around.store, rollout)
        self._told = 0
        self._active = False
        known = self._history.rollout
        self._fallback = Fallback(known, around.plane, around.ledger, around.promotion, around.actor)

    @property
    def history(self) -> History:
        """What this controller knows; another may know more."""
        return self._history

    def look(self) -> bool:
        """Bring about what was decided before, look once, decide, record it, and bring that about.

        Returns:
            False while another controller has the right to run this rollout: nothing was done then.

        Raises:
            FairleadError: something could not be brought about. What was decided is recorded; look again.
        """
        mine = self._mine()
        self._history = histories.follow(self._history, self._around.store)
        self._active = mine
        if not mine:
            return False
        if self._is_over():
            self._bring_about()
            return True
        observation, error = self._observe()
        decision = decide(self._history.rollout.plan, self._history.state, observation)
        try:
            self._history = histories.record_look(self._around.store, self._history, observation, decision, error)
        except Overtaken:  # a wish came in: it counts from the next look on
            return True
        if decision.kind != "hold":
            logger.info("rollout %s: %s: %s", self._history.rollout.id, decision.kind, decision.reason)
        self._bring_about()
        return True

    def run(self, wait: Callable[[float], None], until: Callable[[State], bool] = _never) -> State:
        """Look again and again until the rollout is over and all is brought about.

        A failure of whatever kind is recorded and tried again: giving up would leave the traffic as it should not be.

        Args:
            wait: sleeps for so many seconds, or lets a test's clock pass.
            until: asked after each look; True leaves the rollout as it is, for whoever goes on with it.
        """
        while not self._history.settled:
            began = time.monotonic()
            looked = self.attempt()
            if until(self._history.state):
                break
            if looked:
                self._rest(began, wait)
            elif not self._history.settled:
                wait(WAKE_SECONDS)
        self._around.store.release(self._history.rollout.id, self._around.holder)
        return self._history.state

    def attempt(self) -> bool:
        """Look; a failure of whatever kind is recorded, and the next call tries again.

        Where look after look cannot be recorded, the stable model gets all of the traffic, see ``Fallback``.

        Returns:
            False when nothing was done, or not all.
        """
        looked = self._history.state.looks
        try:
            done = self.look()
        except Exception as error:
            self._tell(error)
            if self._history.state.looks > looked:
                self._fallback.kept()
            elif self._active:
                self._fallback.failed(error, self._history.state)
            return False
        self._fallback.kept()
        return done

    def _is_over(self) -> bool:
        """Bring about what was decided before, and say whether there is nothing left to decide."""
        self._fallback.recall()
        if not self._history.state.final and self._history.look is not None and not self._fallback.lost:
            # What fails here may be the very reason to go back, so it stops no look; it is tried again after it. A
            # registry that has refused already, or an operator's wish, has to wait for what the look decides.
            with contextlib.suppress(FairleadError):
                self._bring_about(promote=not (self._history.failure or self._history.wishes))
        return self._history.state.final

    def _rest(self, began: float, wait: Callable[[float], None]) -> None:
        """Wait for the next look, or for a wish; a clock that is set changes nothing."""
        plan, waited = self._history.rollout.plan, 0.0
        while not self._history.settled:
            left = plan.look_seconds - max(waited, time.monotonic() - began)
            if left <= 0:
                return
            wait(min(left, WAKE_SECONDS))
            waited += min(left, WAKE_SECONDS)
            self._history = histories.follow(self._history, self._around.store)
            if self._history.wishes:
                return

    def _mine(self) -> bool:
        seconds = max(30.0, 3 * self._history.rollout.plan.look_seconds)
        around = self._around
        return around.store.hold(self._history.rollout.id, around.holder, around.clock(), seconds)

    def _observe(self) -> tuple[Observation, str]:
        """Look; what cannot be seen is told, and what can be seen without it still counts."""
        around, known, errors = self._around, self._history, []
        seen = Observation(at=around.clock())
        try:
            seen = around.observe(known.state)
        except Exception as error:
            errors.append(f"nothing could be measured: {_words(error)}")
        extra: dict[str, Any] = {"wish": known.wishes[0] if known.wishes else None, "lost": self._fallback.lost}
        if not seen.healthy:
            extra["healthy"] = dict(around.plane.healthy())
        if known.rollout.plan.approval:
            try:
                extra["approval"] = around.promotion.approval(known.rollout)
                extra["refusal"] = around.promotion.refusal(known.rollout)
            except Exception as error:
                errors.append(f"nobody knows whether it is approved: {error}")
        return seen.model_copy(update=extra), "; ".join(errors)

    def _bring_about(self, *, promote: bool = True) -> None:
        """Do what the last decision asks for; all of it can be done again.

        Args:
            promote: the registry is asked to make a candidate reign that has earned it; else only whether it has.
        """
        if self._history.settled:
            return
        around, rollout, state = self._around, self._history.rollout, self._history.state
        if state.phase != "promoted" and around.plane.current() != state.traffic:
            around.plane.apply(state.traffic)
        self._tell_ledger()
        if state.phase == "awaiting_approval":
            around.promotion.ask(rollout)
        if state.phase == "promoting":
            # The registry first: it may refuse, and then the last share of the traffic must not move.
            self._promote(promote)
            self._tell_ledger()
            state = self._history.state
        if state.final:
            around.plane.finish(_WINNER[state.phase])
            self._history = histories.record_settled(around.store, self._history, around.clock())

    def _promote(self, promote: bool) -> None:
        """Make the candidate reign, and record that it does, whatever else is recorded meanwhile."""
        around, rollout, approval = self._around, self._history.rollout, self._history.state.approval
        if promote:
            around.promotion.promote(rollout, approval)
        elif not around.promotion.promoted(rollout, approval):
            return
        while (known := self._history).state.phase == "promoting" and known.look is not None:
            seen = known.look.observation.model_copy(update={"at": around.clock(), "wish": None, "promoted": True})
            decision = decide(rollout.plan, known.state, seen)
            try:
                self._history = histories.record_look(around.store, known, seen, decision, "")
            except Overtaken:
                self._history = histories.follow(known, around.store)

    def _tell_ledger(self) -> None:
        """Write to the ledger what is not in it yet; after a restart all is compared once."""
        rollout, ledger = self._history.rollout, self._around.ledger
        for event in self._around.store.events(rollout.id, after=self._told):
            if event.kind == "started":
                ledger.append(STARTED, _started(rollout), rollout.actor, once="rollout")
            elif event.kind == "looked" and event.payload["kind"] != "hold":
                ledger.append(DECIDED, _decided(event), self._around.actor, once="decision")
            self._told = event.sequence

    def _tell(self, error: Exception) -> None:
        logger.warning("rollout %s: %s", self._history.rollout.id, _words(error))
        try:
            now, store = self._around.clock(), self._around.store
            self._history = histories.follow(self._history, store)
            self._history = histories.record_failure(store, self._history, now, _words(error))
        except Exception:
            logger.exception("rollout %s: the failure could not be recorded", self._history.rollout.id)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, FairleadError) else f"{type(error).__name__}: {error}"


def _started(rollout: Rollout) -> dict[str, Any]:
    payload = rollout.model_dump(mode="json", include={"stable", "candidate", "plane", "started"})
    return {"rollout": rollout.id, "plan_sha256": _hash(rollout.plan.model_dump(mode="json")), **payload}


def _decided(event: Event) -> dict[str, Any]:
    state, wish = event.payload["state"], event.payload["observation"]["wish"]
    return {
        "decision": f"{event.rollout}#{event.sequence}",
        "rollout": event.rollout,
        "kind": event.payload["kind"],
        **{name: state[name] for name in ("phase", "traffic", "reason", "approval")},
        "asked_by": None if wish is None else wish["actor"],
        "look_sha256": _hash(event.payload),
    }


def _hash(payload: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
