"""All rules on all objects, and what is excepted from them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.specs import bounds, ignored, reach, references
from tests.specs.pods import pods
from tests.specs.rendered import name_of

Json = dict[str, Any]


class Fault(NamedTuple):
    """One breach of a rule."""

    rule: str
    subject: str
    text: str


EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "scope",
        "ValidatingAdmissionPolicy models/fairlead-rollout-actor",
    ): "kustomize takes a kind that it does not know for one in a namespace; the API server drops it",
    (
        "scope",
        "ValidatingAdmissionPolicyBinding models/fairlead-rollout-actor",
    ): "kustomize takes a kind that it does not know for one in a namespace; the API server drops it",
    (
        "denies",
        "Namespace traefik",
    ): "the policy for its one pod is for all pods of the namespace, and denies what it does not list",
    ("denies", "Namespace kubeflow"): "Kubeflow Pipelines brings policies of its own; pods of runs have one of ours",
}
"""Rule and subject → why it need not hold there. The only place for that; one that nothing needs fails a test."""


def faults(objects: list[Json], world: list[Json]) -> Iterator[Fault]:
    """Go through all breaches.

    Args:
        objects: what is looked at.
        world: what they may refer to.
    """
    for thing in objects:
        for name, rule in (references.RULES | ignored.RULES | reach.RULES).items():
            yield from (Fault(name, name_of(thing), text) for text in rule(thing, world))
    for pod in pods(objects, world):
        for name, bound in bounds.RULES.items():
            yield from (Fault(name, pod.owner, text) for text in bound(pod))
        yield from (Fault("mentioned", pod.owner, text) for text in references.mentioned(pod, world))
