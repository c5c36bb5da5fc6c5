"""The command that says whether a model is ours."""

import sys

import click

from components.core.config import Settings


@click.command()
@click.argument("target")
@click.option(
    "--against", default="", metavar="URI", help="Bundle of ours whose mark is looked for; a server needs it."
)
@click.option("--model", default="", help="Name under which a server has the model. [default: that of --against]")
@click.option("--use-case", default="", help="Name, or a YAML file. [default: what the bundle's contract names]")
@click.pass_obj
def provenance(settings: Settings, target: str, against: str, model: str, use_case: str) -> None:
    """Say whether a model is ours, by its signature, the records and the watermark in its answers.

    TARGET is a bundle (a directory, gs://, s3:// or models:/ URI) or the URL of a V2 server, http://HOST:PORT. A server
    is sent a few ten thousand rows, made from rows that travel with the bundle. Fails where the model is not shown to
    be ours.
    """
    from pipelines import provenance as evidence

    if target.startswith(("http://", "https://")):
        found = evidence.of_endpoint(target, settings, against, model, use_case)
    else:
        found = evidence.of_bundle(target, settings, use_case, against)
    for name in ("signature", "records", "watermark"):
        finding: evidence.Finding = getattr(found, name)
        click.echo(f"{name:<10} {finding.says:<8} {finding.reason}")
    click.echo(f"{found.target}: {found.conclusion}")
    if not found.is_ours:
        sys.exit(1)


COMMANDS = (provenance,)
