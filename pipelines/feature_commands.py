"""Commands on a feature store: make it ready to answer online, and tell what is in it."""

from datetime import date
from pathlib import Path

import click

from components.core import use_case as use_cases

store_argument = click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group()
def features() -> None:
    """Look after a feature store, the directory that the step build_features wrote."""


@features.command()
@store_argument
@click.option("--end", required=True, help="ISO date: answer with what was known before that day.")
@click.option("--use-case", default="sba_loans", show_default=True, help="Name, or a YAML file.")
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Compute this model's features on demand too.",
)
def materialize(store: Path, end: str, use_case: str, bundle: Path | None) -> None:
    """Load the store's online half, so that histories of banks and the like can be looked up by key.

    A server looks them up for requests that leave them out: make serve ARGS="--bundle ... --features STORE". It notices
    when the store is loaded again. Which online store is used stands in STORE/feature_store.yaml.
    """
    from components.features import store as stores

    case = use_cases.load(use_case)
    until: date = use_cases.as_of_date(case, end)
    # Registries name absolute paths, and the store may have been moved since it was built.
    stores.apply(store, case)
    if bundle is not None:
        stores.apply_on_demand(store, case, bundle / "transform.json")
    stores.materialize(store, case, until)
    click.echo(f"{store}: online as of {until}")


@features.command()
@store_argument
@click.option("--target", type=click.Path(path_type=Path), help="Markdown file to write. [default: standard output]")
def document(store: Path, target: Path | None) -> None:
    """Write the documentation of entities, views, features and services, from the store's registry."""
    from components.features.document import document as describe

    text = describe(store)
    if target is None:
        click.echo(text)
    else:
        target.write_text(text, encoding="utf-8")
        click.echo(f"wrote {target}")
