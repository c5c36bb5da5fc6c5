"""Steps, images and environments: every way through the table leads back to a dependency group."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.images import REGISTRY, group_of, image, image_of, images, steps

ROOT = Path(__file__).parents[1]


def test_an_image_carries_the_version_of_the_package() -> None:
    assert image("platform") == f"{REGISTRY}/fairlead-platform:{version('fairlead')}"


def test_the_installed_version_is_the_one_in_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version("fairlead") == project["version"]


def test_an_unknown_image_names_the_known_ones() -> None:
    with pytest.raises(FairleadError, match="unknown image 'gpu'; allowed: platform, tfdv, explain, drift, serving"):
        image("gpu")


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("validate_schema", "tfdv"),
        ("validate-schema", "tfdv"),
        ("explain_examples", "explain"),
        ("train", "platform"),
    ],
)
def test_a_step_runs_in_its_image(step: str, name: str) -> None:
    assert image_of(step) == image(name)


@pytest.mark.parametrize("name", images)
@pytest.mark.parametrize(
    "reference",
    [
        "{0}:1",
        "{0}",
        "a/{0}:1.0-rc.1",
        "localhost:5000/{0}",
        "r.example/x/{0}:1@sha256:0f",
        "r.example/x/{0}@sha256:0f",
    ],
)
def test_any_reference_to_our_image_leads_to_its_group(name: str, reference: str) -> None:
    assert group_of(reference.format(f"fairlead-{name}")) == images[name]


@pytest.mark.parametrize(
    "foreign", ["python:3.11", "", "fairlead-gpu:1", "other/notfairlead-tfdv:1", "x/fairlead-tfdv/y"]
)
def test_a_foreign_image_is_refused(foreign: str) -> None:
    with pytest.raises(FairleadError, match="unknown image"):
        group_of(foreign)


def test_every_group_in_the_table_is_a_dependency_group() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert set(images.values()) <= groups.keys()
    assert set(steps.values()) <= images.keys()
