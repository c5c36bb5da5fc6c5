"""No environment plans what no environment may hold, and a plan that does is found out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.terraform import google_provider
from tests.terraform.policy import faults
from tests.terraform.running import ENVIRONMENTS, Copy

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(bool(google_provider.missing()), reason=google_provider.missing()),
    pytest.mark.timeout(900),
]

EFFECTS = {"NO_SCHEDULE": "NoSchedule"}
"""Google's words for Kubernetes' own."""

FAULTS = [
    ("environment", 'bundles = "read"', 'bundles = "write"', "serving may do more than read"),
    ("environment", '{ bundles = "read" }', '{ mlflow = "read" }', "serving reaches"),
    ("environment", "deletion_protection  = var.protected", "deletion_protection  = false", "may be deleted"),
    ("environment", "force_destroy = !var.protected", "force_destroy = true", "may be destroyed with its objects"),
    ("environment", 'lookup(local.keys, "storage", null)', "null", "not encrypted with a key of ours"),
    ("environment", 'lookup(local.keys, "redis", null)', "null", "not encrypted with a key of ours"),
    (
        "environment",
        "location             = var.highly_available ? var.region",
        "location = false ? var.region",
        "in one zone",
    ),
    ("cluster", "roles/container.defaultNodeServiceAccount", "roles/editor", "too wide"),
    ("cluster", "roles/container.defaultNodeServiceAccount", "roles/storage.objectUser", "on the whole project"),
    ("cluster", "[var.control_plane_cidr]", '["0.0.0.0/0"]', "open to the internet"),
    (
        "identity",
        '"serviceAccount:${google_service_account.workload[each.value.workload].email}"',
        '"allUsers"',
        "granted to",
    ),
    ("database", 'type     = "CLOUD_IAM_SERVICE_ACCOUNT"', 'type     = "BUILT_IN"', "by password"),
]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    copy = Copy.make(tmp_path_factory.mktemp("plans") / "terraform")
    return {name: copy.planned(name) for name in ENVIRONMENTS}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_holds_nothing_that_none_may(name: str, plans: dict[str, list[dict[str, Any]]]) -> None:
    assert len(plans[name]) > 60
    assert faults(plans[name], name) == []


def test_dev_would_not_do_for_prod(plans: dict[str, list[dict[str, Any]]]) -> None:
    found = faults(plans["dev"], "prod")
    for fault in ("may be deleted", "may be destroyed", "key of ours", "in one zone", "public address", "images from"):
        assert [one for one in found if fault in one] != [], fault


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_heavy_steps_find_the_nodes_for_training(name: str, plans: dict[str, list[dict[str, Any]]]) -> None:
    heavy = yaml.safe_load((google_provider.ROOT / "pipelines" / "places" / "cloud.yaml").read_text(encoding="utf-8"))[
        "heavy"
    ]
    (pool,) = [one for one in plans[name] if one["address"].endswith('google_container_node_pool.this["training"]')]
    nodes = pool["change"]["after"]["node_config"][0]
    assert heavy["node_selector"] == nodes["labels"]
    tolerated = [(one["key"], one["value"], one["effect"]) for one in heavy["tolerations"]]
    assert [(one["key"], one["value"], EFFECTS[one["effect"]]) for one in nodes["taint"]] == tolerated


@pytest.mark.parametrize(("module", "right", "wrong", "fault"), FAULTS, ids=[f"{f[0]}: {f[3]}" for f in FAULTS])
def test_a_fault_in_prod_is_found(module: str, right: str, wrong: str, fault: str, tmp_path: Path) -> None:
    copy = Copy.make(tmp_path / "terraform")
    copy.replace(f"modules/{module}", right, wrong)
    assert [one for one in faults(copy.planned("prod"), "prod") if fault in one] != []


@pytest.mark.parametrize(
    "kind", ["google_storage_bucket_iam_binding", "google_project_iam_policy", "google_service_account_key"]
)
def test_what_overrides_other_grants_or_makes_keys_is_found(kind: str) -> None:
    (found,) = faults([{"type": kind, "address": "module.x.y", "change": {"after": {}}}], "dev")
    assert found.startswith("module.x.y: ")
