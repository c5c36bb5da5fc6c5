"""Pipeline parameters from what a user types."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core import use_case as use_cases
from components.core.artifacts import hash_file
from components.core.errors import FairleadError

TODAY = "today"
"""Stands for the day, in UTC, on which a run is asked for."""


def parameters(use_case: str, as_of: str, source: str, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Check the arguments of a run here, where an error costs nothing, and put them into the pipeline's form.

    Args:
        use_case: name of one that ships, or the path of a YAML file; a file travels as its text.
        as_of: ISO date, ``today`` (becomes the date here, so that the run can be repeated) or empty.
        source: where the raw table is, or empty for the use case's own.
        extra: further parameters, each ``NAME=VALUE`` with a JSON value or plain text.

    Raises:
        FairleadError: an argument is wrong; names it and what is allowed.
    """
    as_of = datetime.now(UTC).date().isoformat() if as_of == TODAY else as_of
    case = use_cases.load(use_case)
    use_cases.as_of_date(case, as_of)
    text = use_case if use_case in use_cases.shipped() else Path(use_case).read_text(encoding="utf-8")
    values: dict[str, Any] = {"use_case": text, "as_of": as_of, "source": source, "freshness": freshness(source)}
    for item in extra:
        name, equals, value = item.partition("=")
        if not equals:
            raise FairleadError(f"--set {item!r} is not of the form NAME=VALUE")
        values[name] = _value(value)
    return values


def freshness(source: str) -> str:
    """Tell one content of a local source from the next by its hash; a remote one has to be told by the caller."""
    path = Path(source)
    return hash_file(path) if source and path.is_file() else ""


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
