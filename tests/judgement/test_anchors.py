import json
from pathlib import Path
from typing import Any

import pytest

from components.judgement.explanation import AllAnchors
from components.training.bundle import Bundle
from tests.environments import ROOT, run_in

SCRIPT = ROOT / "tests" / "judgement" / "in_explain.py"


@pytest.fixture(scope="module")
def explained(signed_bundle: Path) -> dict[str, Any]:
    return json.loads(run_in("explain", SCRIPT, signed_bundle))


def test_each_example_is_explained_with_the_score_of_the_bundle(explained: dict[str, Any], signed_bundle: Path) -> None:
    found = AllAnchors.validate_python(explained["examples"])
    examples = Bundle.open(signed_bundle).examples()
    assert [e.row for e in found] == [e["name"] for e in examples]
    assert [e.decision for e in found] == [e["decision"] for e in examples]
    assert [e.probability for e in found] == pytest.approx([e["probability"] for e in examples], abs=1e-6)


def test_rules_are_few_name_inputs_and_say_how_good_they_are(explained: dict[str, Any], signed_bundle: Path) -> None:
    names = {f.name for f in Bundle.open(signed_bundle).contract.inputs}
    for found in AllAnchors.validate_python(explained["examples"]):
        assert len(found.rules) <= 5
        assert all(names & set(rule.split()) for rule in found.rules)
        assert 0 < found.precision <= 1
        assert 0 < found.coverage <= 1
        assert found.samples > 100
        assert ("short of" in found.text) == (found.precision < found.sought_precision)


def test_known_rule_is_found(explained: dict[str, Any]) -> None:
    found = explained["known_rule"]
    assert found["decision"] == 1
    assert set(found["rules"]) >= {"bank = A"}
    (amount,) = (rule for rule in found["rules"] if rule.startswith("amount"))
    assert len(found["rules"]) == 2
    # The rule may begin at a quartile of the background only: the median lies beside 500, the third quartile beyond.
    bound = float(amount.removeprefix("amount ≥ "))
    assert bound == pytest.approx(found["median"], abs=5) or bound == pytest.approx(found["third_quartile"], abs=5)
    assert found["precision"] > 0.95
    assert found["coverage"] == pytest.approx((1 / 3) * (0.5 if bound < 600 else 0.25), abs=0.05)


def test_rules_are_put_in_words_and_hold_of_the_rows_that_they_speak_of(explained: dict[str, Any]) -> None:
    assert explained["words"] == [
        ["amount ≤ 2.5", {"input": "amount", "high": 2.5}, [True, True, False, False]],
        ["amount = 1", {"input": "amount", "low": 1.0, "high": 1.0}, [True, False, False, False]],
        ["amount ≥ 30000", {"input": "amount", "low": 30000.0}, [False, False, True, True]],
        ["2.5 ≤ amount ≤ 30000", {"input": "amount", "low": 2.5, "high": 30000.0}, [False, True, True, False]],
        ["amount = 30000", {"input": "amount", "low": 30000.0, "high": 30000.0}, [False, False, True, False]],
        ["bank = A", {"input": "bank", "low": "A", "high": "A"}, [True, False, False, True]],
        ["bank is missing", {"input": "bank", "given": False, "missing": True}, [False, True, False, False]],
        ["last_bad is missing", {"input": "last_bad", "given": False, "missing": True}, [False, True, False, False]],
        [
            "last_bad is missing or last_bad ≤ 2002-02-03",
            {"input": "last_bad", "high": "2002-02-03", "missing": True},
            [True, True, True, False],
        ],
        ["last_bad is given", {"input": "last_bad"}, [True, False, True, True]],
        [
            "last_bad = 2003-02-03",
            {"input": "last_bad", "low": "2003-02-03", "high": "2003-02-03"},
            [False, False, False, True],
        ],
    ]


def test_declined_background_rows_are_explained_and_meet_their_own_rules(
    explained: dict[str, Any], signed_bundle: Path
) -> None:
    found = AllAnchors.validate_python(explained["declined"])
    background = Bundle.open(signed_bundle).background()
    assert len(found) == 3
    for one in found:
        row = int(one.row.removeprefix("background row "))
        assert (one.decision, len(one.conditions)) == (1, len(one.rules))
        assert all(c.met(background[c.input][row : row + 1]).all() for c in one.conditions)


def test_second_run_says_the_same(explained: dict[str, Any], signed_bundle: Path) -> None:
    assert json.loads(run_in("explain", SCRIPT, signed_bundle)) == explained
