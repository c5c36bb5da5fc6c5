import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from feast import FeatureStore

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED, load
from components.features import definitions
from components.features.definitions import Definitions
from components.features.store import CONFIGURATION, open_store

REPOSITORY = SHIPPED.parents[1] / "feature_repo"


def test_a_use_case_without_a_transform_has_no_matrix(small, tmp_path):
    made = Definitions(small, tmp_path)
    assert made.matrix is None
    assert made.matrix_service is None
    assert [o.name for o in made.everything()] == ["seller", "thing", "small_seller", "small_thing", "small_history"]


def test_what_the_request_carries_besides_the_keys(sba, tmp_path):
    keys = {e.column for e in sba.features.entities}
    request = [f.name for f in Definitions(sba, tmp_path).request.schema]
    assert request == [name for name in sba.features.inputs if name not in keys]


def test_the_version_follows_the_definitions_and_the_code(sba, tmp_path, monkeypatch):
    version = Definitions(sba, tmp_path).version
    assert Definitions(sba, tmp_path / "elsewhere").version == version
    other = sba.model_copy(update={"features": sba.features.model_copy(update={"names": ("log_amount",)})})
    assert Definitions(other, tmp_path).version != version
    monkeypatch.setattr(definitions, "code_fingerprint", lambda _: "another code")
    assert Definitions(sba, tmp_path).version != version


def test_a_key_of_a_kind_that_cannot_be_looked_up_is_refused(small, tmp_path):
    text = yaml.safe_dump(small.model_dump(mode="json")).replace(
        "column: item\n    name: thing", "column: day\n    name: thing"
    )
    with pytest.raises(FairleadError, match=r"'thing' is keyed by 'day', a column of kind 'date'; .* int, category"):
        Definitions(load(text), tmp_path).entities  # noqa: B018


def test_a_registry_read_back_computes_the_same(built, sba):
    view = FeatureStore(repo_path=str(built.store)).get_on_demand_feature_view("sba_loans_matrix")
    made = Definitions(sba, built.store).matrix
    assert made is not None
    request = {"GrAppv": [50_000.0], "SBA_Appv": [25_000.0], "ApprovalDate": ["2004-01-02"], "NAICS": [722110]}
    read_back = view.feature_transformation.udf(request)
    assert str(read_back) == str(made.feature_transformation.udf(request))
    assert read_back["guarantee_share"] == [0.5]


def test_the_repository_defines_what_the_use_case_says(sba):
    spec = importlib.util.spec_from_file_location("sba_loans_definitions", REPOSITORY / "sba_loans.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = Definitions(sba, REPOSITORY / "data")
    defined = [v for v in vars(module).values() if type(v).__module__.startswith("feast.")]
    named = {o.name for o in made.everything()} | {made.request.name}
    assert {o.name for o in defined} == named


def test_the_repository_is_configured_like_a_store():
    configured = yaml.safe_load((REPOSITORY / "feature_store.yaml").read_text())
    store = yaml.safe_load(CONFIGURATION)
    store["registry"] = f"data/{store['registry']}"
    store["online_store"]["path"] = f"data/{store['online_store']['path']}"
    assert configured == store


def test_feast_applies_and_lists_the_repository(built, tmp_path):
    repository = tmp_path / "feature_repo"
    shutil.copytree(REPOSITORY, repository, ignore=shutil.ignore_patterns("data", "__pycache__"))
    shutil.copytree(built.store / "history", repository / "data" / "history")
    shutil.copy(built.store / "transform.json", repository / "data")
    applied = _feast(repository, "apply")
    assert "Created on demand feature view sba_loans_matrix" in applied
    assert "Created feature service sba_loans_matrix" in applied
    listed = _feast(repository, "feature-views", "list")
    assert all(name in listed for name in ("sba_loans_bank", "sba_loans_zip", "sba_loans_industry"))
    shutil.copy(built.store / "feature_store.yaml", repository / "data")
    there, here = open_store(repository / "data"), open_store(built.store)
    assert _names(there) == _names(here)


def _names(store: FeatureStore) -> list[list[str]]:
    listed = [store.list_entities(), store.list_feature_views(), store.list_feature_services()]
    return [sorted(o.name for o in objects) for objects in listed]


def _feast(repository: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("feast")), "-c", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ})
    assert done.returncode == 0, done.stderr
    return done.stdout
