"""What KServe will start is what our programs take: arguments, probes, the forms of URIs, steps of one's own."""

import asyncio
import re
import types

import numpy as np
import pytest
import yaml

from components.serving import __main__ as server
from components.serving import fetch
from components.serving.exchange import Request, Tensor
from components.serving.explainer import __main__ as explainer
from components.serving.hooks import Hooks
from tests.specs import rendered
from tests.specs.pods import pods
from tests.specs.rendered import ROOT, every

pytestmark = [
    pytest.mark.skipif(rendered.command() is None, reason=rendered.NEEDS),
    pytest.mark.xdist_group("rendered"),  # rendered once
]

DIGEST = "0" * 63 + "f"


def predictors():
    world = rendered.world()
    services = list(every("InferenceService", world))
    return [pod for pod in pods(services, world) if " predictor" in pod.owner]


def test_the_server_takes_the_arguments_that_it_is_given():
    entry = (ROOT / "components" / "Dockerfile").read_text(encoding="utf-8").rpartition("ENTRYPOINT ")[2].strip()
    words = yaml.safe_load(entry)
    assert words[:3] == ["python", "-m", "components.serving"]
    assert len(predictors()) >= 10
    for pod in predictors():
        called = pod.labels["serving.kserve.io/inferenceservice"]
        options = server.parse([*words[3:], *(word.replace("{{.Name}}", called) for word in pod.containers[0]["args"])])
        assert (options.bundle, options.host, options.http_port) == ("/mnt/models", "0.0.0.0", 8080)  # noqa: S104
        assert options.name == re.sub("-[12]$", "", called)
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        assert options.drain_seconds + options.deadline_ms / 1000 < grace, "who stops answers what it has begun"


def test_the_explainer_takes_what_kserve_adds():
    objects = rendered.rendered()["kserve/components/explainer"]
    [pod] = [pod for pod in pods(objects, objects) if pod.owner.endswith("explainer")]
    container = pod.containers[0]
    assert container["command"] == ["python", "-m", "components.serving.explainer"]
    added = ["--model_name", "sba-loans", "--predictor_host", "sba-loans-predictor.models", "--http_port", "8080"]
    options = explainer.parse([*container["args"], *added])
    assert (options.bundle, options.model_name, options.host) == ("/mnt/models", "sba-loans", "0.0.0.0")  # noqa: S104
    [service] = every("InferenceService", objects)
    uri = next(setting["value"] for setting in container["env"] if setting["name"] == "STORAGE_URI")
    assert uri == service["spec"]["predictor"]["model"]["storageUri"]


def test_what_fetches_is_our_fetcher_and_leaves_its_arguments_to_kserve():
    [storage] = every("ClusterStorageContainer", rendered.rendered()["kserve/runtime"])
    container = storage["spec"]["container"]
    assert container["command"] == ["python", "-m", fetch.__name__]
    assert "args" not in container
    volumes = {
        volume["name"] for thing in every("ServingRuntime", rendered.world()) for volume in thing["spec"]["volumes"]
    }
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        ("models:/sba_loans/1", True),
        ("models:/sba_loans@champion", True),
        (f"s3://fairlead/bundles/{DIGEST}", True),
        (f"gs://bucket/{DIGEST}", True),
        ("s3://others/model", False),
        (f"s3://others/{DIGEST}/model", False),
        ("gs://bucket/model.joblib", False),
        (f"https://example.com/{DIGEST}", False),
        ("pvc://models/a", False),
    ],
)
def test_it_fetches_bundles_and_nobody_elses_models(uri, ours):
    [storage] = every("ClusterStorageContainer", rendered.rendered()["kserve/runtime"])
    forms = storage["spec"]["supportedUriFormats"]
    assert any(uri.startswith(f["prefix"]) if "prefix" in f else re.search(f["regex"], uri) for f in forms) is ours


def test_every_storage_uri_is_one_that_it_fetches():
    [storage] = every("ClusterStorageContainer", rendered.rendered()["kserve/runtime"])
    prefix = next(f["prefix"] for f in storage["spec"]["supportedUriFormats"] if "prefix" in f)
    uris = [
        part["model"]["storageUri"]
        for thing in every("InferenceService", rendered.world())
        for part in [thing["spec"]["predictor"], *(c["predictor"] for c in thing["spec"].get("canary", []))]
    ]
    assert uris
    assert all(uri.startswith(prefix) for uri in uris), "another one needs storageContainerName, see the comment there"


def test_the_runtime_of_the_cluster_is_that_of_the_namespace():
    found = rendered.rendered()["kserve/runtime"]
    [one], [other] = (list(every(kind, found)) for kind in ("ServingRuntime", "ClusterServingRuntime"))
    assert one["spec"] == other["spec"]


def test_images_are_pinned_in_all_places_by_one_file():
    digests = yaml.safe_load((ROOT / "kserve/overlays/cloud/digests/kustomization.yaml").read_text(encoding="utf-8"))
    pinned = {f"{i['name']}{'@' + i['digest'] if 'digest' in i else ':' + i['newTag']}" for i in digests["images"]}
    objects = rendered.rendered()["kserve/overlays/cloud"]
    used = {c["image"] for pod in pods(objects, objects) for c in pod.containers}
    assert used
    assert used <= pinned


def test_steps_of_ones_own_are_steps_for_the_server():
    [steps] = every("ConfigMap", rendered.rendered()["kserve/components/collocated-transformer"])
    [service] = every("InferenceService", rendered.rendered()["kserve/components/collocated-transformer"])
    options = server.parse(["--bundle", "b", *service["spec"]["predictor"]["model"]["args"]])
    module, _, name = options.hooks.partition(":")
    [mount] = service["spec"]["predictor"]["model"]["volumeMounts"]
    assert f"{mount['mountPath'].removeprefix('/opt/fairlead/')}/{module.rpartition('.')[2]}.py" == "steps/sba_loans.py"
    loaded = types.ModuleType(module)
    exec(steps["data"]["sba_loans.py"], loaded.__dict__)  # noqa: S102 — our own text, as the server will import it
    hooks = Hooks(getattr(loaded, name)())
    arrays = Tensor("NoEmp", "INT64", (1,), np.array([1]))
    asked = Request((Tensor("State", "BYTES", (2,), [" ca", None]), Tensor("Bank", "BYTES", (1,), ["b"]), arrays))
    told = asyncio.run(hooks.before(asked, {}))
    assert [t.data for t in told.tensors[:2]] == [["CA", None], ["b"]]
    assert told.tensors[2] is arrays
