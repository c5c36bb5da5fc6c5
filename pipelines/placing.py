"""What a step is given on Kubernetes, put on its task: for what it is, and for the place that is compiled for.

KFP's own compiler adds to every step ``allowPrivilegeEscalation: false``, no capabilities and the default seccomp
profile, and runs its launcher's init container and its driver as non-root; the number of the user has to be said here.
Argo's own containers in the pod, ``init`` and ``wait``, have theirs from ``executor.securityContext`` of the workflow
controller, which Kubeflow's installation sets; without it a namespace under ``restricted`` refuses the pod.
What ``kfp-kubernetes`` cannot say: a read-only root file system, ``fsGroup`` and a pod without a token. So a claim has
to be writable for the group or user of ``USER`` by itself, and the launcher, which is what really runs in the step's
container, speaks to Kubernetes with the token of the run's service account.
"""

import re
from dataclasses import dataclass

from kfp import kubernetes
from kfp.dsl import PipelineTask

from pipelines.place import Heavy, ObjectStore, Place

USER = 10001
"""User and group of our images, see components/Dockerfile."""

LEDGER_CLAIM_FOLDER = "/var/lib/fairlead"
"""Where a place's claim for the ledger is mounted."""

SCRATCH_FOLDER = "/var/scratch"
"""Where temporary files go where a place limits them."""


@dataclass(frozen=True)
class Needs:
    """What a step needs of the place.

    Args:
        step: its name.
        memory: that it may use, as ``2G``.
        cpu: that it may use, a whole number.
        minutes: until it is stopped.
        heavy: it searches, trains or looks from all sides.
        buckets: it reads or writes buckets itself; artifacts are the launcher's.
        ledger: it reads or writes the ledger.
    """

    step: str
    memory: str
    cpu: str
    minutes: int
    heavy: bool = False
    buckets: bool = False
    ledger: bool = False


def fit(task: PipelineTask, needs: Needs, place: Place) -> None:
    """Put on a task what its step needs, as the place has it."""
    _resources(task, needs, place)
    _identity(task, needs.step, place)
    _images(task, needs.step, place)
    if needs.heavy:
        _heavy(task, place.heavy)
    if needs.buckets:
        _buckets(task, place.object_store)
    if needs.ledger and place.ledger_claim:
        kubernetes.mount_pvc(task, place.ledger_claim, LEDGER_CLAIM_FOLDER)


def times(quantity: str, factor: float) -> str:
    """Multiply a quantity of Kubernetes; one without a unit is of cores.

    >>> times("2G", 1.0), times("2G", 0.75), times("1", 1.0), times("1", 1.5)
    ('2G', '1500M', '1', '1500m')
    """
    found = re.fullmatch(r"([1-9]\d*)(G?)", quantity)
    if found is None:
        raise ValueError(f"quantity {quantity!r} is no whole number, of cores or with G for gigabytes")
    thousandths, unit = round(int(found[1]) * factor * 1000), found[2]
    if thousandths % 1000 == 0:
        return f"{thousandths // 1000}{unit}"
    return f"{thousandths}{'M' if unit else 'm'}"


def _resources(task: PipelineTask, needs: Needs, place: Place) -> None:
    given = place.resources
    task.set_memory_limit(times(needs.memory, given.scale))
    task.set_memory_request(times(needs.memory, given.scale * given.reserved))
    task.set_cpu_limit(times(needs.cpu, given.scale)).set_cpu_request("250m")
    kubernetes.set_timeout(task, round(needs.minutes * 60 * given.patience))


def _identity(task: PipelineTask, step: str, place: Place) -> None:
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    # By these a network policy finds the pods of steps.
    own = {"name": "fairlead-step", "component": step, "part-of": "fairlead"}
    for key, value in {**place.labels, **{f"app.kubernetes.io/{k}": v for k, v in own.items()}}.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in place.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)


def _images(task: PipelineTask, step: str, place: Place) -> None:
    task.set_container_image(place.images.of(step))
    if place.images.pull:
        kubernetes.set_image_pull_policy(task, place.images.pull)
    if place.images.pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(place.images.pull_secrets))


def _heavy(task: PipelineTask, heavy: Heavy) -> None:
    for key, value in heavy.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    for t in heavy.tolerations:
        kubernetes.add_toleration(task, key=t.key, operator=t.operator, value=t.value or None, effect=t.effect)
    if heavy.retries:
        task.set_retry(num_retries=heavy.retries, backoff_duration="30s", backoff_factor=2.0)
    if heavy.scratch:
        # Not a generic ephemeral volume: a fresh disk belongs to root, and without fsGroup it stays so.
        kubernetes.empty_dir_mount(task, "scratch", SCRATCH_FOLDER, size_limit=heavy.scratch)
        task.set_env_variable("TMPDIR", SCRATCH_FOLDER)


def _buckets(task: PipelineTask, store: ObjectStore) -> None:
    for name, value in (("AWS_ENDPOINT_URL", store.endpoint), ("AWS_REGION", store.region)):
        if value:
            task.set_env_variable(name, value)
    if store.secret:
        keys = {"access-key": "AWS_ACCESS_KEY_ID", "secret-key": "AWS_SECRET_ACCESS_KEY"}
        # Optional, so that a missing secret is an error of the step that says what is missing, and no pod that waits.
        kubernetes.use_secret_as_env(task, store.secret, keys, optional=True)
