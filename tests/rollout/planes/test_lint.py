"""Files in, findings out."""

from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from components.rollout.planes.lint import lint
from tests.rollout.planes.cluster_api import route, service

PLAN = """
name: first
strategy: canary
use_case: sba_loans
sticky_header: x-customer
steps: [{weight: 5}]
metrics: [{name: error_rate, margin: 0.01}]
"""


def write(path: Path, *documents: object) -> Path:
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return path


def test_every_object_of_every_file_is_looked_at(tmp_path: Path) -> None:
    bad = service("b", "Standard")
    bad["spec"]["predictor"]["canaryTrafficPercent"] = 5
    listed = {"kind": "List", "items": [bad]}
    first = write(tmp_path / "a.yaml", service("a", "Knative"), None, {"kind": "Service"})
    files = [
        first,
        write(tmp_path / "b", listed),
    ]
    found = lint(files)
    assert [(f.severity, f.subject, Path(f.file).name) for f in found] == [
        ("info", "InferenceService a", "a.yaml"),
        ("info", "InferenceService b", "b"),
        ("error", "InferenceService b", "b"),
    ]


def test_a_plan_among_the_files_is_held_against_the_objects(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    alone = lint([plan, write(tmp_path / "a.yaml", service("a", "Knative"))])
    assert [f.field for f in alone if f.severity == "error"] == ["sticky_header"]
    routed = lint([write(tmp_path / "b.yaml", service("sba-1", "Standard"), route("sba")), plan])
    assert [(f.severity, f.field) for f in routed] == [("info", "mode"), ("warning", "sticky_header")]
    with pytest.raises(FairleadError, match="second rollout plan"):
        lint([plan, plan])


def test_a_transformer_in_one_file_counts_for_a_route_in_another(tmp_path: Path) -> None:
    made = service("sba-1", "Standard")
    made["spec"]["transformer"] = {"containers": [{"name": "t"}]}
    found = lint([write(tmp_path / "r", route("sba")), write(tmp_path / "s", made)])
    assert [f.field for f in found if f.severity == "error"] == ["spec.rules[0].backendRefs", "spec.transformer"]


def test_the_default_mode_of_the_cluster_can_be_told(tmp_path: Path) -> None:
    made = service("a", "")
    del made["metadata"]["annotations"]
    file = write(tmp_path / "a.yaml", made)
    assert lint([file])[0].found.startswith("Knative")
    assert lint([file], default_mode="Standard")[0].found.startswith("Standard")


def test_what_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="cannot be read"):
        lint([tmp_path / "none.yaml"])
    with pytest.raises(FairleadError, match="no InferenceService and no HTTPRoute in no files"):
        lint([])
    (tmp_path / "bad").write_text("a: [")
    with pytest.raises(FairleadError, match="is not YAML"):
        lint([tmp_path / "bad"])
