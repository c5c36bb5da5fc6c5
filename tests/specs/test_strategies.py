"""The strategies of ``kserve/`` are what the rollout operator's planes write, and what its lint lets pass."""

import copy

import pytest
import yaml

from components.rollout.planes import httproute, knative, standard
from components.rollout.planes.lint import lint
from components.rollout.traffic import Traffic
from tests.specs import rendered
from tests.specs.rendered import every

pytestmark = [
    pytest.mark.skipif(rendered.command() is None, reason=rendered.NEEDS),
    pytest.mark.xdist_group("rendered"),  # rendered once
]

STABLE, CANDIDATE = "models:/sba_loans/1", "models:/sba_loans/2"
PAIR = {
    "stable": {"name": "sba-loans-1-predictor", "port": 80},
    "candidate": {"name": "sba-loans-2-predictor", "port": 80},
}
ROUTES = {
    "shadow": Traffic(mirror="candidate"),
    "blue-green": Traffic(),
    "ab": Traffic(candidate=50),
    "bandit": Traffic(candidate=50),
}


def objects(folder):
    found = rendered.results()[f"kserve/{folder}"]
    assert isinstance(found, list), found
    return found


def only(kind, folder):
    [found] = every(kind, objects(folder))
    return found


def errors(things, tmp_path):
    """Lint objects as files, as ``fairlead rollout lint`` does; gives what is an error."""
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(things), encoding="utf-8")
    return [str(finding) for finding in lint([file]) if finding.severity == "error"]


@pytest.mark.parametrize("strategy", ROUTES)
def test_a_route_is_read_as_the_traffic_that_it_is_for(strategy):
    route = only("HTTPRoute", f"strategies/{strategy}")
    assert httproute.traffic_in(route, PAIR) == ROUTES[strategy]
    again = httproute.render(route, PAIR, ROUTES[strategy])
    assert again["spec"]["rules"][-1] == route["spec"]["rules"][-1]
    assert {name: again["spec"][name] for name in ("parentRefs", "hostnames")} == {
        name: route["spec"][name] for name in ("parentRefs", "hostnames")
    }
    if strategy != "ab":
        assert again == route


def test_a_group_that_says_which_it_is_gets_its_version():
    *groups, _ = only("HTTPRoute", "strategies/ab")["spec"]["rules"]
    chosen = {rule["matches"][0]["headers"][0]["value"]: rule["backendRefs"][0]["name"] for rule in groups}
    assert chosen == {side: backend["name"] for side, backend in PAIR.items()}


def test_a_pair_answers_to_one_name():
    services = {s["metadata"]["name"]: s for s in every("InferenceService", objects("strategies/pair"))}
    models = {name: service["spec"]["predictor"]["model"] for name, service in services.items()}
    assert {name: model["storageUri"] for name, model in models.items()} == {
        "sba-loans-1": STABLE,
        "sba-loans-2": CANDIDATE,
    }
    assert [model["args"][:2] for model in models.values()] == [["--name", "sba-loans"]] * 2


def test_the_canary_of_mode_standard_is_taken_up_by_the_operator():
    service, route = (only(kind, "strategies/canary-standard") for kind in ("InferenceService", "HTTPRoute"))
    [canary] = service["spec"]["canary"]
    share = Traffic(candidate=canary["trafficPercent"])
    assert httproute.traffic_in(route, standard.backends(service, CANDIDATE)) == share
    after = standard.render(service, CANDIDATE, Traffic(candidate=25))
    assert [(c["trafficPercent"], c["predictor"]["name"]) for c in after["spec"]["canary"]] == [
        (25, canary["predictor"]["name"])
    ]
    assert standard.taken_back(service, CANDIDATE) == only("InferenceService", "base")


def test_the_canary_of_mode_knative_is_what_the_operator_writes():
    service = only("InferenceService", "strategies/canary-knative")
    base = only("InferenceService", "components/knative-autoscaling")
    assert knative.render(base, CANDIDATE, Traffic(candidate=10)) == service


@pytest.mark.parametrize("folder", [name for name in rendered.folders() if name.startswith("kserve/")])
def test_the_lint_has_nothing_against_it(folder, tmp_path):
    found = objects(folder.removeprefix("kserve/"))
    if not any(thing["kind"] in ("InferenceService", "HTTPRoute") for thing in found):
        found = [*found, only("InferenceService", "base")]
    assert errors(found, tmp_path) == []


def _percent(service):
    service["spec"]["predictor"]["canaryTrafficPercent"] = 10


def _over(service):
    service["spec"]["canary"][0]["trafficPercent"] = 60
    service["spec"]["canary"].append(copy.deepcopy(service["spec"]["canary"][0]))
    service["spec"]["canary"][1]["predictor"]["name"] = "other"


def _unnamed(service):
    del service["spec"]["canary"][0]["predictor"]["name"]


def _older_name(service):
    service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] = "RawDeployment"


def _knative(service):
    service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] = "Knative"


def _scaling(service):
    service["spec"]["canary"][0]["predictor"]["maxReplicas"] = 3


def _transformer(service):
    service["spec"]["transformer"] = {"containers": [{"name": "transformer", "image": "a:1"}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_percent, "ignored in mode Standard"),
        (_over, "shares sum to 120"),
        (_unnamed, "spec.canary[0].predictor.name: missing"),
        (_older_name, "RawDeployment"),
        (_knative, "spec.canary: given in mode Knative"),
        (_scaling, "a canary does not scale"),
        (_transformer, "a transformer of its own"),
    ],
)
def test_the_lint_finds_what_would_not_be_shared_out(change, said, tmp_path):
    service = copy.deepcopy(only("InferenceService", "strategies/canary-standard"))
    change(service)
    assert any(said in error for error in errors([service], tmp_path))


def test_the_lint_finds_a_mirror_that_answers(tmp_path):
    route = copy.deepcopy(only("HTTPRoute", "strategies/shadow"))
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 10
    assert any("copies go to sba-loans-2-predictor, which answers too" in e for e in errors([route], tmp_path))
    route["spec"]["parentRefs"] = []
    assert any("no gateway takes it" in e for e in errors([route], tmp_path))
