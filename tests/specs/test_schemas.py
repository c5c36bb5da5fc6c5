import copy

import pytest

from tests.specs import schemas
from tests.specs.schemas import KSERVE, SOURCES

SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "a"},
    "spec": {"predictor": {"minReplicas": 1, "model": {"modelFormat": {"name": "fairlead"}, "storageUri": "s3://a/b"}}},
}
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "a"},
    "spec": {"rules": [{"backendRefs": [{"name": "a", "port": 80, "weight": 10}]}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "labels": {"a": "b"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "image": "a:1",
                        "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    }
                ]
            },
        },
    },
}
WEB = "spec.template.spec.containers.0"
CANARY = [{"trafficPercent": 10, "predictor": {"name": "b", "model": {"name": "c", "modelFormat": {"name": "d"}}}}]


def with_(thing, path, value):
    """Return a copy in which a value is set; numbers in the path are places in lists."""
    changed = copy.deepcopy(thing)
    *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    place = changed
    for word in way:
        place = place[word]
    place[last] = value
    return changed


def faults(thing, kserve=KSERVE[-1]):
    validator = schemas.validator(f"{thing['apiVersion']} {thing['kind']}", kserve)
    assert validator is not None
    return schemas.faults(thing, validator)


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_is_what_its_module_says(name):
    module = SOURCES[name][0]
    folder = schemas.downloaded(module)
    if folder is None:
        pytest.skip(f"{module} is not among Go's modules here: python -m tests.specs.schemas write fetches it")
    assert (schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8") == schemas.made(name, folder)


def test_all_files_together_are_small():
    files = list(schemas.FOLDER.iterdir())
    assert sorted(file.stem for file in files) == sorted(SOURCES)
    assert sum(file.stat().st_size for file in files) < 300_000


@pytest.mark.parametrize("kserve", KSERVE)
@pytest.mark.parametrize("thing", [SERVICE, ROUTE, DEPLOYMENT], ids=lambda t: t["kind"])
def test_a_right_object_has_no_fault(thing, kserve):
    assert faults(thing, kserve) == []


@pytest.mark.parametrize("kserve", KSERVE)
@pytest.mark.parametrize(
    ("thing", "path", "value", "said"),
    [
        (SERVICE, "spec.predictor.minReplica", 1, "'minReplica' was unexpected"),
        (SERVICE, "spec.predictor.minReplicas", "1", "not of type 'integer'"),
        (SERVICE, "spec.predictor.model.modelFormat", {}, "'name' is a required property"),
        (SERVICE, "spec.predictor.model.resources", {"limit": {}}, "'limit' was unexpected"),
        (SERVICE, "spec.predictor.model.env", [{"name": "A", "val": "b"}], "'val' was unexpected"),
        (SERVICE, "spec.predictor.scaleMetric", "requests", "is not one of"),
        (SERVICE, "spec.canaryTrafficPercent", 10, "'canaryTrafficPercent' was unexpected"),
        (SERVICE, "spec.transformer", {"custom": {}}, "'custom' was unexpected"),
        (SERVICE, "spec.explainer", {"alibi": {}}, "'alibi' was unexpected"),
        (ROUTE, "spec.rules.0.backendRefs.0.weight", -1, "minimum"),
        (ROUTE, "spec.rules.0.backendRefs.0.percent", 10, "'percent' was unexpected"),
        (DEPLOYMENT, "metadata.label", {}, "'label' was unexpected"),
        (DEPLOYMENT, f"{WEB}.resource", {}, "'resource' was unexpected"),
        (DEPLOYMENT, f"{WEB}.securityContext", {"runAsNonroot": True}, "'runAsNonroot' was unexpected"),
        (DEPLOYMENT, f"{WEB}.livenessProbe.httpGet.port", [], "is not valid under any"),
        (DEPLOYMENT, "spec.replicas", "2", "is not of type 'integer'"),
        (ROUTE, "spec.rules.0.filters", [{"type": "Mirror"}], "is not one of"),
    ],
)
def test_a_wrong_field_is_a_fault(thing, path, value, said, kserve):
    assert any(said in fault for fault in faults(with_(thing, path, value), kserve))


def test_a_canary_of_mode_standard_is_known_from_0_20_on():
    thing = with_(SERVICE, "spec.canary", CANARY)
    assert [said for said in faults(thing, "0.19.0") if "'canary' was unexpected" in said]
    assert faults(thing, "0.20.0") == []
    assert faults(with_(thing, "spec.canary.0.trafficPercent", 101), "0.20.0")
    del thing["spec"]["canary"][0]["predictor"]["model"]["name"]
    assert any("'name' is a required property" in fault for fault in faults(thing, "0.20.0"))


def test_the_name_of_a_storage_container_is_known_from_0_20_on():
    thing = with_(SERVICE, "spec.predictor.storageContainerName", "fairlead")
    assert faults(thing, "0.19.0")
    assert faults(thing, "0.20.0") == []


def test_what_a_definition_leaves_open_stays_open():
    parts = {
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"a": {"type": "string"}},
        },
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "none": {"type": "string", "nullable": True},
        "one": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"], "properties": {"a": {"minLength": 1}}}, {"required": ["b"]}],
        },
    }
    spec = {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": parts}}}]}
    definition = {"spec": {"group": "a.b", "names": {"kind": "C"}, **spec}}
    validator = schemas.of_rendered(definition)["a.b/v1 C"]
    right = {"free": {"a": "x", "b": 1}, "port": "http", "labels": {"a": "b"}, "none": None, "one": {"a": "x"}}
    assert schemas.faults({**right, "status": {}}, validator), "its own part is what the cluster writes"
    assert schemas.faults({"apiVersion": "a.b/v1", "kind": "C", "metadata": {"name": "c"}, **right}, validator) == []
    for name, wrong in {
        "free": {"a": 1},
        "port": [],
        "labels": {"a": 1},
        "none": 1,
        "one": {"a": "x", "b": "y"},
    }.items():
        assert {fault.partition(":")[0] for fault in schemas.faults(right | {name: wrong}, validator)} <= {
            name,
            f"{name}.a",
        }
        assert schemas.faults(right | {name: wrong}, validator)
