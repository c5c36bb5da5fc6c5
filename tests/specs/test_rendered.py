"""Everything under ``kserve/`` and ``manifests/``, as kustomize renders it, against definitions and rules."""

import pytest

from tests.specs import policies, rendered, schemas
from tests.specs.rendered import name_of
from tests.specs.schemas import KSERVE

pytestmark = [
    pytest.mark.skipif(rendered.command() is None, reason=rendered.NEEDS),
    pytest.mark.xdist_group("rendered"),  # rendered once
]

NEEDS_0_20 = {"kserve/strategies/canary-standard": "canary"}
"""What a cluster with KServe 0.19 refuses → the field that it does not know."""

OVERLAYS = ("kind", "cloud")


@pytest.mark.parametrize("folder", rendered.folders())
def test_a_folder_is_rendered(folder):
    found = rendered.results()[folder]
    assert isinstance(found, list), str(found)
    assert found, "it renders nothing"


@pytest.mark.parametrize("kserve", KSERVE)
def test_all_objects_are_what_their_definitions_say(kserve):
    own = {
        kind: validator
        for thing in rendered.every("CustomResourceDefinition", rendered.world())
        for kind, validator in schemas.of_rendered(thing).items()
    }
    found, looked_at = [], set()
    for folder, objects in rendered.rendered().items():
        for thing in objects:
            kind = f"{thing['apiVersion']} {thing['kind']}"
            validator = own.get(kind) or schemas.validator(kind, kserve)
            if validator is not None:
                looked_at.add(thing["kind"])
                found += [f"{folder}: {name_of(thing)}: {fault}" for fault in schemas.faults(thing, validator)]
    assert {
        "InferenceService",
        "ServingRuntime",
        "ClusterServingRuntime",
        "ClusterStorageContainer",
        "HTTPRoute",
    } <= looked_at
    if kserve == KSERVE[-1]:
        assert found == []
    else:
        # By name, so that what needs the newer version is known, and is no more than we say.
        assert {fault.split(":")[0] for fault in found} == set(NEEDS_0_20)
        assert all(any(f"'{field}' was unexpected" in fault for field in NEEDS_0_20.values()) for fault in found)


def test_all_objects_keep_the_rules():
    world = rendered.world()
    found = set(policies.faults(world, world))
    assert sorted(f for f in found if (f.rule, f.subject) not in policies.EXCEPTIONS) == []


def test_every_exception_is_needed():
    world = rendered.world()
    needed = {(fault.rule, fault.subject) for fault in policies.faults(world, world)}
    assert policies.EXCEPTIONS.keys() - needed == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_stands_by_itself(overlay):
    both = [f"kserve/overlays/{overlay}", f"manifests/overlays/{overlay}"]
    missing = [name for name in both if name not in rendered.folders()]
    if missing:
        pytest.skip(f"there is no {', '.join(missing)} yet")
    objects = [thing for name in both for thing in rendered.rendered()[name]]
    names = [f"{thing['apiVersion']} {name_of(thing)}" for thing in objects]
    assert sorted({name for name in names if names.count(name) > 1}) == []
    found = set(policies.faults(objects, objects))
    assert sorted(f for f in found if (f.rule, f.subject) not in policies.EXCEPTIONS) == []
