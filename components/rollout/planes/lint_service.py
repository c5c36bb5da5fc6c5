"""Whether an InferenceService will really share requests out, and if not, why not."""

from collections import Counter
from typing import Any

from components.core.errors import FairleadError
from components.rollout.plan import Plan
from components.rollout.planes.cluster import Json
from components.rollout.planes.finding import Finding, Severity
from components.rollout.planes.knative import PERCENT
from components.rollout.planes.kserve_mode import ANNOTATION, SHIPPED_DEFAULT, Mode, annotation_of, mode_of
from components.rollout.planes.standard import CONTAINER

SCALING = ("maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling")
"""Fields that a canary may not have: it has a fixed number of replicas."""


def lint_service(
    service: Json,
    plan: Plan | None = None,
    default: Mode = SHIPPED_DEFAULT,
    backends: frozenset[str] = frozenset(),
) -> list[Finding]:
    """List what is to be said of an InferenceService.

    Args:
        service: as written, or as the cluster has it.
        plan: the rollout that is to run on it.
        default: the mode that this installation takes where nothing is said.
        backends: names of the Services that routes beside it send requests to.
    """
    spec = service.get("spec") or {}
    try:
        mode = mode_of(service, default)
    except FairleadError as error:
        return [_finding(service, "error", f"metadata.annotations[{ANNOTATION}]", str(error))]
    found = [*_mode(service, mode, default), *_knative(service, spec, mode), *_standard(service, spec, mode, backends)]
    return [*found, *_transformer(service, spec), *_predictor(service, spec), *_plan(service, mode, plan)]


def _mode(service: Json, mode: Mode, default: Mode) -> list[Finding]:
    named, field = annotation_of(service), f"metadata.annotations[{ANNOTATION}]"
    splits = {"Knative": f"spec.predictor.{PERCENT}", "Standard": "spec.canary"}[mode]
    found = [_finding(service, "info", "mode", f"{mode}; requests are shared out by {splits}")]
    if named is None:
        text = f"not set; this is taken to run in the installation's default, {default}"
        way_out = "Set it, so that the same manifest means the same everywhere"
        found.append(_finding(service, "warning", field, text, "Knative, Standard", way_out))
    elif named != mode and named in ("RawDeployment", "Serverless"):
        way_out = f"Write {mode}: spec.canary is taken under exactly that name"
        found.append(_finding(service, "warning", field, f"{named}, an older name", "Knative, Standard", way_out))
    return found


def _knative(service: Json, spec: Json, mode: Mode) -> list[Finding]:
    percent = (spec.get("predictor") or {}).get(PERCENT)
    field = f"spec.predictor.{PERCENT}"
    if percent is None:
        return []
    if mode == "Standard":
        way_out = "Use spec.canary, as the plane standard does"
        return [_finding(service, "error", field, f"{percent}, ignored in mode Standard", "no such field", way_out)]
    if not _is_percent(percent):
        return [_finding(service, "error", field, repr(percent), "a whole number from 0 to 100")]
    return []


def _standard(service: Json, spec: Json, mode: Mode, backends: frozenset[str]) -> list[Finding]:
    canaries = spec.get("canary")
    if not canaries:
        return []
    if mode == "Knative":
        way_out = f"Use spec.predictor.{PERCENT}, or {ANNOTATION}: Standard on a new InferenceService"
        return [_finding(service, "error", "spec.canary", "given in mode Knative", "no such field", way_out)]
    if not isinstance(canaries, list) or not all(isinstance(canary, dict) for canary in canaries):
        return [_finding(service, "error", "spec.canary", str(canaries), "a list of trafficPercent and predictor")]
    found = [f for place, canary in enumerate(canaries) for f in _canary(service, place, canary)]
    if annotation_of(service) == "RawDeployment":
        way_out = f"Set {ANNOTATION}: Standard"
        found.append(_finding(service, "error", "spec.canary", "under the old name RawDeployment", "Standard", way_out))
    shares = [c.get("trafficPercent", 0) for c in canaries]
    if all(_is_percent(s) for s in shares) and sum(shares) > 100:
        found.append(_finding(service, "error", "spec.canary", f"shares sum to {sum(shares)}", "100 at most"))
    names = [c.get("predictor", {}).get("name") for c in canaries] + [spec.get("predictor", {}).get("name")]
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        found.append(_finding(service, "error", "spec.canary", f"{', '.join(twice)} named twice", "each name once"))
    for place, canary in enumerate(canaries):
        share, name = canary.get("trafficPercent", 0), (canary.get("predictor") or {}).get("name")
        behind = f"{service.get('metadata', {}).get('name')}-{name}-predictor"
        if _is_percent(share) and share and name and behind not in backends:
            field = f"spec.canary[{place}].trafficPercent"
            text = f"{share}, which the route that KServe 0.20 makes does not carry out"
            way_out = "Put a route before the two Services, as kserve/strategies/canary-standard/route.yaml does"
            found.append(_finding(service, "error", field, text, f"an HTTPRoute with the backend {behind}", way_out))
    return found


def _canary(service: Json, place: int, canary: Json) -> list[Finding]:
    field, predictor = f"spec.canary[{place}]", canary.get("predictor") or {}
    found = []
    if not predictor.get("name"):
        found.append(_finding(service, "error", f"{field}.predictor.name", "missing", "a name of its own"))
    model = predictor.get("model")
    if model is not None and model.get("name") != CONTAINER:
        name = model.get("name", "missing")
        found.append(_finding(service, "error", f"{field}.predictor.model.name", str(name), CONTAINER))
    share = canary.get("trafficPercent", 0)
    if share == 0 and "minReplicas" not in predictor:
        way_out = "Give minReplicas, so that the candidate can start before it gets requests"
        found.append(_finding(service, "warning", field, "no pods: KServe takes the share of them too", "", way_out))
    if not _is_percent(share):
        found.append(_finding(service, "error", f"{field}.trafficPercent", repr(share), "a whole number from 0 to 100"))
    for name in SCALING:
        if name in predictor:
            way_out = "Give minReplicas, or leave KServe to derive them from the share"
            text = f"{predictor[name]}; a canary does not scale"
            found.append(_finding(service, "error", f"{field}.predictor.{name}", text, "no such field", way_out))
    return found


def _transformer(service: Json, spec: Json) -> list[Finding]:
    transformer = spec.get("transformer")
    if not transformer:
        return []
    found = []
    if "custom" in transformer:
        way_out = "Write the container under spec.transformer.containers"
        found.append(_finding(service, "error", "spec.transformer.custom", "given", "no such field", way_out))
    way_out = "Put it beside the model: spec.predictor.containers: [{name: transformer-container, …}]"
    text = "a transformer of its own, which a canary's share bypasses or never reaches"
    return [*found, _finding(service, "error", "spec.transformer", text, "a collocated transformer", way_out)]


def _predictor(service: Json, spec: Json) -> list[Finding]:
    if (spec.get("predictor") or {}).get("model"):
        return []
    text, way_out = "missing", "Serve with a ServingRuntime: model: {modelFormat: …, storageUri: …}"
    allowed = "the model whose storageUri a rollout changes"
    return [_finding(service, "error", "spec.predictor.model", text, allowed, way_out)]


def _plan(service: Json, mode: Mode, plan: Plan | None) -> list[Finding]:
    if plan is None:
        return []
    found, name = [], f"the plan {plan.name}"
    if plan.sticky_header:
        way_out = "Use the plane envoy, or httproute with cohorts; or let each request be drawn by itself"
        text = f"{name} wants keys of {plan.sticky_header} to stick"
        found.append(
            _finding(service, "error", "sticky_header", text, f"none: mode {mode} draws each request", way_out)
        )
    if plan.strategy in ("shadow", "blue_green"):
        text, allowed = f"{name} is a {plan.strategy}, which needs copies of requests", "canary, ab, bandit"
        way_out = "Use the plane httproute or envoy"
        found.append(_finding(service, "error", "strategy", text, f"{allowed}: mode {mode} cannot mirror", way_out))
    return found


def _finding(
    service: Json, severity: Severity, field: str, found: str, allowed: str = "", way_out: str = ""
) -> Finding:
    subject = f"InferenceService {service.get('metadata', {}).get('name', '(no name)')}"
    return Finding(severity=severity, subject=subject, field=field, found=found, allowed=allowed, way_out=way_out)


def _is_percent(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
