"""Commands on registered versions: list, compare, approve, promote, sign anew, audit."""

from pathlib import Path

import click

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger

use_case_argument = click.argument("use_case")


@click.command()
@use_case_argument
@click.pass_obj
def versions(settings: Settings, use_case: str) -> None:
    """List the versions of a model with their aliases."""
    from components.registry.registry import Registry

    registry = Registry(settings)
    found, wrong = registry.versions(use_case), registry.unreadable(use_case)
    if not found and not wrong:
        click.echo(f"no version of {use_case} is registered; start with: fairlead run training --use-case {use_case}")
    for v in found:
        whole = next((m.metrics for m in v.metrics if (m.dataset, m.slice) == ("test", "all")), {})
        auc = whole.get("auc", "not measured")
        aliases = ", ".join(v.aliases) or "-"
        click.echo(f"{v.version:>4}  {aliases:<22} as of {v.contract.as_of}  {v.contract.algorithm:<9} AUC {auc}")
    for line in wrong:
        click.echo(f"unreadable: {line}")


@click.command()
@use_case_argument
@click.argument("first")
@click.argument("second")
@click.option("--plot", type=click.Path(path_type=Path), help="Write the metrics of both as an SVG.")
@click.pass_obj
def compare(settings: Settings, use_case: str, first: str, second: str, plot: Path | None) -> None:
    """Compare two versions, each by its number or alias."""
    from components.registry import compare as comparing
    from components.registry.registry import Registry

    registry = Registry(settings)
    a, b = registry.version(use_case, first), registry.version(use_case, second)
    click.echo(comparing.compare(a, b).markdown())
    if plot is not None:
        plot.write_text(comparing.plot(a, b), encoding="utf-8")
        click.echo(f"plot: {plot}")


@click.command()
@use_case_argument
@click.argument("version")
@click.pass_obj
def request(settings: Settings, use_case: str, version: str) -> None:
    """Ask for the approval to make a version champion; prints the approval's id."""
    from components.registry.registry import Registry

    click.echo(Registry(settings).request(use_case, version).id)


@click.command()
@click.argument("approval")
@click.option("--reason", default="", help="Why, for the ledger.")
@click.pass_obj
def approve(settings: Settings, approval: str, reason: str) -> None:
    """Give an approval that was asked for."""
    from components.registry import approvals

    given = approvals.approve(settings, approval, reason)
    click.echo(f"{given.id}: version {given.version} of {given.use_case} may be promoted")


@click.command()
@click.argument("approval")
@click.option("--reason", required=True, help="Why, for the ledger.")
@click.pass_obj
def reject(settings: Settings, approval: str, reason: str) -> None:
    """Refuse an approval that was asked for."""
    from components.registry import approvals

    refused = approvals.reject(settings, approval, reason)
    click.echo(f"{refused.id}: version {refused.version} of {refused.use_case} may not be promoted: {reason}")


@click.command()
@use_case_argument
@click.argument("version")
@click.option("--approval", required=True, help="Id of the approval that was given.")
@click.pass_obj
def promote(settings: Settings, use_case: str, version: str, approval: str) -> None:
    """Make an approved version champion."""
    from components.registry.registry import Registry

    made = Registry(settings).promote(use_case, version, approval)
    click.echo(f"version {made.version} of {use_case} is champion")


@click.command()
@use_case_argument
@click.argument("version")
@click.pass_obj
def sign(settings: Settings, use_case: str, version: str) -> None:
    """Sign a registered bundle anew with the present key, after a change of keys."""
    from components.registry.renewal import sign_anew

    signed = sign_anew(settings, use_case, version)
    click.echo(f"version {signed.version} of {use_case} is signed with the key of {settings.verify_key}")


@click.command()
@click.argument("use_cases", nargs=-1)
@click.pass_obj
def audit(settings: Settings, use_cases: tuple[str, ...]) -> None:
    """Verify the ledger's chain of hashes, and compare registry and bundles with it.

    Without USE_CASES, for every use case that the ledger knows.
    """
    from components.registry.registry import Registry

    read_access(settings).require(settings.actor, "audit")
    ledger = Ledger(settings.ledger_path)
    click.echo(f"{settings.ledger_path}: {ledger.verify()} entries, unbroken")
    known = {str(e.payload["use_case"]) for e in ledger.entries() if e.kind.startswith("registry.")}
    wrong = [f"{name}: {line}" for name in use_cases or sorted(known) for line in Registry(settings).audit(name)]
    if wrong:
        raise FairleadError("registry and ledger disagree:\n" + "\n".join(wrong))


COMMANDS = (versions, compare, request, approve, reject, promote, sign, audit)
