"""Who may do what: roles as data, and the file that gives them to actors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.config import Settings
from components.core.errors import FairleadError, unknown

Role = Literal["data_scientist", "approver", "operator", "auditor"]
Action = Literal["train", "register", "request", "decide", "promote", "rollout", "sign", "replay", "audit"]

ALLOWED: Mapping[Role, frozenset[Action]] = {
    "data_scientist": frozenset({"train", "register", "request", "replay"}),
    "approver": frozenset({"decide", "audit"}),
    "operator": frozenset({"request", "promote", "rollout", "sign", "replay"}),
    "auditor": frozenset({"audit"}),
}
"""What each role may do. ``request`` asks for an approval, ``decide`` gives or refuses it, ``sign`` signs anew,
``rollout`` starts, pauses and ends what moves live traffic: whoever trained a model asks, an operator does."""


class Access(BaseModel):
    """Which actor has which roles.

    The actor's name is a setting of the process. On one machine it is as trustworthy as the people who share the
    machine; on a cluster it is the service account that a step runs under, and the file is mounted read-only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actors: dict[str, tuple[Role, ...]]
    four_eyes: bool = False
    """True: who registered a model, or asked for its approval, may not approve it."""

    def roles(self, actor: str) -> tuple[Role, ...]:
        """Return the actor's roles, none for an actor that is not named."""
        return self.actors.get(actor, ())

    def require(self, actor: str, action: Action) -> None:
        """Let an action pass that one of the actor's roles allows.

        Raises:
            FairleadError: none does; names the roles that would.

        >>> Access(actors={"anna": ("approver",)}).require("anna", "decide")
        >>> Access(actors={"anna": ("approver",)}).require("anna", "promote")
        Traceback (most recent call last):
        components.core.errors.FairleadError: actor 'anna' has the roles approver; 'promote' needs: operator. ...
        """
        held = self.roles(actor)
        if any(action in ALLOWED[role] for role in held):
            return
        able = ", ".join(role for role, actions in ALLOWED.items() if action in actions)
        raise FairleadError(
            f"actor {actor!r} has the roles {', '.join(held) or 'none'}; {action!r} needs: {able}. "
            "Act as someone who has one of them (FAIRLEAD_ACTOR), or change the file of FAIRLEAD_ROLES."
        )


def read_access(settings: Settings) -> Access:
    """Read the roles file of the settings; without one, the present actor has every role.

    The file is YAML (JSON is YAML too)::

        four_eyes: true
        actors:
          anna: [data_scientist]
          ben: [approver, operator]

    Raises:
        FairleadError: the file is missing or wrong; names the field, the value found and the allowed roles.
    """
    if settings.roles is None:
        return Access(actors={settings.actor: get_args(Role)})
    return _read(settings.roles)


def _read(path: Path) -> Access:
    if not path.is_file():
        raise FairleadError(f"no roles file at {path}; give FAIRLEAD_ROLES the path of one, or leave it empty")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise FairleadError(f"roles file {path} is not YAML: {error}") from error
    try:
        return Access.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "literal_error":
            raise unknown(f"role in {path}, {where}:", first["input"], get_args(Role)) from error
        raise FairleadError(
            f"roles file {path}, {where}: {first['msg']} (found {str(first['input'])[:80]!r})"
        ) from error
