"""Command that writes to a declined person: why, and what could change it."""

import json
from pathlib import Path
from typing import Any

import click

from components.core.config import Settings
from components.core.contracts import Contract
from components.core.errors import FairleadError


@click.command()
@click.argument("use_case")
@click.argument("version")
@click.option(
    "--row",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON of one case: its inputs by name, or a V2 request with one row.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the letter's parts as JSON.")
@click.pass_obj
def reasons(settings: Settings, use_case: str, version: str, row: Path, as_json: bool) -> None:
    """Tell in plain words why a registered version declines a case, and what could change it.

    USE_CASE is a name, or a YAML file, whose texts and actionable inputs then count; VERSION a number or an alias.
    """
    from components.core.use_case import load
    from components.judgement.recourse.letter import letter
    from components.registry.registry import Registry
    from components.registry.store import fetch
    from components.serving.door import check
    from components.serving.v2 import request_of
    from components.training import signing
    from components.training.bundle import Bundle

    case = load(use_case)
    found = fetch(Registry(settings).version(case.name, version).uri, settings.home / "fetched", settings)
    signing.verify(found, settings.verify_key)
    bundle = Bundle.open(found)
    rows = check(request_of(_request(row, bundle.contract)), bundle.contract, max_rows=1)
    told = letter(case, bundle, rows, row.stem)
    click.echo(told.model_dump_json(indent=1) if as_json else told.text, nl=as_json)


def _request(path: Path, contract: Contract) -> dict[str, Any]:
    """Read a file as a V2 request; inputs by name become one, so that one door checks both."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FairleadError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise FairleadError(f"{path} holds a {type(content).__name__}; give an object with the inputs of one case")
    if "inputs" in content:
        return content
    datatypes = {field.name: field.datatype for field in contract.inputs}
    inputs = [
        {"name": name, "shape": [1], "datatype": datatypes.get(name, "BYTES"), "data": [value]}
        for name, value in content.items()
    ]
    return {"inputs": inputs}


COMMANDS = (reasons,)
