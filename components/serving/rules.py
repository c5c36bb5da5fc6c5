"""The rules on odd rows that a server follows: those that its bundle carries, or those of a file in their place.

They come with the model, signed as it is: which rows are odd is a matter of what it learned from, and a rule may be
about an input that another model does not have. A file in their place changes them without a new model.
"""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.errors import FairleadError
from components.core.watching import RemedyRule
from components.training.bundle import REMEDIES

NONE = "none"
"""In the place of a file: no rules."""


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid")

    remedies: tuple[RemedyRule, ...]


def read_rules(bundle: Path, instead: str = "") -> tuple[RemedyRule, ...]:
    """Read the rules.

    Args:
        bundle: an opened bundle's directory; one that was written without rules has none.
        instead: a YAML or JSON file with ``remedies``, a list as in a use case's ``monitoring``; ``none`` for no rules;
            empty for those of the bundle.

    Raises:
        FairleadError: the file cannot be read, or holds something else.
    """
    if instead == NONE:
        return ()
    path = Path(instead) if instead else bundle / REMEDIES
    if not instead and not path.exists():
        return ()
    try:
        return _Rules.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).remedies
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise FairleadError(f"rules on odd rows, {path}: {wrong}; allowed: remedies, a list of rules") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FairleadError(f"rules on odd rows, {path}, cannot be read: {error}") from error
