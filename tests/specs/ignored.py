"""Fields that KServe takes and does nothing with, or that it or Knative refuses only when it is too late.

Read in the source of KServe 0.20.0: pkg/apis/serving/v1beta1/inference_service_validation.go, and the reconcilers below
pkg/controller/v1beta1/inferenceservice. What traffic has to do with is ``fairlead rollout lint``'s.
"""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

MODE = "serving.kserve.io/deploymentMode"
SCALER = "serving.kserve.io/autoscalerClass"
SCALING = {"minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "containerConcurrency"}
SERVING = {
    "model",
    "art",
    "storageUris",
    "storageContainerName",
    "timeout",
    "canaryTrafficPercent",
    "logger",
    "batcher",
}
PODS = {"serviceAccountName", "containers", "volumes", "imagePullSecrets"}
SWITCHES = {"enableServiceLinks", "automountServiceAccountToken"}
KNATIVE = frozenset({"name", "labels", "annotations"} | SCALING | SERVING | PODS | SWITCHES)
"""Fields of a component that mode Knative takes as Knative is installed; others need a feature flag of its own."""


def ignored(thing: Json, _: list[Json]) -> Iterator[str]:
    """No field that does nothing, or that only a webhook of the cluster would refuse."""
    if thing["kind"] == "ClusterStorageContainer" and thing["spec"]["container"]["name"] != "storage-initializer":
        yield "spec.container.name is not storage-initializer: each call of the webhook would add one more"
    if thing["kind"] != "InferenceService":
        return
    annotations, spec = thing["metadata"].get("annotations", {}), thing["spec"]
    mode, scaler = annotations.get(MODE), annotations.get(SCALER, "hpa")
    if mode not in ("Standard", "Knative"):
        yield f"annotation {MODE} is {mode}, allowed: Standard, Knative"
    for name in ("predictor", "explainer", "transformer"):
        component = spec.get(name) or {}
        found = _standard(component, scaler) if mode == "Standard" else _knative(component, annotations)
        yield from (f"spec.{name}.{text}" for text in (*found, *_either(component)))
    if mode == "Standard" and scaler == "keda" and spec.get("canary"):
        yield "spec.canary with autoscalerClass keda: the canary gets a ScaledObject without triggers, which is refused"


def _standard(component: Json, scaler: str) -> Iterator[str]:
    auto = component.get("autoScaling") or {}
    if "containerConcurrency" in component:
        yield "containerConcurrency: ignored in mode Standard"
    if scaler == "hpa" and "behavior" in auto:
        yield "autoScaling.behavior: ignored by autoscalerClass hpa"
    if scaler == "hpa" and component.get("scaleMetric") in ("concurrency", "rps"):
        yield f"scaleMetric {component['scaleMetric']}: mode Knative's alone"
    if scaler == "keda" and "scaleMetric" in component:
        yield "scaleMetric: refused with autoscalerClass keda"
    if scaler == "keda" and component and not auto:
        yield "autoScaling: missing, so the ScaledObject would have no trigger"
    if scaler == "none" and component.get("maxReplicas", 0) > component.get("minReplicas", 1):
        yield "maxReplicas: ignored with autoscalerClass none"


def _knative(component: Json, annotations: Json) -> Iterator[str]:
    if component and SCALER in annotations:
        yield f"{SCALER}: ignored in mode Knative"
    for key in sorted(component.keys() - KNATIVE):
        yield f"{key}: ignored or refused in mode Knative"


def _either(component: Json) -> Iterator[str]:
    if "scaleMetricType" in component:
        yield "scaleMetricType: nothing reads it"
    art, model = component.get("art") or {}, component.get("model") or {}
    if art.get("args"):
        yield "art.args: KServe adds them twice"
    if art and not (art.get("image") or art.get("runtimeVersion")):
        yield "art: without an image KServe's configuration gives :latest"
    for container in [model, art, *component.get("containers", [])]:
        if any(setting["name"] == "PYTHONPATH" for setting in container.get("env", [])):
            yield "env PYTHONPATH: refused"
    if component.get("model") and not (model.get("storageUri") or model.get("storage") or component.get("storageUris")):
        yield "model.storageUri: missing, so the pod gets an agent for many models"


RULES = {"ignored": ignored}
