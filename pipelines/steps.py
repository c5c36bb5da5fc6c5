"""The steps as pipelines use them: each component with what Kubernetes has to give it.

Memory and cpu, a deadline, tries after a failure, settings and keys stand here, so that a pipeline reads as what it is:
which step follows which. What differs from cluster to cluster is the place's, see ``pipelines/place.py``.
"""

from collections.abc import Callable
from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from components.data import component as data
from components.features import component as features
from components.governance import component as governance
from components.judgement import component as judgement
from components.monitoring import component as monitoring
from components.registry import component as registry
from components.serving import component as serving
from components.training import component as training
from pipelines.place import here
from pipelines.placing import Needs, fit

CONFIG_MAP = "fairlead"
"""ConfigMap in the run's namespace with the settings of ``components.core.config``; each is optional."""

SIGNING_SECRET, SIGNING_FOLDER = "fairlead-signing", "/etc/fairlead/signing"
"""Secret with the private key ``signing.pem``, and where it is mounted."""

VERIFY_SECRET, VERIFY_FOLDER = "fairlead-verify", "/etc/fairlead/verify"
"""Secret with the public key ``signing.pub.pem``, and where it is mounted."""

WATERMARK_SECRET, WATERMARK_FOLDER = "fairlead-watermark", "/etc/fairlead/watermark"
"""Secret with the key ``watermark.key`` that models are marked with, and where it is mounted."""

_SETTINGS = (
    "HOME",
    "TRACKING_URI",
    "BUNDLE_STORE",
    "LEDGER_PATH",
    "ACTOR",
    "SIGNING_KEY",
    "VERIFY_KEY",
    "WATERMARK_KEY",
)

Placed = Callable[..., PipelineTask]


def placed(
    component: BaseComponent,
    *,
    memory: str = "2G",
    cpu: str = "1",
    minutes: int = 15,
    retries: int = 0,
    settings: bool = False,
    signs: bool = False,
    verifies: bool = False,
    marks: bool = False,
    heavy: bool = False,
    buckets: bool = False,
    ledger: bool = False,
    cached: bool = True,
) -> Placed:
    """Bind a component to its place.

    Args:
        component: a step.
        memory: that it may use.
        cpu: that it may use.
        minutes: until it is stopped.
        retries: tries after a failure, for what talks to something outside; what fails from the data fails again.
        settings: hand it the settings of the place, which say where registry, bundle store and ledger are.
        signs: mount the private key. Who reads it can make bundles that every server accepts.
        verifies: mount the public key.
        marks: mount the key of the watermark. Who reads it can find the marks and take them out.
        heavy: it searches, trains or looks from all sides: let it run on the nodes that the place has for that.
        buckets: hand it what it takes to reach the object store of the place.
        ledger: mount the claim of the place that holds the ledger, where there is one.
        cached: False for a step that looks at something outside that may have changed: the registry, the keys.
    """

    needs = Needs(component.name, memory, cpu, minutes, heavy=heavy, buckets=buckets, ledger=ledger)

    def make(**arguments: Any) -> PipelineTask:
        task = component(**arguments)
        fit(task, needs, here())
        if retries:
            task.set_retry(num_retries=retries, backoff_duration="5s", backoff_factor=2.0)
        if settings:
            names = {f"FAIRLEAD_{name}": f"FAIRLEAD_{name}" for name in _SETTINGS}
            kubernetes.use_config_map_as_env(task, CONFIG_MAP, names, optional=True)
        if signs:
            kubernetes.use_secret_as_volume(task, SIGNING_SECRET, SIGNING_FOLDER, optional=True)
        if verifies:
            kubernetes.use_secret_as_volume(task, VERIFY_SECRET, VERIFY_FOLDER, optional=True)
        if marks:
            kubernetes.use_secret_as_volume(task, WATERMARK_SECRET, WATERMARK_FOLDER, optional=True)
        if not cached:
            task.set_caching_options(False)
        return task

    return make


_REGISTRY: dict[str, Any] = {
    "retries": 1,
    "settings": True,
    "verifies": True,
    "buckets": True,
    "ledger": True,
    "cached": False,
}
"""For a step that takes a bundle from the registry or puts one there."""

ingest = placed(data.ingest, retries=1, buckets=True)
validate_schema = placed(data.validate_schema, memory="4G")
check_rows = placed(data.check_rows, memory="4G", retries=1, buckets=True)
check_leakage = placed(judgement.check_leakage)
build_features = placed(features.build_features, memory="4G")
label_rows = placed(training.label_rows)
tune = placed(training.tune, cpu="2", minutes=60, heavy=True)
identify_watermark_key = placed(training.identify_watermark_key, settings=True, marks=True, cached=False)
train = placed(training.train, cpu="2", minutes=30, heavy=True, settings=True, marks=True)
evaluate = placed(training.evaluate)
package = placed(judgement.package, settings=True, signs=True, verifies=True, ledger=True, cached=False)
smoke_test = placed(serving.smoke_test, settings=True, verifies=True)
explain_examples = placed(judgement.explain_examples, memory="4G")
track = placed(registry.track, retries=1, settings=True, cached=False)
score_champion = placed(registry.score_champion, **_REGISTRY)
fetch_model = placed(registry.fetch_model, **_REGISTRY)
explain_table = placed(judgement.explain_table, memory="4G", cpu="2", minutes=30, heavy=True)
check = placed(judgement.check, memory="4G", minutes=30, heavy=True, settings=True, marks=True, cached=False)
try_mitigation = placed(judgement.try_mitigation, memory="4G", minutes=30, heavy=True)
judge = placed(judgement.judge)
require_gates = placed(judgement.require_gates)
register = placed(registry.register, **_REGISTRY)
write_report = placed(governance.write_report)
collect_rows = placed(monitoring.collect_rows, memory="4G", **_REGISTRY)
lay_out_windows = placed(monitoring.lay_out_windows, memory="4G", cached=False)
measure_discrepancy = placed(monitoring.measure_discrepancy, memory="4G")
measure_nothing = placed(monitoring.measure_nothing)
look = placed(monitoring.look, memory="4G", cached=False)
raise_alerts = placed(monitoring.raise_alerts, retries=1, settings=True, cached=False)
write_look_report = placed(monitoring.write_look_report)
report_outcome = placed(governance.report_outcome, settings=True, ledger=True, cached=False)
