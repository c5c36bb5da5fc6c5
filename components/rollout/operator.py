"""``python -m components.rollout.operator --namespace NAME``: run the ModelRollouts of a namespace.

Any number of these may run: for each rollout one is active, and another takes over when it ends or falls silent. All
state is in the cluster; a process may be killed anywhere.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

import kopf

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.rollout.attendant import RETRY_SECONDS, Attendant
from components.rollout.kubernetes_objects import ROLLOUTS, Objects
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.store import this_process

TICK_SECONDS = 1.0

FINALIZER = "fairlead.dev/safe-traffic"

THREADS = 32

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds its own namespace."""


def registry(attendant: Attendant) -> kopf.OperatorRegistry:
    """Return kopf's handlers; all they do is to call the attendant.

    Args:
        attendant: that does the work.
    """
    made = kopf.OperatorRegistry()

    @kopf.on.startup(registry=made)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.persistence.finalizer = FINALIZER
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=ROLLOUTS.group)
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=ROLLOUTS.group)
        settings.posting.enabled = False
        settings.scanning.disabled = True  # it would ask for rights on the whole cluster
        settings.execution.max_workers = THREADS

    @kopf.on.login(registry=made)
    def login(**known: Any) -> Any:
        return kopf.login_via_client(**known)

    @kopf.timer(*ROLLOUTS, interval=TICK_SECONDS, initial_delay=0, registry=made)
    def tick(body: kopf.Body, **_: Any) -> None:
        _trying(lambda: attendant.attend(_plain(body)))

    @kopf.on.delete(*ROLLOUTS, registry=made)
    def delete(body: kopf.Body, **_: Any) -> None:
        ended = _trying(lambda: attendant.end(_plain(body)))
        if not ended:
            raise kopf.TemporaryError("traffic is not safe yet", delay=RETRY_SECONDS)
        attendant.leave(_plain(body))

    @kopf.on.cleanup(registry=made)
    def leave(**_: Any) -> None:
        attendant.leave_all()

    return made


def main(words: list[str]) -> int:
    """Run until told to stop; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m components.rollout.operator", description=__doc__)
    parser.add_argument("--namespace", default="", help="whose rollouts; in a pod its own when not given")
    parser.add_argument("--liveness", default=None, metavar="URL", help="answer here while alive: http://0.0.0.0:8080/")
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line for every tick
    try:
        namespace = options.namespace or _own_namespace()
        attendant = Attendant(Objects(namespace), KubernetesCluster(namespace), read_settings(), this_process())
    except FairleadError as error:
        parser.error(str(error))
    kopf.run(registry=registry(attendant), namespaces=[namespace], standalone=True, liveness_endpoint=options.liveness)
    return 0


def _trying(call: Any) -> Any:
    """Call; what fails is tried again soon, and its text is told without a trace."""
    try:
        return call()
    except FairleadError as error:
        raise kopf.TemporaryError(str(error), delay=RETRY_SECONDS) from error


def _plain(body: kopf.Body) -> dict[str, Any]:
    """Return the object as a plain document."""
    return dict(body)


def _own_namespace() -> str:
    try:
        return NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise FairleadError("whose rollouts? give --namespace: this runs in no pod") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
