"""Which of its two modes KServe runs an InferenceService in: what splits traffic in one is ignored in the other."""

from typing import Literal

from components.core.errors import unknown
from components.rollout.planes.cluster import Json

Mode = Literal["Knative", "Standard"]

ANNOTATION = "serving.kserve.io/deploymentMode"

_NAMES: dict[str, Mode] = {
    "Knative": "Knative",
    "Serverless": "Knative",
    "Standard": "Standard",
    "RawDeployment": "Standard",
}
"""KServe's names, the older ones too, and what they mean."""

SHIPPED_DEFAULT: Mode = "Knative"
"""What KServe's own configuration takes where nothing is said."""


def mode_of(service: Json, default: Mode = SHIPPED_DEFAULT) -> Mode:
    """Return the mode that an InferenceService runs in: its status knows, then its annotation, then the default.

    Raises:
        FairleadError: the annotation names a mode that is neither.
    """
    named = service.get("status", {}).get("deploymentMode") or annotation_of(service)
    if named is None:
        return default
    if named not in _NAMES:
        raise unknown(f"{ANNOTATION}", named, ("Knative", "Standard"))
    return _NAMES[named]


def annotation_of(service: Json) -> str | None:
    """Return what the annotation says; None when there is none."""
    value = (service.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    return None if value is None else str(value)
