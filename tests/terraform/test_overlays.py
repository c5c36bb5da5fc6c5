"""What terraform/ makes and what manifests/ and kserve/ deploy fit: accounts, images, taints."""

import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from tests.terraform.running import TERRAFORM

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH"),
]

MAIN = (TERRAFORM / "modules" / "environment" / "main.tf").read_text(encoding="utf-8")
OVERLAYS = ("manifests/overlays/cloud", "kserve/overlays/cloud")
BROUGHT_ALONG = {("kubeflow", "pipeline-runner"): "Kubeflow Pipelines brings it"}


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    found = []
    for path in OVERLAYS:
        command = ["kubectl", "kustomize", path]
        done = subprocess.run(command, cwd=TERRAFORM.parent, capture_output=True, text=True, check=True)
        found += list(yaml.safe_load_all(done.stdout))
    return found


def test_every_account_is_for_one_that_the_overlays_have(objects: list[dict[str, Any]]) -> None:
    bound = set(re.findall(r'namespace += "(.+)"\n +service_account += "(.+)"', MAIN))
    assert len(bound) == MAIN.count("service_account ")
    deployed = {
        (one["metadata"].get("namespace", ""), one["metadata"]["name"])
        for one in objects
        if one["kind"] == "ServiceAccount"
    }
    assert bound - deployed == set(BROUGHT_ALONG)


def test_binary_authorization_lets_every_image_of_the_overlays_in(objects: list[dict[str, Any]]) -> None:
    listed = MAIN.split("upstream_images = [")[1].split("]")[0]
    patterns = [*re.findall(r'"(.+)"', listed), "ghcr.io/fairlead/*"]
    images = sorted(set(re.findall(r"'image': '([^']+)'", str(objects))))
    assert len(images) > 3
    assert [image for image in images if not any(allows(pattern, image) for pattern in patterns)] == []
    assert not any(allows(pattern, "docker.io/library/nginx:1") for pattern in patterns)


def allows(pattern: str, image: str) -> bool:
    """Match as Binary Authorization does: ``*`` stays within a part of the path, ``**`` does not."""
    name = image.split("@")[0].rpartition(":")[0] or image
    return fnmatchcase(name, pattern) and ("**" in pattern or name.count("/") == pattern.count("/"))
