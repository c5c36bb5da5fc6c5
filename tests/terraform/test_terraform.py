"""The configurations under terraform/ are formatted, valid by the provider's schema, and plan what they promise.

``terraform test`` runs each folder's own tests (``tests/*.tftest.hcl``) with the provider mocked: no cloud is reached.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.terraform import google_provider
from tests.terraform.running import ENVIRONMENTS, TERRAFORM, Copy

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(bool(google_provider.missing()), reason=google_provider.missing()),
    pytest.mark.timeout(900),
]

NAMES = sorted(str(f.relative_to(TERRAFORM)) for kind in ("modules", "envs") for f in (TERRAFORM / kind).iterdir())
SAME = ("versions.tf", "variables.tf", "outputs.tf")

FAULTS = [
    ("storage", 'public_access_prevention    = "enforced"', 'public_access_prevention    = "inherited"'),
    ("storage", "uniform_bucket_level_access = true", "uniform_bucket_level_access = false"),
    ("storage", "    enabled = true", "    enabled = false"),
    ("network", "private_ip_google_access = true", "private_ip_google_access = false"),
    # Outside of the list in the provider's documentation; and a block that the provider does not have.
    ("network", 'source_subnetwork_ip_ranges_to_nat = "LIST_OF', 'source_subnetwork_ip_ranges_to_nat = "SOME_OF'),
    ("network", "secondary_ip_range {", "secondary_range {"),
    ("cluster", "enable_private_nodes    = true", "enable_private_nodes    = false"),
    ("cluster", 'mode = "GKE_METADATA"', 'mode = "GCE_METADATA"'),
    ("cluster", 'key    = "fairlead.dev/pool"', 'key    = "fairlead/pool"'),
    ("cluster", "gcp_public_cidrs_access_enabled = false", "gcp_public_cidrs_access_enabled = true"),
    ("cluster", 'evaluation_mode  = "ALWAYS_DENY"', 'evaluation_mode  = "ALWAYS_ALLOW"'),
    ("registry", "immutable_tags = true", "immutable_tags = false"),
    ("registry", "roles/artifactregistry.writer", "roles/artifactregistry.admin"),
    ("identity", 'read  = "roles/storage.objectViewer"', 'read  = "roles/storage.objectUser"'),
    ("identity", 'write = "roles/storage.objectUser"', 'write = "roles/storage.admin"'),
    ("identity", '"serviceAccount:${google_service_account.workload[each.value.workload].email}"', '"allUsers"'),
    ("identity", "assertion.repository_owner_id ==", "assertion.repository_owner_id !="),
    ("database", "ipv4_enabled    = false", "ipv4_enabled    = true"),
    ("database", "deletion_protection = var.deletion_protection", "deletion_protection = false"),
    ("database", "auth_enabled            = true", "auth_enabled            = false"),
    ("database", "resource.name == 'projects/", "resource.name != 'projects/"),
    ("encryption", 'rotation_period = "7776000s"', 'rotation_period = "77760000s"'),
    ("environment", "var.highly_available ? var.region : var.zone", "var.zone"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy.make(tmp_path_factory.mktemp("terraform") / "terraform")


def test_everything_is_formatted() -> None:
    command = ["terraform", "fmt", "-check", "-recursive", "-diff", str(TERRAFORM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_it_is_valid_and_plans_what_it_promises(name: str, copy: Copy) -> None:
    copy.prepare(name)
    validated = json.loads(copy.run(name, "validate", "-json"))
    # The plugin stands in by a setting for developers, which Terraform warns of.
    told = [said["summary"] for said in validated["diagnostics"] if "development overrides" not in said["summary"]]
    assert (validated["valid"], told) == (True, [])
    printed = copy.run(name, "test")
    counted = re.search(r"^Success! (\d+) passed, 0 failed\.", printed, re.MULTILINE)
    assert counted is not None, printed
    written = "".join(file.read_text(encoding="utf-8") for file in (TERRAFORM / name).glob("tests/*.hcl"))
    assert int(counted[1]) == written.count('\nrun "') > 0


@pytest.mark.parametrize(("module", "right", "wrong"), FAULTS, ids=[f"{f[0]}: {f[2].strip()[:50]}" for f in FAULTS])
def test_a_fault_is_caught(module: str, right: str, wrong: str, tmp_path: Path) -> None:
    faulty = Copy.make(tmp_path / "terraform")
    faulty.replace(f"modules/{module}", right, wrong)
    faulty.prepare(f"modules/{module}")
    with pytest.raises(AssertionError, match=r"[1-9]\d* failed|Error: "):
        faulty.run(f"modules/{module}", "test")


def test_the_environments_differ_in_their_values_alone() -> None:
    files = {name: {(TERRAFORM / "envs" / e / name).read_text(encoding="utf-8") for e in ENVIRONMENTS} for name in SAME}
    assert [name for name, texts in files.items() if len(texts) != 1] == []
    calls = [(TERRAFORM / "envs" / e / "main.tf").read_text(encoding="utf-8") for e in ENVIRONMENTS]
    assert len({tuple(re.findall(r"^  (\w+) +=", text, re.MULTILINE)) for text in calls}) == 1


def test_the_pinned_provider_is_the_one_that_is_checked_against() -> None:
    text = (TERRAFORM / "envs" / "prod" / "versions.tf").read_text(encoding="utf-8")
    assert re.findall(r'version = "(\d[\d.]+)"', text) == [google_provider.VERSION]
