"""What a rollout on this machine touches: found again from its record alone, by whichever process goes on with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from components.core.ledger import Ledger
from components.registry.store import fetch
from components.rollout import history
from components.rollout.controller import Around
from components.rollout.observe import Observer
from components.rollout.planes.machine import MachinePlane
from components.rollout.planes.memory import MemoryPlane
from components.rollout.promotion import NoRegistry, Promotion
from components.rollout.registry_promotion import ByRegistry
from components.rollout.state import Observation, Rollout, State
from components.rollout.store import SqliteStore, this_process
from components.rollout.supervisor import model_server
from components.rollout.traffic import Plane, Variant
from components.training.bundle import Bundle


@dataclass(frozen=True)
class Machinery:
    """A plane on this machine.

    Args:
        plane: shares the requests out.
        observe: looks.
        open: has the stable model answer; doing it again changes nothing.
        admit: starts the candidate; doing it again changes nothing.
        url: where requests are taken, empty where none are.
    """

    plane: Plane
    observe: Callable[[State], Observation]
    open: Callable[[], None]
    admit: Callable[[], None]
    url: str


def store_of(settings: Settings) -> SqliteStore:
    """Return the store of this machine's rollouts."""
    return SqliteStore(settings.home / "rollouts.db")


def predictions_of(settings: Settings) -> Path:
    """Return the file of this machine's prediction log, which takes the outcomes too."""
    return settings.home / "predictions.db"


def machine_of(settings: Settings) -> Path:
    """Return the folder of this machine's proxy and model servers."""
    return settings.home / "machine"


def machinery(settings: Settings, rollout: Rollout) -> Machinery:
    """Return the plane that a rollout is recorded with, and what goes with it.

    Raises:
        FairleadError: there is no such plane on a single machine.
    """
    if rollout.plane not in PLANES:
        raise unknown("plane", rollout.plane, PLANES, "On a cluster the operator runs rollouts.")
    return PLANES[rollout.plane](settings, rollout)


def around(settings: Settings, rollout: Rollout, made: Machinery) -> Around:
    """Return all that a controller of the rollout touches."""
    promotion: Promotion = ByRegistry(settings) if rollout.plan.approval else NoRegistry()
    return Around(
        store=store_of(settings),
        ledger=Ledger(settings.ledger_path),
        plane=made.plane,
        observe=made.observe,
        promotion=promotion,
        holder=this_process(),
        actor=settings.actor,
    )


def on_envoy(settings: Settings, rollout: Rollout, hooks: str = "") -> Machinery:
    """Return real model servers behind a real Envoy.

    Args:
        settings: whose home everything is below.
        rollout: which two models.
        hooks: the candidate server's, empty for none.
    """
    log = f"sqlite:///{predictions_of(settings)}"

    def command(variant: Variant, bundle: str, port: int) -> list[str]:
        line = [*model_server(variant, bundle, port), "--log", log]
        return [*line, "--hooks", hooks] if hooks and variant == "candidate" else line

    plan = rollout.plan
    plane = MachinePlane(
        machine_of(settings), settings, sticky_header=plan.sticky_header, salt=rollout.id, command=command
    )

    def open_() -> None:
        plane.open(rollout.stable)
        serving = plane.supervisor.servers("stable")[0].bundle
        if serving != rollout.stable and not (serving == rollout.candidate and _has_won(settings, rollout)):
            raise FairleadError(
                f"{serving} is served as the stable model here, not {rollout.stable}; start with --stable {serving}"
            )

    def admit() -> None:
        plane.admit(rollout.candidate)

    bundles = _bundles(settings, rollout) if plan.rescore else None
    outcomes = predictions_of(settings)
    observe = Observer(plan, plane, rollout.started, log, plane.access_log, outcomes, bundles)
    return Machinery(plane, observe, open_, admit, f"{plane.url}/v2/models/{plan.use_case}/infer")


def _memory(_settings: Settings, rollout: Rollout) -> Machinery:
    def observe(_state: State) -> Observation:
        return Observation(at=datetime.now(UTC))

    def nothing() -> None:
        """There are no servers."""

    return Machinery(MemoryPlane(salt=rollout.id), observe, nothing, nothing, "")


PLANES: Mapping[str, Callable[[Settings, Rollout], Machinery]] = {"envoy": on_envoy, "memory": _memory}
"""``memory`` serves nothing and sees nothing: for trying the commands."""


def _has_won(settings: Settings, rollout: Rollout) -> bool:
    """Whether the candidate is the stable model's successor: it may stand in its place before the record is closed."""
    return history.read(store_of(settings), rollout.id).state.phase == "promoted"


def _bundles(settings: Settings, rollout: Rollout) -> Mapping[Variant, Bundle]:
    folder = settings.home / "fetched"
    return {
        "stable": Bundle.open(fetch(rollout.stable, folder, settings)),
        "candidate": Bundle.open(fetch(rollout.candidate, folder, settings)),
    }
