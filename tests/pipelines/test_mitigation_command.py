import json

import pytest
import yaml
from click.testing import CliRunner

from components.core.config import read_settings
from components.core.use_case import SHIPPED
from components.judgement.mitigation.ways import NAMES
from pipelines.mitigation_command import WAYS, mitigate


@pytest.fixture
def home(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "tester"})


@pytest.fixture
def quick_case(tmp_path):
    """card_default with few rounds, as a file of the user's own."""
    case = yaml.safe_load((SHIPPED / "card_default.yaml").read_text(encoding="utf-8"))
    case["training"] |= {"bootstrap_rounds": 50, "algorithms": ["logistic"]}
    path = tmp_path / "card_default.yaml"
    path.write_text(yaml.safe_dump(case), encoding="utf-8")
    return str(path)


def run(home, *arguments):
    return CliRunner().invoke(mitigate, [str(a) for a in arguments], obj=home)


def test_the_front_is_printed_and_written(home, quick_case, card_dataset):
    done = run(home, quick_case, "--dataset", card_dataset, "--way", "group_thresholds", "--strength", "0.5")
    assert done.exit_code == 0, done.output
    assert "Without mitigation the share with the favourable decision differs by" in done.output
    assert "group thresholds 0.5 | " in done.output
    page = home.home / "reports" / "card_default-mitigation-education-demographic_parity.html"
    assert f"report: {page}" in done.output
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_trial_of_a_run_is_taken(home, quick_case, card_dataset, tmp_path):
    trial = {"algorithm": "logistic", "parameters": {"C": 1e-4}, "log_loss": 0.5, "seed": 7, "number": 3}
    (tmp_path / "chosen.json").write_text(json.dumps(trial))
    common = (
        quick_case,
        "--dataset",
        card_dataset,
        "--way",
        "one_threshold",
        "--strength",
        "0.5",
        "--attribute",
        "age",
    )
    with_it = run(home, *common, "--trial", tmp_path / "chosen.json", "--report", tmp_path / "a.html")
    without = run(home, *common, "--report", tmp_path / "b.html")
    assert with_it.exit_code == without.exit_code == 0, with_it.output
    assert (tmp_path / "a.html").is_file()
    assert with_it.output.splitlines()[1] != without.output.splitlines()[1]


def test_what_is_no_trial_is_named(home, quick_case, card_dataset, tmp_path):
    (tmp_path / "chosen.json").write_text("{}")
    done = run(home, quick_case, "--dataset", card_dataset, "--trial", tmp_path / "chosen.json")
    assert "chosen.json is no trial" in str(done.exception)


def test_a_use_case_without_groups_says_what_to_add(home, small_dataset):
    done = run(home, "sba_loans", "--dataset", small_dataset)
    assert "names no group to compare; add judgement.fairness.attributes" in str(done.exception)


def test_the_ways_are_those_there_are():
    assert WAYS == NAMES
