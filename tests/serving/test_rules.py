"""The rules a server follows: the bundle's, a file's in their place, or none."""

import json

import pytest

from components.core.errors import FairleadError
from components.core.watching import Monitoring, RemedyRule
from components.serving.rules import read_rules
from components.training import bundle, integrity
from tests.conftest import AS_OF

RULES = (
    RemedyRule(when="out_of_range", column="GrAppv", remedy="reject"),
    RemedyRule(when="outlier", above=2, remedy="quarantine"),
)


@pytest.fixture(scope="module")
def with_rules(candidate, sba, small_dataset, tmp_path_factory):
    """A bundle of a use case that has rules, as training writes it."""
    case = sba.model_copy(update={"monitoring": Monitoring(remedies=RULES)})
    folder = tmp_path_factory.mktemp("rules") / "bundle"
    bundle.write(candidate, case, small_dataset, AS_OF, "", folder)
    return folder


def test_they_travel_with_the_model_under_its_checksums(with_rules):
    assert read_rules(with_rules) == RULES
    assert "remedies.json" in json.loads((with_rules / integrity.CHECKSUMS).read_text())


def test_a_bundle_without_rules_has_no_file_of_them(signed_bundle):
    assert not (signed_bundle / "remedies.json").exists()
    assert read_rules(signed_bundle) == ()


def test_rules_about_what_is_no_input_make_no_bundle(candidate, sba, small_dataset, tmp_path):
    wrong = Monitoring(remedies=[RemedyRule(when="missing", column="Term", remedy="reject")])
    with pytest.raises(FairleadError, match="input in remedies, missing of Term: reject: 'Term'"):
        bundle.write(
            candidate, sba.model_copy(update={"monitoring": wrong}), small_dataset, AS_OF, "", tmp_path / "bundle"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_takes_their_place_and_so_does_none(with_rules, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("remedies:\n  - {when: missing, remedy: pass_and_flag}\n")
    assert read_rules(with_rules, str(file)) == (RemedyRule(when="missing", remedy="pass_and_flag"),)
    assert read_rules(with_rules, "none") == ()
    file.write_text("remedies: []")
    assert read_rules(with_rules, str(file)) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("remedies: [", "cannot be read"),
        ("", "allowed: remedies, a list of rules"),
        ("rules: []", "remedies: Field required; rules: Extra inputs"),
        ("remedies: [{when: outlier, remedy: shoot}]", r"remedies\.0\.remedy: Input should be 'reject'"),
        ("remedies: [{when: outlier, column: a, remedy: reject}]", r"remedies\.0: .*found column 'a'"),
    ],
)
def test_a_file_that_holds_none_is_refused(tmp_path, text, words):
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(FairleadError, match=words):
        read_rules(tmp_path, str(file))
    with pytest.raises(FairleadError, match="cannot be read"):
        read_rules(tmp_path, str(tmp_path / "nowhere.yaml"))
