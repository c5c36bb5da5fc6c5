from typing import get_args

import pytest

from components.core.access import ALLOWED, Access, Action, Role, read_access
from components.core.config import read_settings
from components.core.errors import FairleadError

ACTIONS = get_args(Action)


@pytest.mark.parametrize("role", get_args(Role))
def test_a_role_may_do_what_it_lists_and_nothing_else(role):
    access = Access(actors={"anna": (role,)})
    for action in ACTIONS:
        if action in ALLOWED[role]:
            access.require("anna", action)
        else:
            with pytest.raises(FairleadError, match=f"{action!r} needs: "):
                access.require("anna", action)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_someones(action):
    assert [role for role, actions in ALLOWED.items() if action in actions]


def test_no_single_role_can_register_approve_and_promote():
    for actions in ALLOWED.values():
        assert len(actions & {"register", "decide", "promote"}) <= 1


def test_live_traffic_is_moved_by_operators_alone():
    assert [role for role, actions in ALLOWED.items() if "rollout" in actions] == ["operator"]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_may_do_nothing(action):
    with pytest.raises(FairleadError, match="actor 'eve' has the roles none"):
        Access(actors={"anna": ("approver",)}).require("eve", action)


def test_without_a_file_the_actor_has_every_role():
    access = read_access(read_settings({"FAIRLEAD_ACTOR": "anna"}))
    for action in ACTIONS:
        access.require("anna", action)
    assert not access.four_eyes
    assert access.roles("ben") == ()


def _settings(tmp_path, text):
    path = tmp_path / "roles.yaml"
    path.write_text(text)
    return read_settings({"FAIRLEAD_ROLES": str(path), "FAIRLEAD_ACTOR": "anna"})


def test_the_file_gives_the_roles(tmp_path):
    text = "four_eyes: true\nactors:\n  anna: [data_scientist]\n  ben: [approver, operator]\n"
    access = read_access(_settings(tmp_path, text))
    assert access == Access(actors={"anna": ("data_scientist",), "ben": ("approver", "operator")}, four_eyes=True)
    as_json = '{"four_eyes": true, "actors": {"anna": ["data_scientist"], "ben": ["approver", "operator"]}}'
    assert read_access(_settings(tmp_path, as_json)) == access


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("actors: {anna: [king]}", r"actors\.anna\.0: 'king'; allowed: data_scientist, approver"),
        ("four_eyes: true", r"actors: Field required"),
        ("actors: {}\nfour_eye: true", r"four_eye: Extra inputs"),
        ("actors: [", "is not YAML"),
        ("", "Input should be a valid dictionary"),
    ],
)
def test_a_wrong_file_is_told_by_field(tmp_path, text, says):
    with pytest.raises(FairleadError, match=says):
        read_access(_settings(tmp_path, text))


def test_a_missing_file_is_an_error_not_a_licence(tmp_path):
    with pytest.raises(FairleadError, match="no roles file at"):
        read_access(read_settings({"FAIRLEAD_ROLES": str(tmp_path / "none.yaml")}))
