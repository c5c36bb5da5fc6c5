"""The command line: run, compile and submit pipelines; look after versions, approvals, quarantine and ledger."""

import sys
from pathlib import Path

import click

from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from pipelines import catalogue
from pipelines.parameters import parameters


class _Group(click.Group):
    """Shows our own errors as one line on standard error instead of a trace."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FairleadError as error:
            click.echo(f"fairlead: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fairlead")
@click.pass_context
def main(context: click.Context) -> None:
    """From a table of labelled events to a monitored, gated, safely rolled-out KServe endpoint."""
    context.obj = read_settings()


pipeline_argument = click.argument("pipeline", type=click.Choice(sorted(catalogue.PIPELINES)))
use_case_option = click.option("--use-case", default="sba_loans", show_default=True, help="Name, or a YAML file.")
as_of_option = click.option("--as-of", default="", help="ISO date: use nothing known later. [default: the use case's]")
source_option = click.option("--source", default="", help="Path, gs://… or s3://… of the raw table.")
set_option = click.option("--set", "extra", multiple=True, metavar="NAME=VALUE", help="Any other pipeline parameter.")


@main.command()
@pipeline_argument
@use_case_option
@as_of_option
@source_option
@set_option
@click.pass_obj
def run(settings: Settings, pipeline: str, use_case: str, as_of: str, source: str, extra: tuple[str, ...]) -> None:
    """Run a pipeline on this machine, resuming from what earlier runs left."""
    from pipelines.runners import local

    arguments = parameters(use_case, as_of, source, extra)
    done = local.run(catalogue.compiled(pipeline), arguments, settings.home, click.echo)
    click.echo(f"report: {done.artifact('write_report', 'report')}")


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when the YAML in the tree is stale.")
def compile(check: bool) -> None:
    """Compile every pipeline to the YAML that Kubeflow takes."""
    for name in catalogue.PIPELINES:
        click.echo(catalogue.compile_one(name, check=check))


@main.command()
@pipeline_argument
@use_case_option
@as_of_option
@source_option
@set_option
@click.option("--host", default="", help="URL of the Kubeflow Pipelines API. [default: FAIRLEAD_KFP_HOST]")
@click.option("--experiment", default="fairlead", show_default=True)
@click.pass_obj
def submit(
    settings: Settings,
    pipeline: str,
    use_case: str,
    as_of: str,
    source: str,
    extra: tuple[str, ...],
    host: str,
    experiment: str,
) -> None:
    """Start a run on Kubeflow Pipelines and print its URL."""
    from pipelines.runners import kubeflow

    arguments = parameters(use_case, as_of, source, extra)
    name = f"{pipeline} {Path(use_case).stem} {as_of}".strip()
    click.echo(kubeflow.submit(catalogue.compiled(pipeline), arguments, host or settings.kfp_host, experiment, name))


@main.command("verify-ledger")
@click.pass_obj
def verify_ledger(settings: Settings) -> None:
    """Recompute the ledger's chain of hashes."""
    click.echo(f"{settings.ledger_path}: {Ledger(settings.ledger_path).verify()} entries, unbroken")
