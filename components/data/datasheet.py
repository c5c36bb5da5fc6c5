"""The datasheet of a table: where it comes from, who is in it and what it must not be used for."""

from pathlib import Path

from components.core.use_case import Data
from components.data.sources import sample

_SHIPPED = "sample://"


def datasheet(data: Data) -> str:
    """Return the datasheet as Markdown; empty where the use case names none.

    Raises:
        FairleadError: no such sample.
    """
    text = data.datasheet.strip()
    return _read(sample(text.removeprefix(_SHIPPED))) if text.startswith(_SHIPPED) else text


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
