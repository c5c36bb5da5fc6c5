"""What an operator does with each ModelRollout: look when it is time, take up wishes, and end it safely."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.rollout import history as histories
from components.rollout.controller import Around, Controller
from components.rollout.kubernetes_events import announce
from components.rollout.kubernetes_objects import ROLLOUTS, Objects
from components.rollout.kubernetes_planes import kind_of, plane_of
from components.rollout.kubernetes_store import KubernetesStore
from components.rollout.model_rollout import Spec, id_of, rollout_of, spec_of
from components.rollout.planes.cluster import Cluster, Json
from components.rollout.prometheus_observer import PrometheusObserver
from components.rollout.promotion import NoRegistry, Promotion
from components.rollout.registry_promotion import ByRegistry
from components.rollout.state import Observation, Rollout, State
from components.rollout.traffic import Plane, Traffic

logger = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
"""After a look that failed, or that another operator has the right to, so long until the next."""


@dataclass
class _Attended:
    """One rollout, as this process knows it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    controller: Controller | None = None
    next_look: float = 0.0
    announced: int = 0


class Attendant:
    """Attends to the rollouts of one namespace; may be called by many threads, and beside others of its kind.

    Args:
        objects: the namespace's objects.
        cluster: the same, as the planes see it.
        settings: where registry and ledger are, and who acts.
        holder: name of this process among all operators.
        clock: the present time, UTC.
    """

    def __init__(
        self,
        objects: Objects,
        cluster: Cluster,
        settings: Settings,
        holder: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._objects = objects
        self._cluster = cluster
        self._settings = settings
        self._holder = holder
        self._clock = clock
        self._store = KubernetesStore(objects)
        self._all: dict[str, _Attended] = {}
        self._lock = threading.Lock()

    def attend(self, found: Json) -> None:
        """Do what is due: called every second or so for each rollout.

        Args:
            found: the object, as it was seen last.

        Raises:
            FairleadError: the API cannot be reached, or refuses.
        """
        if found.get("status", {}).get("settled"):
            self.leave(found)
            return
        mine = self._attended(found)
        with mine.lock:
            wished = found["spec"].get("wish") != found.get("status", {}).get("wish")
            if not wished and self._clock().timestamp() < mine.next_look:
                return
            mine.next_look = self._clock().timestamp() + RETRY_SECONDS
            try:
                controller = self._controller(mine, found)
                if wished:
                    self._take_wish(found)
            except FairleadError as error:
                self._report(found, str(error))
                return
            began = self._clock().timestamp()
            if controller.attempt():
                mine.next_look = began + controller.history.rollout.plan.look_seconds
            self._announce(mine, found)

    def end(self, found: Json) -> bool:
        """Bring a rollout whose object is being deleted to a safe end: what is not over is aborted first.

        Returns:
            Whether it is at an end. Nothing is left to be done, too, where what shared its requests out is gone.

        Raises:
            FairleadError: the API cannot be reached, or refuses.
        """
        mine = self._attended(found)
        with mine.lock:
            try:
                spec, rollout = spec_of(found), rollout_of(found)
            except FairleadError:
                return True  # it was never begun
            if self._cluster.get(kind_of(spec), spec.traffic.name) is None:
                return True
            known = histories.read(self._store, rollout.id)
            if known.settled or _never_begun(found):
                return True
            if not known.state.final and not any(w.kind == "abort" for w in known.wishes):
                wish = {"kind": "abort", "actor": self._settings.actor, "reason": "the ModelRollout is deleted"}
                histories.record_wish(self._store, rollout.id, wish, self._clock())
            controller = self._controller(mine, found)
            controller.attempt()
            self._announce(mine, found)
            return controller.history.settled

    def leave(self, found: Json) -> None:
        """Give the right to run a rollout back, and forget it."""
        with self._lock:
            there = self._all.pop(id_of(found), None)
        if there is not None:
            self._store.release(id_of(found), self._holder)

    def leave_all(self) -> None:
        """Give all rights back, so that another operator goes on at once."""
        with self._lock:
            names = list(self._all)
            self._all.clear()
        for name in names:
            try:
                self._store.release(name, self._holder)
            except FairleadError as error:
                logger.warning("rollout %s: %s; another takes over when the right runs out", name, error)

    def _attended(self, found: Json) -> _Attended:
        with self._lock:
            return self._all.setdefault(id_of(found), _Attended())

    def _controller(self, mine: _Attended, found: Json) -> Controller:
        if mine.controller is None:
            spec, rollout = spec_of(found), rollout_of(found)
            self._require(rollout.actor)
            self._refuse_second(found, spec)
            mine.controller = Controller(rollout.id, self._around(spec, rollout))
        return mine.controller

    def _around(self, spec: Spec, rollout: Rollout) -> Around:
        plane = plane_of(spec, self._cluster)
        observer = PrometheusObserver(
            spec.plan,
            plane,
            rollout.started,
            {"stable": spec.stable, "candidate": spec.candidate},
            spec.metrics,
            lambda: self._store.weights(rollout.id),
            self._clock,
        )
        promotion: Promotion = ByRegistry(self._settings) if spec.plan.approval else NoRegistry()
        return Around(
            store=self._store,
            ledger=Ledger(self._settings.ledger_path),
            plane=plane,
            observe=_admitting(plane, observer),
            promotion=promotion,
            holder=self._holder,
            actor=self._settings.actor,
            clock=self._clock,
        )

    def _refuse_second(self, found: Json, spec: Spec) -> None:
        """Two rollouts at a time would fight over the traffic: the one that looked first goes on."""
        for other in self._objects.list(ROLLOUTS):
            status = other.get("status", {})
            same = _target(other) == (kind_of(spec), spec.traffic.name) and id_of(other) != id_of(found)
            begun = bool(status.get("events")) or _age(other) < _age(found)
            if same and begun and not status.get("settled") and not found.get("status", {}).get("events"):
                raise FairleadError(
                    f"ModelRollout {other['metadata']['name']} shares out the requests of {kind_of(spec)} "
                    f"{spec.traffic.name} and is not over; this one begins when it is"
                )

    def _take_wish(self, found: Json) -> None:
        wish = found["spec"].get("wish")
        if wish is not None:
            self._require(wish["actor"])
        self._store.take_wish(id_of(found), self._clock())

    def _require(self, actor: str) -> None:
        """Let an actor pass whom the roles file allows to run rollouts; without one the cluster's own rights decide."""
        if self._settings.roles is not None:
            read_access(self._settings).require(actor, "rollout")

    def _report(self, found: Json, text: str) -> None:
        """Tell on the object what keeps it from being run; once."""
        logger.warning("rollout %s: %s", id_of(found), text)
        if found.get("status", {}).get("failure") != text:
            waiting = {"phase": "waiting", "weight": 0} if not found.get("status", {}).get("phase") else {}
            now = self._objects.get(ROLLOUTS, found["metadata"]["name"])
            if now is not None:
                self._objects.patch_status(ROLLOUTS, now, {"failure": text, **waiting})

    def _announce(self, mine: _Attended, found: Json) -> None:
        events = self._store.events(id_of(found), after=mine.announced)
        announce(self._objects, found, events, self._holder, self._clock())
        mine.announced = events[-1].sequence if events else mine.announced


def _admitting(plane: Plane, observe: Callable[[State], Observation]) -> Callable[[State], Observation]:
    """Before a candidate can answer it has to be there: bring it in without requests, as often as is looked."""

    def admit_and_look(state: State) -> Observation:
        if state.phase == "starting":
            plane.apply(Traffic())
        return observe(state)

    return admit_and_look


def _never_begun(found: Json) -> bool:
    return not found.get("status", {}).get("events")


def _target(found: Json) -> tuple[str, str]:
    traffic = found["spec"].get("traffic", {})
    return ("HTTPRoute" if traffic.get("mode") == "httproute" else "InferenceService"), traffic.get("name", "")


def _age(found: Json) -> tuple[str, str]:
    return found["metadata"]["creationTimestamp"], found["metadata"]["uid"]
