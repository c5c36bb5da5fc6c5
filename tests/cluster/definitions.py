"""Definitions of kinds that others bring: Prometheus operator, KEDA, Knative, Strimzi. Their controllers do not run."""

from collections.abc import Mapping
from pathlib import Path

from tests.cluster import strimzi
from tests.cluster.programs import module_folder, version

PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
KEDA = "github.com/kedacore/keda/v2@v2.20.2"


def others() -> Mapping[str, list[Path]]:
    """Return the files by who brings them.

    Raises:
        FileNotFoundError: a module cannot be had.
    """
    knative = module_folder(f"knative.dev/serving@v{version('knative')}") / "config" / "core" / "300-resources"
    return {
        "Prometheus operator": sorted(
            (module_folder(PROMETHEUS_OPERATOR) / "example/prometheus-operator-crd").glob("*.yaml")
        ),
        "KEDA": sorted((module_folder(KEDA) / "config/crd/bases").glob("keda.sh_*.yaml")),
        "Knative": sorted(knative.glob("*.yaml")),
        "Strimzi": [] if strimzi.missing() else sorted(strimzi.crds().glob("*.yaml")),
    }
