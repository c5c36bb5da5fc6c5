"""The stage of the rollout demonstration: a proxy, two model servers, a client, and a controller in this process."""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.core.config import Settings
from components.core.errors import FairleadError
from components.registry import approvals
from components.rollout import history
from components.rollout.controller import Controller
from components.rollout.plan import Plan
from components.rollout.planes.machine import MachinePlane
from components.rollout.state import Phase, Rollout, State
from pipelines.live_traffic import Call, send
from pipelines.rollout_around import around, machine_of, on_envoy, predictions_of, store_of
from pipelines.runners.local import Say

RATE = 350.0
"""Requests a second: what a client, Envoy and two model servers share two cores for with room to spare."""
DELAY = 1.0
"""Seconds from a loan to its outcome: three years, as the demonstration counts them."""
QUIET_LOOKS = 6
"""So often is looked at a candidate that nobody calls."""
PATIENCE = 60.0
"""Seconds in which a candidate with traffic has to get its verdict."""


@dataclass(frozen=True)
class Scenario:
    """One candidate.

    Args:
        name: of its rollout.
        story: what is wrong, or right, with it.
        expected: the phase that its rollout should end in; ``running`` says that it is held until it is aborted.
        bundle: URI of the candidate.
        hooks: the candidate server's, empty for none.
    """

    name: str
    story: str
    expected: Phase
    bundle: str
    hooks: str = ""


@dataclass(frozen=True)
class Ended:
    """What became of a candidate.

    Args:
        scenario: who it was.
        phase: in which its rollout was left to itself.
        reason: the controller's word for it.
        looks: how often was looked.
        seconds: from its first traffic to the verdict.
        weights: the candidate's percentages, in order.
    """

    scenario: Scenario
    phase: Phase
    reason: str
    looks: int
    seconds: float
    weights: tuple[int, ...]


class Stage:
    """Where candidates come on one after the other; the stable model stays until one beats it.

    Args:
        settings: of the demonstration's own home.
        stable: URI of the reigning model.
        say: takes one line of progress.
    """

    def __init__(self, settings: Settings, stable: str, say: Say) -> None:
        self.settings = settings
        self.store = store_of(settings)
        self._stable = stable
        self._say = say

    def close(self) -> None:
        """Stop every process."""
        MachinePlane(machine_of(self.settings), self.settings).close()

    def show(self, scenario: Scenario, plan: Plan, loans: Sequence[Call]) -> Ended:
        """Roll one candidate out.

        Args:
            scenario: who it is.
            plan: by which.
            loans: who calls; nobody when it is empty.
        """
        rollout = Rollout(
            id=scenario.name,
            plan=plan,
            stable=self._stable,
            candidate=scenario.bundle,
            plane="envoy",
            actor=self.settings.actor,
            started=datetime.now(UTC),
        )
        made = on_envoy(self.settings, rollout, scenario.hooks)
        made.open()
        made.admit()
        history.start(self.store, rollout)
        controller = Controller(scenario.name, around(self.settings, rollout, made))
        client = self._client(made.url, loans)
        began = time.monotonic()
        try:
            if loans:
                self._run(controller, rollout, began + PATIENCE)
            else:
                self._idle(controller, plan)
            seconds, state = time.monotonic() - began, controller.history.state
            if not state.final:
                self._end(controller)
        finally:
            if client is not None:
                client.terminate()
                client.join()
        return self._ended(scenario, state, seconds)

    def _run(self, controller: Controller, rollout: Rollout, deadline: float) -> None:
        def wait(seconds: float) -> None:
            if time.monotonic() > deadline:
                raise FairleadError(f"rollout {rollout.id} has no verdict after {PATIENCE:g} s")
            if controller.history.state.phase == "awaiting_approval":
                self._approve(rollout)
            time.sleep(seconds)

        controller.run(wait)

    def _idle(self, controller: Controller, plan: Plan) -> None:
        for _ in range(QUIET_LOOKS):
            controller.look()
            time.sleep(plan.look_seconds)

    def _end(self, controller: Controller) -> None:
        wish = {"kind": "abort", "actor": self.settings.actor, "reason": "the demonstration goes on"}
        history.record_wish(self.store, controller.history.rollout.id, wish, datetime.now(UTC))
        controller.run(time.sleep)

    def _approve(self, rollout: Rollout) -> None:
        asked = approvals.approvals(self.settings, rollout.plan.use_case)
        for a in asked:
            if a.state == "requested":
                approvals.approve(self.settings, a.id, "its rollout has shown that it is better")
                self._say(
                    f"  {rollout.id}: approval {a.id} given by {self.settings.actor!r}, now that it has earned it"
                )

    def _client(self, url: str, loans: Sequence[Call]) -> "multiprocessing.process.BaseProcess | None":
        if not loans:
            return None
        # In a process of its own: the controller's arithmetic must not hold up the clients.
        client = multiprocessing.get_context("spawn").Process(
            target=send, args=(url, loans, RATE, predictions_of(self.settings), DELAY), daemon=True
        )
        client.start()
        return client

    def _ended(self, scenario: Scenario, state: State, seconds: float) -> Ended:
        looks = history.looks(self.store, scenario.name)
        weights = [look.decision.traffic.candidate for look in looks]
        changes = [w for i, w in enumerate(weights) if i == 0 or w != weights[i - 1]]
        return Ended(scenario, state.phase, state.reason, len(looks), seconds, tuple(changes))


def stage_home(settings: Settings, folder: Path) -> Settings:
    """Return settings for a home of the stage's own, where copies of registry and ledger go.

    Args:
        settings: of the real home; keys and bundles stay there.
        folder: of the stage.
    """
    return settings.model_copy(
        update={
            "home": folder,
            "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
            "ledger_path": folder / "ledger.db",
        }
    )
