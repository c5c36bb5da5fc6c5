import os
import pwd
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from components.core.config import Settings, read_settings, write_settings
from components.core.errors import FairleadError


def test_defaults_lie_below_home():
    settings = read_settings({"FAIRLEAD_HOME": "/srv/fairlead", "USER": "anna"})
    assert settings.home == Path("/srv/fairlead")
    assert settings.tracking_uri == "sqlite:////srv/fairlead/mlflow.db"
    assert settings.bundle_store == "/srv/fairlead/bundles"
    assert settings.ledger_path == Path("/srv/fairlead/ledger.db")
    assert settings.signing_key.parent == settings.verify_key.parent == Path("/srv/fairlead/keys")
    assert settings.actor == "anna"
    assert settings.roles is None


def test_a_relative_home_is_made_absolute_so_that_every_process_finds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_settings({}).home == tmp_path / ".fairlead"
    assert read_settings({"FAIRLEAD_HOME": "here"}).tracking_uri == f"sqlite:///{tmp_path / 'here' / 'mlflow.db'}"


def test_the_actor_is_the_account_where_no_variable_says_so():
    assert read_settings({"LOGNAME": "ben"}).actor == "ben"
    assert read_settings({}).actor == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_each_setting_is_read_from_its_variable(name):
    value = f"/given/{name}"
    read = getattr(read_settings({f"FAIRLEAD_{name.upper()}": value}), name)
    assert (read.get_secret_value() if isinstance(read, SecretStr) else str(read)) == value


def test_a_secret_stands_in_no_text():
    settings = read_settings({"FAIRLEAD_LOG_KEY": "of all servers"})
    assert "of all servers" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_value_counts_as_absent(name):
    assert read_settings({f"FAIRLEAD_{name.upper()}": ""}) == read_settings({})


def test_an_unknown_setting_is_named_with_the_known_ones():
    with pytest.raises(FairleadError, match=r"unknown setting FAIRLEAD_ACTR .*known settings: .*FAIRLEAD_ACTOR"):
        read_settings({"FAIRLEAD_ACTR": "x"})


def test_the_process_environment_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_ACTOR", "pipeline")
    assert read_settings().actor == "pipeline"


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        read_settings({}).actor = "x"


def test_what_is_written_is_read_again_secrets_too():
    given = {f"FAIRLEAD_{name.upper()}": f"/given/{name}" for name in Settings.model_fields}
    assert write_settings(read_settings(given)) == given
    assert read_settings(write_settings(read_settings({}))) == read_settings({})
