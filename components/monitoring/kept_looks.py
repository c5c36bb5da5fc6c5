"""The last look at each model as files, so that an exporter can show it that did not look itself."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from components.core.artifacts import write_whole
from components.core.errors import FairleadError
from components.monitoring.exported import Looked

FIGURES = ("labels", "fairness")
"""Of a look's figures, those that are shown; the others, distributions above all, are large."""

_LOOKED = TypeAdapter(Looked)


def keep(looked: Looked, folder: Path) -> Path:
    """Write a look in place of the one before at the same model; return the file.

    Args:
        looked: what to keep; its causes and most of its figures are left to the report.
        folder: of all kept looks.
    """
    found = looked.findings
    figures: Mapping[str, object] = {k: v for k, v in found.figures.items() if k in FIGURES}
    small = found.model_copy(update={"figures": figures, "causes": ()})
    name = quote(f"{found.use_case}|{found.model}", safe="")
    path = folder / f"{name}.json"
    write_whole(path, _LOOKED.dump_json(replace(looked, findings=small)))
    return path


def kept(folder: Path) -> list[Looked]:
    """Read all looks that are kept.

    Raises:
        FairleadError: a file is no look; names it.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_LOOKED.validate_json(path.read_bytes()))
        except ValidationError as error:
            raise FairleadError(
                f"{path} is no kept look: {error.errors()[0]['msg']}; remove it and look again"
            ) from error
    return found
