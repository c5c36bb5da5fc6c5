"""Who may do what, asked of a real API server; and what its admission policies let in and keep out."""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from kubernetes import client, config

from components.core.access import Role
from components.rollout.planes.lint_service import lint_service
from tests.cluster.api_server import ControlPlane, control_plane, missing
from tests.cluster.control_plane.access_matrix import GROUPS, NAMESPACES, READS, Row, rows, subject
from tests.cluster.kserve import definitions, gateway_definitions
from tests.cluster.processes import until

pytestmark = [pytest.mark.control_plane, pytest.mark.skipif(bool(missing()), reason=missing())]

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "manifests"
PEOPLE = {
    "dana": GROUPS["data_scientist"],
    "ada": GROUPS["approver"],
    "otto": GROUPS["operator"],
    "ute": GROUPS["auditor"],
    "both": f"{GROUPS['data_scientist']},{GROUPS['approver']}",
}
MODEL = {"modelFormat": {"name": "fairlead"}, "runtime": "fairlead", "storageUri": "s3://fairlead/bundles/1"}
CANARY = {"name": "c2", "model": {**MODEL, "name": "kserve-container", "storageUri": "models:/sba_loans/2"}}
OUR_IMAGE = "ghcr.io/fairlead/fairlead-serving:0.1.0"
ANNOTATION = "serving.kserve.io/deploymentMode"
PATIENCE = 60.0
TRY = "--dry-run=server"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with KServe's and our kinds, our roles and our policies."""
    with control_plane(tmp_path_factory.mktemp("access"), PEOPLE) as made:
        for namespace in NAMESPACES:
            made.kubectl("create", "namespace", namespace, check=False)
        files = [f"--filename={file}" for file in [*definitions(), *gateway_definitions()]]
        made.kubectl("apply", "--server-side", *files, seconds=180)
        for part in ("rollout", "access", "schedule", "monitoring", "monitoring/server", "telemetry"):
            made.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS / part), seconds=180)
        bad, lax = service(mode=""), rollout("probe", "dana", plan={"approval": False})
        until(lambda: "deploymentMode" in _apply(made, bad), PATIENCE, lambda: "services are not looked at")
        until(
            lambda: "without approval" in _create(made, lax, "dana", TRY), PATIENCE, lambda: "wishes are not looked at"
        )
        yield made
        made.kubectl("-n", "models", "delete", "--ignore-not-found", "modelrollouts", "mine", "danas", "guarded")
        made.kubectl("-n", "models", "delete", "--ignore-not-found", "inferenceservices", "changed")
        made.kubectl("-n", "default", "delete", "--ignore-not-found", "inferenceservices", "elsewhere")


@pytest.fixture(scope="module")
def asked(plane: ControlPlane) -> client.AuthorizationV1Api:
    """The API server's word on rights."""
    return client.AuthorizationV1Api(config.new_client_from_config(str(plane.kubeconfig())))


@pytest.mark.parametrize("who", sorted({row.who for row in rows()}))
def test_everybody_may_do_what_the_table_says_and_nothing_that_it_denies(asked: client.AuthorizationV1Api, who: str):
    wrong = [row for row in rows() if row.who == who and _may(asked, row) != row.allowed]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("namespace", [*NAMESPACES, "default", "kube-system"])
@pytest.mark.parametrize("who", sorted({row.who for row in rows()}))
def test_nobody_may_write_anything_that_the_table_does_not_name(plane: ControlPlane, who: str, namespace: str):
    """All that the API server says somebody holds in a namespace, not samples of it."""
    found = {rule for rule in _held(plane, who, namespace) if rule[0] not in READS}
    named = {row[2:5] for row in rows() if row.allowed and (row.who, row.namespace) == (who, namespace)}
    assert found == {row for row in named if row[0] not in READS}


@pytest.mark.parametrize("who", sorted({row.who for row in rows()}))
def test_nobody_reads_a_secret_anywhere(plane: ControlPlane, who: str):
    held = {rule for namespace in NAMESPACES for rule in _held(plane, who, namespace)}
    assert not [rule for rule in held if rule[2].startswith("secrets") or "*" in rule]


def test_the_table_is_long_enough_has_both_answers_for_each_role_and_knows_every_role():
    assert len(list(rows())) == len(set(rows())) >= 80
    for role in get_args(Role):
        assert {row.allowed for row in rows() if row.who == role} == {True, False}
    assert set(GROUPS) == set(get_args(Role))


@pytest.mark.parametrize("folder", ["access", "rollout", "schedule", "monitoring", "telemetry"])
def test_no_rule_has_a_wildcard_reads_secrets_or_lets_somebody_widen_rights(plane: ControlPlane, folder: str):
    text = plane.kubectl("kustomize", str(MANIFESTS / folder))
    for document in filter(None, yaml.safe_load_all(text)):
        if document["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in document["rules"]:
            words = {*rule.get("apiGroups", []), *rule.get("resources", []), *rule["verbs"]}
            assert not words & {"*", "secrets", "escalate", "bind", "impersonate", "serviceaccounts/token", "pods/exec"}


SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "no mode": ("allowed: Standard, Knative", {"mode": ""}),
    "old name of a mode": ("allowed: Standard, Knative", {"mode": "RawDeployment"}),
    "Knative's canary in Standard": ("ignored in mode Standard", {"predictor": {"canaryTrafficPercent": 20}}),
    "Standard's canary in Knative": ("not for mode Knative", {"mode": "Knative", "shares": [20]}),
    "shares over 100": ("shares sum to 110", {"shares": [60, 50]}),
    "two canaries of one name": ("a name that no other has", {"shares": [10, 10], "names": ["c2", "c2"]}),
    "canary named as the predictor": ("no other has", {"shares": [10], "predictor": {"name": "c0"}}),
    "transformer of its own": (
        "share goes past",
        {"transformer": {"containers": [{"name": "kserve-container", "image": OUR_IMAGE}]}},
    ),
    "another runtime": ("runtime fairlead", {"model": {"runtime": "kserve-sklearnserver"}}),
    "another format": ("runtime fairlead", {"model": {"modelFormat": {"name": "sklearn"}, "runtime": None}}),
    "version of the runtime": ("runtime fairlead", {"model": {"runtimeVersion": "latest"}}),
    "no model at all": (
        "runtime fairlead",
        {"model": None, "predictor": {"containers": [{"name": "kserve-container", "image": OUR_IMAGE}]}},
    ),
    "canary of another runtime": ("runtime fairlead", {"shares": [10], "canary": {"runtime": "other"}}),
    "model from anywhere": (
        "storageUri begins with one of",
        {"model": {"storageUri": "https://example.com/model.zip"}},
    ),
    "no address of a model": ("storageUri begins with one of", {"model": {"storageUri": None}}),
    "canary from anywhere": ("storageUri begins", {"shares": [10], "canary": {"storageUri": "hf://some/model"}}),
    "image of somebody": ("images begin with one of", {"model": {"image": "docker.io/evil/serving:1"}}),
    "image that looks like ours": ("images begin with", {"model": {"image": "ghcr.io/fairlead-evil/serving:1"}}),
    "container of somebody beside": (
        "images begin with one of",
        {"predictor": {"containers": [{"name": "transformer-container", "image": "busybox:1"}]}},
    ),
    "explainer of somebody": (
        "images begin with one of",
        {"explainer": {"containers": [{"name": "kserve-container", "image": "busybox:1"}]}},
    ),
    "latest": ("not as latest", {"model": {"image": "ghcr.io/fairlead/fairlead-serving:latest"}}),
    "no version": ("named by its version", {"model": {"image": "ghcr.io/fairlead/fairlead-serving"}}),
}
"""By case: a word of the refusal, and what is wrong."""

SHARED_OUT_OTHERWISE = (
    "Knative's canary in Standard",
    "Standard's canary in Knative",
    "shares over 100",
    "two canaries of one name",
    "canary named as the predictor",
    "transformer of its own",
    "no model at all",
)

ADMITTED: dict[str, dict[str, Any]] = {
    "plain": {},
    "canary in Standard": {"shares": [20]},
    "two canaries that leave nothing": {"shares": [50, 50]},
    "canary in Knative": {"mode": "Knative", "predictor": {"canaryTrafficPercent": 20}},
    "our image by digest": {"model": {"image": f"ghcr.io/fairlead/fairlead-serving@sha256:{'0' * 64}"}},
    "collocated transformer": {
        "predictor": {"containers": [{"name": "transformer-container", "image": OUR_IMAGE}]},
    },
    "our explainer": {"explainer": {"containers": [{"name": "kserve-container", "image": OUR_IMAGE}]}},
}


@pytest.mark.parametrize("case", SERVICES)
def test_a_service_that_would_not_do_what_it_says_is_refused(plane: ControlPlane, case: str):
    word, wrong = SERVICES[case]
    assert word in _apply(plane, service(**wrong))


@pytest.mark.parametrize("case", ADMITTED)
def test_a_service_that_does_what_it_says_is_admitted(plane: ControlPlane, case: str):
    name = case.replace(" ", "-").lower()
    assert "serverside-applied" in _apply(plane, service(name=name, **ADMITTED[case]))
    plane.kubectl("-n", "models", "delete", "inferenceservice", name)


def test_the_lint_says_before_what_the_policy_says_of_traffic():
    for case in SHARED_OUT_OTHERWISE:
        _, wrong = SERVICES[case]
        assert [f for f in lint_service(service(**wrong)) if f.severity == "error"], case
    behind = frozenset({"sba-c1-predictor", "sba-c2-predictor"})  # of a route beside it
    for case, right in ADMITTED.items():
        assert not [f for f in lint_service(service(**right), backends=behind) if f.severity == "error"], case


def test_a_service_is_not_changed_into_one_that_is_refused_and_other_namespaces_are_left_alone(plane: ControlPlane):
    good = service(name="changed")
    assert "serverside-applied" in _apply(plane, good)
    words = ["-n", "models", "patch", "inferenceservice", "changed", "--type=merge"]
    assert "ignored in mode" in plane.kubectl(
        *words, "-p", '{"spec": {"predictor": {"canaryTrafficPercent": 20}}}', check=False
    )
    elsewhere = service(name="elsewhere", mode="")
    elsewhere["metadata"]["namespace"] = "default"
    assert "serverside-applied" in _apply(plane, elsewhere)


def test_what_was_there_before_the_policy_can_still_be_deleted(plane: ControlPlane):
    binding = yaml.safe_load_all(plane.kubectl("kustomize", str(MANIFESTS / "access")))
    kept = [d for d in binding if d["kind"].endswith("PolicyBinding") and d["metadata"]["name"] == "fairlead-services"]
    plane.kubectl("delete", "validatingadmissionpolicybinding", "fairlead-services")
    old = service(name="old", mode="")
    old["metadata"]["finalizers"] = ["example.com/kept"]
    until(lambda: "serverside-applied" in _apply(plane, old), PATIENCE, lambda: "the policy stays in force")
    plane.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(kept))
    until(lambda: "deploymentMode" in _apply(plane, service(mode="")), PATIENCE, lambda: "it is not in force again")
    plane.kubectl("-n", "models", "delete", "inferenceservice", "old", "--wait=false")
    plane.kubectl(
        "-n", "models", "patch", "inferenceservice", "old", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    assert "NotFound" in plane.kubectl("-n", "models", "get", "inferenceservice", "old", check=False)


def test_who_starts_a_rollout_does_not_promote_it(plane: ControlPlane):
    assert "created" in _create(plane, rollout("mine", "both"), "both")
    said = _wish(plane, "mine", "promote", "both")
    assert "both started this rollout; somebody else has to promote it" in said
    assert "patched" in _wish(plane, "mine", "promote", "ada")
    at_once = rollout("at-once", "both", wish={"kind": "promote", "actor": "both"})
    assert "somebody else has to promote it" in _create(plane, at_once, "both")


def test_each_role_asks_for_what_is_its_own(plane: ControlPlane):
    assert "created" in _create(plane, rollout("danas", "dana"), "dana")
    assert "patched" in _wish(plane, "danas", "pause", "otto")
    # Not taken up yet, as no operator runs here: neither taken back nor written over by whoever may not ask for it.
    assert "not yours to take back" in _wish(plane, "danas", "promote", "ada")
    assert "not yours to take back" in _wish(plane, "danas", None, "ada")
    assert "patched" in _wish(plane, "danas", "resume", "otto")
    assert "patched" in _wish(plane, "danas", None, "otto")
    assert "patched" in _wish(plane, "danas", "promote", "ada")
    assert "patched" in _wish(plane, "danas", None, "ada")
    for kind, who in (("promote", "otto"), ("pause", "ada"), ("abort", "ada")):
        assert f"{who} may not {kind} rollouts" in _wish(plane, "danas", kind, who)
    for who in ("dana", "ute"):
        assert "forbidden" in _wish(plane, "danas", "abort", who).lower()
    assert "wish.actor is ada, but you are otto" in _wish(plane, "danas", "abort", "otto", actor="ada")


def test_a_rollout_is_not_started_without_approval_nor_with_a_wish_of_others(plane: ControlPlane):
    lax = rollout("lax", "otto", plan={"approval": False})
    assert "may not start a rollout without approval" in _create(plane, lax, "otto")
    hasty = rollout("hasty", "dana", wish={"kind": "abort", "actor": "dana"})
    assert "dana may not abort rollouts" in _create(plane, hasty, "dana")


def test_the_finalizer_is_the_operators_to_take_off(plane: ControlPlane):
    guarded = rollout("guarded", "dana")
    guarded["metadata"]["finalizers"] = ["fairlead.dev/safe-traffic"]
    assert "created" in _create(plane, guarded, "dana")
    off = ["-n", "models", "patch", "modelrollout", "guarded", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']
    for who in ("ada", "otto"):
        assert "keeps traffic safe" in plane.kubectl(*off, user=who, check=False)
    account = "--as=system:serviceaccount:models:fairlead-rollout"
    assert "patched" in plane.kubectl(*off, account)


def service(name: str = "sba", mode: str = "Standard", **changes: Any) -> dict[str, Any]:
    """Return an InferenceService that is admitted, with changes; None takes a field away."""
    model = None if changes.get("model", 1) is None else _without({**MODEL, **changes.get("model", {})})
    predictor = {**({} if model is None else {"model": model}), **changes.get("predictor", {})}
    if "name" in predictor:
        predictor["name"] = "c0"
    spec: dict[str, Any] = {"predictor": predictor}
    names = changes.get("names", ["c0", "c1"] if "name" in predictor else ["c1", "c2"])
    if "shares" in changes:
        spec["canary"] = [
            {"trafficPercent": share, "predictor": _canary(name, changes.get("canary", {}))}
            for name, share in zip(names, changes["shares"], strict=False)
        ]
    spec |= {part: changes[part] for part in ("transformer", "explainer") if part in changes}
    metadata = {"name": name, "namespace": "models", "annotations": {ANNOTATION: mode} if mode else {}}
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": metadata, "spec": spec}


def rollout(name: str, actor: str, plan: dict[str, Any] | None = None, wish: dict[str, Any] | None = None) -> Any:
    """Return the ModelRollout that is shown as an example, with changes."""
    text = (MANIFESTS / "rollout" / "examples" / "sba-loans.yaml").read_text(encoding="utf-8")
    made = yaml.safe_load(text)
    made["metadata"]["name"] = name
    made["spec"] |= {"actor": actor, **({"wish": wish} if wish else {})}
    made["spec"]["plan"] |= plan or {}
    return made


def _canary(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(CANARY)
    return {**made, "name": name, "model": {**made["model"], **changes}}  # type: ignore[dict-item]


def _without(model: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if value is not None}


def _apply(plane: ControlPlane, document: Any) -> str:
    words = ["apply", "--server-side", "--force-conflicts", "-f", "-"]
    return plane.kubectl(*words, stdin=yaml.safe_dump(document), check=False)


def _create(plane: ControlPlane, document: Any, user: str, *words: str) -> str:
    return plane.kubectl("create", "-f", "-", *words, user=user, stdin=yaml.safe_dump(document), check=False)


def _wish(plane: ControlPlane, name: str, kind: str | None, user: str, actor: str = "") -> str:
    wish = {"kind": kind, "actor": actor or user, "reason": f"{time.monotonic()}"} if kind else None
    patch = json.dumps({"spec": {"wish": wish}})
    words = ["-n", "models", "patch", "modelrollout", name, "--type=merge", "-p", patch]
    return plane.kubectl(*words, user=user, check=False)


def _may(asked: client.AuthorizationV1Api, row: Row) -> bool:
    user, groups = subject(row.who)
    resource, _, part = row.resource.partition("/")
    namespace = None if row.namespace == "-" else row.namespace
    attributes = client.V1ResourceAttributes(
        group=row.group, resource=resource, subresource=part or None, verb=row.verb, namespace=namespace
    )
    spec = client.V1SubjectAccessReviewSpec(user=user, groups=groups, resource_attributes=attributes)
    answer = asked.create_subject_access_review(client.V1SubjectAccessReview(spec=spec))
    assert not answer.status.evaluation_error
    return bool(answer.status.allowed)


def _held(plane: ControlPlane, who: str, namespace: str) -> set[tuple[str, str, str]]:
    """Return all rights on resources that somebody holds in a namespace, those that everybody has left out."""
    user, groups = subject(who)
    api = config.new_client_from_config(str(plane.kubeconfig()))
    api.set_default_header("Impersonate-User", user)
    api.set_default_header("Impersonate-Group", groups[0])
    spec = client.V1SelfSubjectRulesReviewSpec(namespace=namespace)
    answer = client.AuthorizationV1Api(api).create_self_subject_rules_review(client.V1SelfSubjectRulesReview(spec=spec))
    assert not answer.status.incomplete, answer.status.evaluation_error
    return {
        (verb, group, resource)
        for rule in answer.status.resource_rules
        for verb in rule.verbs
        for group in rule.api_groups
        for resource in rule.resources
        if not resource.startswith("selfsubject")
    }
