"""What is made from code is in the tree as the code makes it."""

import yaml

from components.monitoring.manifests import FOLDER, ROOT, made, stale, write


def test_the_tree_is_fresh():
    assert stale() == [], "write them anew: python -m components.monitoring.manifests"


def test_nothing_in_the_tree_is_left_over():
    there = {p.relative_to(ROOT) for p in (ROOT / FOLDER / "dashboards").glob("*.json")}
    assert there == {p for p in made() if p.suffix == ".json"}


def test_the_operators_object_has_the_same_rules_as_the_file():
    rules = yaml.safe_load(made()[FOLDER / "rules" / "fairlead.rules.yaml"])
    resource = yaml.safe_load(made()[FOLDER / "operator" / "rules.yaml"])
    assert (resource["kind"], resource["spec"]) == ("PrometheusRule", rules)


def test_what_is_stale_is_written_and_then_is_not(tmp_path):
    assert set(write(tmp_path)) == set(made())
    changed = tmp_path / FOLDER / "rules" / "fairlead.rules.yaml"
    changed.write_text("groups: []\n")
    assert stale(tmp_path) == [FOLDER / "rules" / "fairlead.rules.yaml"]
    assert write(tmp_path) == [FOLDER / "rules" / "fairlead.rules.yaml"]
    assert stale(tmp_path) == []
