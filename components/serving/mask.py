"""The mask of the prediction log: which inputs never leave the server as they are."""

import hmac
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from components.core.contracts import Entity, Field
from components.core.errors import FairleadError, unknown
from components.serving.records import Change

logger = logging.getLogger("kserve.fairlead")

ACTIONS = ("drop", "hash", "{constant: VALUE}")
MIN_KEY = 16
"""Fewest characters of a key; a short one is guessed together with the values."""


def read_mask(
    path: Path, fields: Sequence[Field], key: str = "", entities: Sequence[Entity] = ()
) -> dict[str, Change | None]:
    """Read a mask: a YAML file with an action for each personal field.

    ``drop`` leaves a field out, ``{constant: VALUE}`` writes the same for all, and ``hash`` writes the keyed hash of
    the value (``hashed``), by which records can still be joined. Missing values stay missing, save where the field is
    dropped or constant.

    Args:
        path: for example ``Zip: hash``, ``Bank: drop``, ``State: {constant: "?"}``, a line each.
        fields: the contract's inputs.
        key: for ``hash``.
        entities: the contract's; a warning names those whose key is masked and whose history is not, as it may tell
            which one is meant.

    Raises:
        FairleadError: it cannot be read, names no input, or wants a key that is not there.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FairleadError(f"mask {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise FairleadError(f"mask {path}: found {type(content).__name__}, allowed: FIELD: ACTION, a line each")
    names = [f.name for f in fields]
    for name in content:
        if name not in names:
            raise unknown(f"field in the mask {path}:", name, names)
    for entity in entities:
        bare = [name for name in entity.history if name not in content]
        if entity.key in content and bare:
            logger.warning(
                "mask %s: %s is masked, and the history that can tell which %s it is stands in clear: %s; mask it too",
                path,
                entity.key,
                entity.name,
                ", ".join(bare),
            )
    return {name: _change(f"mask {path}, field {name!r}", action, key) for name, action in content.items()}


def hashed(value: Any, key: str) -> str:
    """Return the first 32 hexadecimal digits of the HMAC-SHA256 over a value's JSON form.

    >>> hashed(90011, "sixteen letters.")
    'a326034a92d0dd129d773d6ee6422283'
    """
    return hmac.digest(key.encode(), orjson.dumps(value), "sha256").hex()[:32]


def _change(where: str, action: object, key: str) -> Change | None:
    if action == "drop":
        return None
    if action == "hash":
        if len(key) < MIN_KEY:
            raise FairleadError(
                f"{where}: hash needs a key, found {len(key)} characters, allowed: at least {MIN_KEY}; "
                "set FAIRLEAD_LOG_KEY to a secret that all servers share"
            )
        return lambda value: hashed(value, key)
    if isinstance(action, dict) and list(action) == ["constant"]:
        constant = action["constant"]
        return lambda _: constant
    raise unknown(f"action in {where}:", action, ACTIONS)
