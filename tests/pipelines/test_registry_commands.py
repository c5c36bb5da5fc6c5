import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.core.config import Settings
from components.core.ledger import Ledger
from components.registry.client import client
from components.training import signing
from components.training.bundle import Bundle
from pipelines.cli import main
from pipelines.registry_commands import COMMANDS
from tests.registry.conftest import Register, empty_store, register, settings, smoke, variant

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]

Call = Callable[..., Result]


@pytest.fixture
def call(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Type a command, in a home with nothing registered."""
    monkeypatch.setenv("FAIRLEAD_HOME", str(settings.home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "tester")

    def type_(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    return type_


@pytest.fixture
def two(register: Register, variant: Callable[[str], Path], signed_bundle: Path, tmp_path: Path) -> None:
    """Two versions; the second is challenger."""
    register(signed_bundle)
    other, tested = variant("other"), tmp_path / "smoke_of_other.json"
    tested.write_text(json.dumps({"rows": 1000, "version": Bundle.open(other).version()}))
    register(other, parameters={"max_depth": 5}, smoke=tested)


@pytest.fixture
def asked(call: Call, register: Register, signed_bundle: Path) -> str:
    """Id of an approval that was asked for, of version 1."""
    register(signed_bundle)
    result = call("request", "sba_loans", "challenger")
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_every_command_is_on_the_command_line() -> None:
    assert {command.name for command in COMMANDS} <= set(main.commands)


def test_versions_says_how_to_start_when_there_is_none(call: Call) -> None:
    result = call("versions", "sba_loans")
    assert result.exit_code == 0
    assert result.output == (
        "no version of sba_loans is registered; start with: fairlead run training --use-case sba_loans\n"
    )


def test_versions_shows_aliases_date_algorithm_and_the_metric_with_its_interval(
    call: Call, register: Register, signed_bundle: Path
) -> None:
    register(signed_bundle)
    (line,) = call("versions", "sba_loans").output.splitlines()
    assert " ".join(line.split()) == "1 challenger as of 2008-12-31 xgboost AUC 0.6800 [0.6600, 0.7000] (n=5000)"


def test_versions_without_that_metric_says_so(call: Call, register: Register, signed_bundle: Path) -> None:
    register(signed_bundle, metrics=())
    assert call("versions", "sba_loans").output.rstrip().endswith("AUC not measured")


def test_a_version_is_promoted_by_request_and_approval(call: Call, asked: str) -> None:
    too_soon = call("promote", "sba_loans", "1", "--approval", asked)
    assert too_soon.exit_code == 1
    assert "Traceback" not in too_soon.output
    given = call("approve", asked, "--reason", "looks good")
    assert given.output == f"{asked}: version 1 of sba_loans may be promoted\n"
    made = call("promote", "sba_loans", "1", "--approval", asked)
    assert made.output == "version 1 of sba_loans is champion\n"
    assert "champion" in call("versions", "sba_loans").output
    again = call("audit", "sba_loans")
    assert again.exit_code == 0
    assert "entries, unbroken" in again.output


def test_a_refused_version_is_not_promoted(call: Call, asked: str, settings: Settings) -> None:
    refused = call("reject", asked, "--reason", "too few rows")
    assert refused.output == f"{asked}: version 1 of sba_loans may not be promoted: too few rows\n"
    result = call("promote", "sba_loans", "1", "--approval", asked)
    assert result.exit_code == 1
    assert "rejected" in result.output
    (entry,) = Ledger(settings.ledger_path).entries("approval.rejected")
    assert (entry.actor, entry.payload["reason"]) == ("tester", "too few rows")


def test_a_refusal_needs_a_reason(call: Call, asked: str) -> None:
    result = call("reject", asked)
    assert result.exit_code == 2
    assert "Missing option '--reason'" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "nothing"),
        ("reject", "nothing", "--reason", "r"),
        ("request", "sba_loans", "7"),
        ("promote", "sba_loans", "7", "--approval", "nothing"),
        ("compare", "sba_loans", "7", "8"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(call: Call, words: tuple[str, ...]) -> None:
    result = call(*words)
    assert result.exit_code == 1
    assert result.output.startswith("fairlead: ")
    assert ("nothing" if "nothing" in words and words[0] != "promote" else "7") in result.output


@pytest.mark.usefixtures("two")
def test_compare_sets_two_versions_side_by_side_and_draws(call: Call, tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    result = call("compare", "sba_loans", "1", "challenger", "--plot", str(plot))
    assert result.exit_code == 0, result.output
    assert any("max_depth" in line and "4" in line and "5" in line for line in result.output.splitlines())
    assert f"plot: {plot}" in result.output
    assert "<svg" in plot.read_text(encoding="utf-8")


def test_audit_finds_a_version_that_the_ledger_does_not_know(
    call: Call, register: Register, signed_bundle: Path, settings: Settings
) -> None:
    register(signed_bundle)
    settings.ledger_path.unlink()
    result = call("audit", "sba_loans")
    assert result.exit_code == 1
    assert "registry and ledger disagree:\nsba_loans: version 1" in result.output


def test_audit_finds_an_entry_that_was_changed(call: Call, asked: str, settings: Settings) -> None:
    with sqlite3.connect(settings.ledger_path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("UPDATE entries SET actor = 'somebody else' WHERE number = 1")
    db.close()
    result = call("audit")
    assert result.exit_code == 1
    assert "entry 1 (registry.registered) does not fit the chain" in result.output
    assert asked


def test_audit_without_names_audits_what_the_ledger_knows(call: Call, asked: str, settings: Settings) -> None:
    assert call("audit").exit_code == 0
    version = json.loads(call("versions", "sba_loans").output.split()[0])
    Path(settings.bundle_store).rename(settings.home / "elsewhere")
    result = call("audit")
    assert result.exit_code == 1
    assert f"sba_loans: version {version} has no bundle at {settings.bundle_store}" in result.output
    assert asked


def test_audit_needs_a_role_that_may(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {tester: [operator]}")
    monkeypatch.setenv("FAIRLEAD_ROLES", str(roles))
    result = call("audit")
    assert result.exit_code == 1
    assert "'audit' needs: approver, auditor" in result.output


def test_versions_tells_of_one_that_cannot_be_read(
    call: Call, register: Register, signed_bundle: Path, settings: Settings
) -> None:
    register(signed_bundle)
    client(settings).create_model_version("sba_loans", "/nowhere")
    first, second = call("versions", "sba_loans").output.splitlines()
    assert first.split()[:2] == ["1", "challenger"]
    assert second.startswith("unreadable: version 2 of sba_loans")


def test_sign_renews_the_signature_after_a_change_of_keys(
    call: Call, register: Register, signed_bundle: Path, settings: Settings
) -> None:
    uri = Path(register(signed_bundle).uri)
    settings.signing_key.unlink()
    half = call("sign", "sba_loans", "challenger")
    assert half.exit_code == 1
    assert "move the verify key away to start with a new pair" in half.output
    settings.verify_key.unlink()
    result = call("sign", "sba_loans", "challenger")
    assert result.output == f"version 1 of sba_loans is signed with the key of {settings.verify_key}\n"
    signing.verify(uri, settings.verify_key)
