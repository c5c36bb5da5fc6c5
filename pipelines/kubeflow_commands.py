"""Commands that bring pipelines to Kubeflow: compile, upload a version, start a run, start one again and again."""

from pathlib import Path

import click

from components.core.config import Settings
from components.core.errors import FairleadError
from pipelines import catalogue
from pipelines.cron import six_fields
from pipelines.parameters import TODAY, parameters
from pipelines.place import DEFAULT
from pipelines.run_options import (
    compiled_for,
    experiment_option,
    host_option,
    pipeline_argument,
    sent_to,
    what_to_run,
    where,
)


@click.command()
@compiled_for
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder. [default: the one in the tree]"
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the YAML in the tree is stale.")
@click.pass_obj
def compile(settings: Settings, place: str, tag: str, output: Path | None, check: bool) -> None:
    """Compile every pipeline to the YAML that Kubeflow takes.

    The YAML in the tree is that of the place "local", which changes nothing of what the steps ask for; that of another
    place goes to a folder of its own:  fairlead compile --place kind --output FOLDER
    """
    found, _ = where(settings, place, tag=tag)
    if output is None:
        if found.changes:
            raise FairleadError(
                f"pipelines/compiled/ is the YAML of {DEFAULT}; say where that of {place} goes: --output"
            )
        for name in catalogue.PIPELINES:
            click.echo(catalogue.compile_one(name, check=check))
        return
    if check:
        raise FairleadError("--check looks at the YAML in the tree; leave --output out")
    output.mkdir(parents=True, exist_ok=True)
    for name in catalogue.PIPELINES:
        target = output / f"{name}.yaml"
        target.write_text(catalogue.text_for(name, found), encoding="utf-8")
        click.echo(f"wrote {target}")


@click.command()
@pipeline_argument
@compiled_for
@host_option
@click.option("--version", default="", help="What it is called. [default: of the package, and the commit]")
@click.option("--commit", default="", help="That it was made from. [default: the checkout's]")
@click.pass_obj
def upload(settings: Settings, pipeline: str, place: str, tag: str, host: str, version: str, commit: str) -> None:
    """Upload a version of a pipeline to Kubeflow Pipelines and print its URL.

    The pipeline is made when it is not there. The description says for which place the version was compiled, from which
    commit, and the hash of its YAML. The same again changes nothing; another YAML under its name is refused.

    \b
    Nearly the same with Kubeflow's own commands:
      kfp --endpoint URL pipeline create -p fairlead-training training.yaml      (the first time)
      kfp --endpoint URL pipeline create-version -v 0.1.0-abcdef -n fairlead-training training.yaml
    """
    from pipelines.runners import uploads

    found, endpoint = sent_to(settings, place, host, tag)
    made_from = commit or uploads.checkout()
    called = version or uploads.version_of(made_from)
    with catalogue.package(pipeline, found) as package:
        done = uploads.upload(package, endpoint, called, found, made_from)
    if not done.new:
        click.echo(f"version {called} is there already, and the same", err=True)
    click.echo(done.url)


@click.command()
@what_to_run
@compiled_for
@host_option
@experiment_option
@click.option("--version", default="", help="Run this uploaded version instead of the pipeline as it is here.")
@click.option("--no-cache", is_flag=True, help="Take nothing from the cache: the source may have changed.")
@click.pass_obj
def submit(
    settings: Settings,
    pipeline: str,
    use_case: str,
    as_of: str,
    source: str,
    repaired: str,
    extra: tuple[str, ...],
    place: str,
    tag: str,
    host: str,
    experiment: str,
    version: str,
    no_cache: bool,
) -> None:
    """Start a run on Kubeflow Pipelines and print its URL.

    \b
    Nearly the same with Kubeflow's own commands:
      kfp --endpoint URL run create -e fairlead -f pipelines/compiled/training.yaml as_of=2003-12-31
      kfp --endpoint URL run create -e fairlead -n fairlead-training -v VERSION-ID as_of=2003-12-31
    """
    from pipelines.runners import kubeflow, uploads

    if version and (no_cache or tag):
        raise FairleadError("--version runs what was uploaded as it is; leave --no-cache and --tag out")
    arguments = parameters(use_case, as_of, source, extra, repaired, pipeline)
    day = arguments.get("as_of") or arguments.get("now", "")
    name = f"{pipeline} {Path(use_case).stem} {day}".strip()
    found, endpoint = sent_to(settings, place, host, tag)
    asked = experiment or found.kubeflow.experiment
    if version:
        pipeline_name = uploads.name_of(catalogue.compiled(pipeline))
        click.echo(uploads.submit(pipeline_name, version, arguments, endpoint, asked, name, found))
        return
    with catalogue.package(pipeline, found) as package:
        click.echo(kubeflow.submit(package, arguments, endpoint, asked, name, cached=not no_cache, place=found))


@click.command()
@what_to_run
@compiled_for
@click.option("--cron", required=True, help='When, for example "0 3 1 * *"; with six fields the first is the second.')
@click.option("--name", default="", help="What the schedule is called. [default: pipeline and use case]")
@host_option
@experiment_option
@click.pass_obj
def schedule(
    settings: Settings,
    pipeline: str,
    cron: str,
    name: str,
    use_case: str,
    as_of: str,
    source: str,
    repaired: str,
    extra: tuple[str, ...],
    place: str,
    tag: str,
    host: str,
    experiment: str,
) -> None:
    """Start a run on Kubeflow Pipelines again and again, and print the schedule's URL.

    One run at a time, nothing taken from the cache, in the time zone of the Kubeflow installation (UTC if none is set
    there). The parameters are the same each time, --as-of too; manifests/README.md shows the way to one that moves.

    \b
    Nearly the same with Kubeflow's own commands (they take six fields, seconds first, and not five):
      kfp dsl compile --py pipelines/training.py --function training --output training.yaml \\
        --disable-execution-caching-by-default
      kfp --endpoint URL recurring-run create --experiment-name fairlead --job-name training --no-catchup \\
        --cron-expression "0 0 3 1 * *" --pipeline-package-path training.yaml as_of=2003-12-31
    """
    from pipelines.runners import kubeflow

    if as_of == TODAY:
        raise FairleadError(
            f"--as-of {TODAY} cannot be scheduled: Kubeflow would repeat the day of scheduling each time; give a date, "
            "or let manifests/schedule/ submit a run of its own each time"
        )
    arguments = parameters(use_case, as_of, source, extra, repaired, pipeline)
    found, endpoint = sent_to(settings, place, host, tag)
    asked, called = experiment or found.kubeflow.experiment, name or f"{pipeline} {Path(use_case).stem}"
    with catalogue.package(pipeline, found) as package:
        click.echo(kubeflow.schedule(package, arguments, endpoint, asked, called, cron, place=found))
    if len(cron.split()) == 5:
        click.echo(f"five fields were given; sent was {six_fields(cron)!r}, with the second before them", err=True)


COMMANDS = (compile, upload, submit, schedule)
