"""What no plan of an environment may hold, whatever module it comes from."""

import re
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
"""One entry of ``resource_changes`` in Terraform's JSON plan."""

EVERYBODY = ("allUsers", "allAuthenticatedUsers")
AGENT = 'google_kms_crypto_key_iam_member.agent["storage"]'
TOO_WIDE = re.compile(r"^roles/(owner|editor|viewer|.*\.?[aA]dmin)$")
ON_THE_PROJECT = {
    "roles/container.defaultNodeServiceAccount",
    "roles/cloudsql.client",
    "roles/cloudsql.instanceUser",
}
REFUSED = re.compile(r"_iam_(binding|policy)$|^google_service_account_key$|^google_storage_bucket_acl$")


def faults(resources: list[Resource], environment: str) -> list[str]:
    """List what is wrong with a plan, each with the resource's address; empty when nothing is.

    Args:
        resources: all of the plan.
        environment: dev, staging or prod.
    """
    found = [fault for resource in resources for fault in _always(resource)]
    if environment != "dev":
        found += [fault for resource in resources for fault in _protected(resource)]
    if environment == "prod":
        found += [fault for resource in resources for fault in _production(resource)]
    return found


def _always(resource: Resource) -> Iterator[str]:
    kind, after, address = resource["type"], resource["change"]["after"], resource["address"]
    if REFUSED.search(kind):
        yield f"{address}: {kind} overrides what others granted, or makes a key"
    # Google's agent for Cloud Storage is asked for while the plan is carried out; whom else a role goes to is known.
    if kind.endswith("_iam_member") and after.get("member", AGENT).startswith(EVERYBODY):
        yield f"{address}: granted to {after['member']}"
    if kind.endswith("_iam_member") and "member" not in after and AGENT not in address:
        yield f"{address}: nobody can see whom it is granted to"
    if kind.endswith("_iam_member") and TOO_WIDE.match(after["role"]):
        yield f"{address}: {after['role']} is too wide"
    if kind == "google_project_iam_member" and after["role"] not in ON_THE_PROJECT:
        yield f"{address}: {after['role']} on the whole project"
    if kind == "google_project_iam_member" and "cloudsql" in after["role"] and not after["condition"]:
        yield f"{address}: {after['role']} on every instance of the project"
    if kind == "google_storage_bucket_iam_member" and '["serving/' in address:
        yield from _serving(after, address)
    if kind == "google_storage_bucket" and after["public_access_prevention"] != "enforced":
        yield f"{address}: can be made public"
    if kind == "google_compute_firewall" and "0.0.0.0/0" in (after["source_ranges"] or ["0.0.0.0/0"]):
        yield f"{address}: open to the internet"
    if kind == "google_sql_user" and after["type"] != "CLOUD_IAM_SERVICE_ACCOUNT":
        yield f"{address}: logs in by password"
    if kind == "google_sql_database_instance" and after["settings"][0]["ip_configuration"][0]["ipv4_enabled"]:
        yield f"{address}: has a public address"
    if kind == "google_container_cluster" and not after["private_cluster_config"][0]["enable_private_nodes"]:
        yield f"{address}: nodes have public addresses"


def _serving(after: dict[str, Any], address: str) -> Iterator[str]:
    if after["role"] != "roles/storage.objectViewer":
        yield f"{address}: serving may do more than read: {after['role']}"
    if not after["bucket"].endswith("-bundles"):
        yield f"{address}: serving reaches {after['bucket']}"


def _protected(resource: Resource) -> Iterator[str]:
    kind, after, address = resource["type"], resource["change"]["after"], resource["address"]
    if kind in ("google_container_cluster", "google_sql_database_instance") and not after["deletion_protection"]:
        yield f"{address}: may be deleted"
    if kind == "google_sql_database_instance" and not after["settings"][0]["deletion_protection_enabled"]:
        yield f"{address}: may be deleted by hand"
    if kind == "google_storage_bucket" and after["force_destroy"]:
        yield f"{address}: may be destroyed with its objects"
    if kind == "google_storage_bucket" and not after["encryption"]:
        yield f"{address}: not encrypted with a key of ours"
    if kind == "google_container_cluster" and not after["database_encryption"]:
        yield f"{address}: Secrets are not encrypted with a key of ours"
    if kind == "google_container_cluster" and not after["private_cluster_config"][0]["enable_private_endpoint"]:
        yield f"{address}: the API server has a public address"
    keys = {
        "google_sql_database_instance": "encryption_key_name",
        "google_redis_instance": "customer_managed_key",
        "google_artifact_registry_repository": "kms_key_name",
    }
    if kind in keys and not after.get(keys[kind]):
        yield f"{address}: not encrypted with a key of ours"


def _production(resource: Resource) -> Iterator[str]:
    kind, after, address = resource["type"], resource["change"]["after"], resource["address"]
    if kind == "google_container_cluster" and re.fullmatch(r".*-[a-z]", after["location"]):
        yield f"{address}: in one zone, {after['location']}"
    if kind == "google_sql_database_instance" and after["settings"][0]["availability_type"] != "REGIONAL":
        yield f"{address}: in one zone"
    if kind == "google_redis_instance" and after["tier"] != "STANDARD_HA":
        yield f"{address}: in one zone"
    if kind == "google_binary_authorization_policy":
        mode = after["default_admission_rule"][0]["enforcement_mode"]
        if mode != "ENFORCED_BLOCK_AND_AUDIT_LOG":
            yield f"{address}: images from elsewhere run ({mode})"
