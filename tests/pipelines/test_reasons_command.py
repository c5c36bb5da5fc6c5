import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from components.core.config import Settings
from components.core.errors import ContractViolation, FairleadError
from components.training.bundle import Bundle
from pipelines.reasons_command import COMMANDS, reasons
from tests.registry.conftest import Register, empty_store, register, settings, smoke

__all__ = ["empty_store", "register", "settings", "smoke"]

Call = Callable[..., Result]


@pytest.fixture
def call(register: Register, signed_bundle: Path, settings: Settings, tmp_path: Path) -> Call:
    """Ask for the reasons of a case, of version 1."""
    register(signed_bundle)

    def type_(content: Any, *words: str, version: str = "1") -> Result:
        file = tmp_path / "case.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return CliRunner().invoke(reasons, ["sba_loans", version, "--row", str(file), *words], obj=settings)

    return type_


@pytest.fixture
def risky(signed_bundle: Path) -> dict[str, Any]:
    """The request of the bundle's riskiest example."""
    return next(e["request"] for e in Bundle.open(signed_bundle).examples() if e["name"] == "high risk")


def test_a_request_and_the_same_inputs_by_name_get_the_same_letter(call: Call, risky: dict[str, Any]) -> None:
    by_request = call(risky)
    assert by_request.exit_code == 0, by_request.exception
    assert "\nWhy\n1. " in by_request.output
    assert "\nWhom to ask\n" in by_request.output
    by_name = {tensor["name"]: tensor["data"][0] for tensor in risky["inputs"]}
    assert call(by_name, version="challenger").output == by_request.output


def test_the_parts_of_a_letter_are_written_as_json(call: Call, risky: dict[str, Any]) -> None:
    told = json.loads(call(risky, "--json").output)
    assert (told["row"], told["declined"]) == ("case", True)
    assert 1 <= len(told["reasons"]) <= 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "case.json is not JSON"),
        ("[]", "holds a list; give an object with the inputs of one case"),
        ({"Bonk": "A"}, "'Bonk'"),
        ({}, "missing"),
    ],
)
def test_a_case_that_is_none_is_told(call: Call, content: Any, message: str) -> None:
    error = call(content).exception
    assert isinstance(error, FairleadError)
    assert message in str(error)


def test_a_value_outside_of_its_domain_is_refused_as_a_server_does(call: Call, risky: dict[str, Any]) -> None:
    by_name = {tensor["name"]: tensor["data"][0] for tensor in risky["inputs"]}
    error = call({**by_name, "GrAppv": -5}).exception
    assert isinstance(error, ContractViolation)
    assert "GrAppv" in str(error)


def test_the_command_is_handed_over() -> None:
    assert [command.name for command in COMMANDS] == ["reasons"]
