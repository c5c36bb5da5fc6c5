"""Each way in which an InferenceService shares out nothing, or something else, is found by its field."""

from collections.abc import Callable

import pytest

from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.cluster import Json
from components.rollout.planes.lint_service import lint_service
from tests.rollout.planes.cluster_api import service

ERROR_RATE = Metric(name="error_rate", margin=0.01)
CANARY = Plan(name="p", strategy="canary", use_case="sba_loans", metrics=(ERROR_RATE,), steps=(Step(weight=5),))
ROUTED = frozenset({"sba-v2-predictor", "sba-v3-predictor"})
SHADOW = Plan(name="p", strategy="shadow", use_case="sba_loans", metrics=(ERROR_RATE,))


def canary(**changes: object) -> Json:
    model = {"name": "kserve-container", "modelFormat": {"name": "fairlead"}, "storageUri": "gs://models/sba/2"}
    return {"trafficPercent": 10, "predictor": {"name": "v2", "model": model}} | changes


def errors(made: Json, plan: Plan | None = None) -> list[str]:
    return [f.field for f in lint_service(made, plan, backends=ROUTED) if f.severity == "error"]


@pytest.mark.parametrize("mode", ["Knative", "Standard"])
def test_a_sound_one_has_its_mode_told_and_no_error(mode: str) -> None:
    made = service("sba", mode)
    if mode == "Standard":
        made["spec"]["canary"] = [canary()]
    else:
        made["spec"]["predictor"]["canaryTrafficPercent"] = 10
    found = lint_service(made, CANARY, backends=ROUTED)
    assert {f.severity for f in found} == {"info"}
    assert found[0].found.startswith(f"{mode}; ")


def change(mode: str, edit: Callable[[Json], object]) -> Json:
    made = service("sba", mode)
    edit(made["spec"])
    return made


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (change("standard", lambda s: s), "metadata.annotations[serving.kserve.io/deploymentMode]"),
        (
            change("Standard", lambda s: s["predictor"].update(canaryTrafficPercent=5)),
            "spec.predictor.canaryTrafficPercent",
        ),
        (
            change("RawDeployment", lambda s: s["predictor"].update(canaryTrafficPercent=5)),
            "spec.predictor.canaryTrafficPercent",
        ),
        (
            change("Knative", lambda s: s["predictor"].update(canaryTrafficPercent=101)),
            "spec.predictor.canaryTrafficPercent",
        ),
        (
            change("Knative", lambda s: s["predictor"].update(canaryTrafficPercent="5")),
            "spec.predictor.canaryTrafficPercent",
        ),
        (change("Knative", lambda s: s.update(canary=[canary()])), "spec.canary"),
        (change("RawDeployment", lambda s: s.update(canary=[canary()])), "spec.canary"),
        (change("Standard", lambda s: s.update(canary=canary())), "spec.canary"),
        (change("Standard", lambda s: s.update(canary=[7])), "spec.canary"),
        (
            change("Standard", lambda s: s.update(canary=[canary(predictor={"model": {"name": "kserve-container"}})])),
            "spec.canary[0].predictor.name",
        ),
        (
            change("Standard", lambda s: s.update(canary=[canary(predictor={"name": "v2", "model": {}})])),
            "spec.canary[0].predictor.model.name",
        ),
        (
            change("Standard", lambda s: s.update(canary=[canary(trafficPercent=True)])),
            "spec.canary[0].trafficPercent",
        ),
        (
            change("Standard", lambda s: s.update(canary=[canary(predictor={"name": "v2", "maxReplicas": 3})])),
            "spec.canary[0].predictor.maxReplicas",
        ),
        (
            change(
                "Standard",
                lambda s: s.update(
                    canary=[canary(trafficPercent=60), canary(trafficPercent=41, predictor={"name": "v3"})]
                ),
            ),
            "spec.canary",
        ),
        (change("Standard", lambda s: s.update(canary=[canary(), canary()])), "spec.canary"),
        (
            change("Standard", lambda s: (s["predictor"].update(name="v2"), s.update(canary=[canary()]))),
            "spec.canary",
        ),
        (change("Standard", lambda s: s.update(transformer={"containers": []})), "spec.transformer"),
        (change("Standard", lambda s: s.update(predictor={"containers": []})), "spec.predictor.model"),
    ],
)
def test_what_would_not_share_out_is_found(made: Json, field: str) -> None:
    assert errors(made) == [field]


def test_an_old_form_of_transformer_is_found_beside_its_being_separate() -> None:
    made = change("Standard", lambda s: s.update(transformer={"custom": {}}))
    assert errors(made) == ["spec.transformer.custom", "spec.transformer"]


def test_what_the_plan_wants_and_the_mode_cannot_is_found() -> None:
    sticky = CANARY.model_copy(update={"sticky_header": "x-customer"})
    assert errors(service("sba", "Knative"), sticky) == ["sticky_header"]
    assert errors(service("sba", "Standard"), SHADOW) == ["strategy"]
    assert errors(service("sba", "Standard"), CANARY) == []


def test_no_annotation_leaves_it_to_the_installation() -> None:
    made = service("sba", "Standard")
    made["metadata"]["annotations"] = {}
    made["spec"]["predictor"]["canaryTrafficPercent"] = 5
    assert [f.severity for f in lint_service(made)] == ["info", "warning"]
    assert [f.severity for f in lint_service(made, default="Standard")] == ["info", "warning", "error"]


def test_an_old_name_is_a_warning() -> None:
    assert [f.severity for f in lint_service(service("sba", "Serverless"))] == ["info", "warning"]


def test_a_share_that_no_route_carries_out_is_found() -> None:
    made = change("Standard", lambda s: s.update(canary=[canary()]))
    (found,) = [f for f in lint_service(made, backends=frozenset({"sba-predictor"})) if f.severity == "error"]
    assert found.field == "spec.canary[0].trafficPercent"
    assert "sba-v2-predictor" in found.allowed


def test_a_canary_without_requests_and_pods_is_told() -> None:
    made = change("Standard", lambda s: s.update(canary=[canary(trafficPercent=0)]))
    assert [f.field for f in lint_service(made) if f.severity == "warning"] == ["spec.canary[0]"]
    made["spec"]["canary"][0]["predictor"]["minReplicas"] = 1
    assert [f.severity for f in lint_service(made)] == ["info"]
