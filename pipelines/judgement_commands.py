"""Commands that judge: a new model with all its checks, or one side of a model that is registered."""

import sys
import tempfile
from pathlib import Path

import click

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.judging import CHECKS

use_case_argument = click.argument("use_case")


@click.command()
@click.option("--use-case", default="card_default", show_default=True, help="Name, or a YAML file.")
@click.option("--as-of", default="", help="ISO date: use nothing known later. [default: the use case's]")
@click.option("--source", default="", help="Path, gs://… or s3://… of the raw table.")
@click.pass_obj
def judge(settings: Settings, use_case: str, as_of: str, source: str) -> None:
    """Train a model, judge it from all sides, and register it where no gate stops it; fails where one does."""
    from pipelines.judge import judge as judging

    if not judging(settings, use_case, click.echo, as_of, source):
        sys.exit(1)


@click.command()
@click.argument("name", type=click.Choice([*CHECKS, "all"]))
@use_case_argument
@click.argument("version")
@click.option("--dataset", type=click.Path(path_type=Path), help="What label_rows wrote. [default: made anew]")
@click.option("--report", type=click.Path(path_type=Path), help="HTML page to write. [default: below the home]")
@click.pass_obj
def check(
    settings: Settings, name: str, use_case: str, version: str, dataset: Path | None, report: Path | None
) -> None:
    """Check one side of a registered version, or ALL of them; USE_CASE is a name, or a YAML file.

    Fails where a gate on what was found stops a release.
    """
    from pipelines.checking import check_version

    with tempfile.TemporaryDirectory() as scratch:
        names = CHECKS if name == "all" else (name,)
        if not check_version(settings, use_case, version, names, click.echo, Path(scratch), dataset, report):
            sys.exit(1)


@click.command()
@use_case_argument
@click.argument("version")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "html", "json"]), default="markdown", show_default=True
)
@click.option("--target", type=click.Path(path_type=Path), help="File to write. [default: standard output]")
@click.pass_obj
def card(settings: Settings, use_case: str, version: str, form: str, target: Path | None) -> None:
    """Show the model card of a registered version, with its gates, approvals and lineage as they stand now."""
    from components.governance.full_card import full_card
    from components.registry.registry import Registry
    from components.registry.store import fetch
    from components.training import signing

    found = Registry(settings).version(use_case, version)
    bundle = fetch(found.uri, settings.home / "fetched", settings)
    signing.verify(bundle, settings.verify_key)
    made = full_card(settings, found, bundle)
    text = {"markdown": made.to_markdown, "html": made.to_html, "json": made.to_json}[form]()
    if target is None:
        click.echo(text)
    else:
        target.write_text(text, encoding="utf-8")
        click.echo(f"model card of models:/{use_case}/{found.version}: {target}")


@click.command("bad-models")
def bad_models() -> None:
    """Show models that are unfair, leaking, brittle and memorising, and the gates that stop each; two minutes."""
    from components.core.use_case import load
    from pipelines.bad_models import show

    click.echo("On 30,000 credit card clients, held against the gates of card_default:")
    with tempfile.TemporaryDirectory() as folder:
        found = show(load("card_default"), Path(folder), click.echo)
    wrong = [shown.name for shown in found if bool(shown.gates) is (shown.name == "good")]
    if wrong:
        raise FairleadError(f"not as it should be: {', '.join(wrong)}")
    click.echo("What is measured: components/judgement/; the gates: pipelines/use_cases/card_default.yaml")


@click.command("bench-explanations")
def bench_explanations() -> None:
    """Measure the explanation of 30,000 rows by 300 trees beside the library shap; fails when a target is missed."""
    from pipelines.benchmarks import explanations

    if not explanations.bench(click.echo):
        sys.exit(1)


COMMANDS = (judge, check, card, bad_models, bench_explanations)
