from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from components.images import image
from pipelines.place import DEFAULT, SHIPPED, Images, Place, compiling_for, here, load, shipped

DIGEST = "sha256:" + "0" * 63 + "1"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def _write(text: str) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return _write


def test_three_places_ship_and_only_the_default_changes_nothing() -> None:
    assert shipped() == ["cloud", "kind", "local"]
    assert {name: load(name).changes for name in shipped()} == {"cloud": True, "kind": True, "local": False}
    assert load("local") == Place(name=DEFAULT)


def test_a_place_of_ones_own_is_named_after_its_file(write: Callable[[str], str]) -> None:
    place = load(write("pipeline_root: s3://bucket/runs\nimages: {tag: 1.2.0}"))
    assert (place.name, place.pipeline_root) == ("mine", "s3://bucket/runs")
    assert place.changes


def test_an_empty_file_is_the_default_under_another_name(write: Callable[[str], str]) -> None:
    assert not load(write("# nothing\n")).changes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pipeline_root: /somewhere", r"mine\.yaml: pipeline_root: .* \(found '/somewhere'\)"),
        ("kubeflow: {hots: x}", r"kubeflow\.hots: Extra inputs are not permitted \(found 'x'\)"),
        ("kubeflow: {host: ftp://x}", r"kubeflow\.host"),
        # A token or password in a URL would end in git.
        ("kubeflow: {host: 'https://me:secret@x'}", r"kubeflow\.host"),
        ("resources: {scale: 0}", r"resources\.scale: Input should be greater than 0 \(found '0'\)"),
        ("resources: {reserved: 2}", r"resources\.reserved"),
        ("heavy: {scratch: much}", r"heavy\.scratch"),
        ("heavy: {tolerations: [{key: a, effect: Never}]}", r"heavy\.tolerations\.0\.effect"),
        ("heavy: {tolerations: [{key: a, operator: Exists, value: b, effect: NoSchedule}]}", "Exists takes no value"),
        ("images: {registry: 'https://x/y'}", "HOST/FOLDER"),
        ("images: {registry: x/}", "HOST/FOLDER"),
        ("images: {digests: {platform: latest}}", r"images\.digests\.platform"),
        (f"images: {{digests: {{plattform: '{DIGEST}'}}}}", "unknown image 'plattform'"),
        ("object_store: {access_key: abc}", r"object_store\.access_key"),
        ("ledger_claim: Not_A_Name", "ledger_claim"),
        ("- a\n- b", "a mapping of settings is needed"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_wrong_value_is_named(write: Callable[[str], str], text: str, message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        load(write(text))


def test_an_unknown_place_names_those_that_ship() -> None:
    with pytest.raises(FairleadError, match="unknown place 'moon'; allowed: cloud, kind, local"):
        load("moon")


def test_an_image_goes_by_its_digest_where_one_is_given() -> None:
    images = Images(registry="r.example/team", tag="2", digests={"tfdv": DIGEST})
    assert images.of("validate-schema") == f"r.example/team/fairlead-tfdv:2@{DIGEST}"
    assert images.of("train") == "r.example/team/fairlead-platform:2"
    assert Images().of("train") == image("platform")


def test_compiling_for_a_place_ends() -> None:
    kind = load("kind")
    with compiling_for(kind):
        assert here() is kind
    assert here() == Place(name=DEFAULT)


@pytest.mark.parametrize("name", ["cloud", "kind", "local"])
def test_a_place_that_ships_holds_no_secret(name: str) -> None:
    text = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
    named = yaml.safe_load(text).get("object_store", {})
    assert set(named) <= {"secret", "endpoint", "region"}
    assert "@" not in text
