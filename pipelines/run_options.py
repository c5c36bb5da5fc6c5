"""Options that several commands share: what to run, and where."""

from collections.abc import Callable
from typing import TypeVar

import click

from components.core.config import Settings
from components.core.errors import FairleadError
from pipelines import catalogue
from pipelines.place import DEFAULT, Place, load

Command = TypeVar("Command", bound=Callable[..., object])

pipeline_argument = click.argument("pipeline", type=click.Choice(sorted(catalogue.PIPELINES)))
use_case_option = click.option("--use-case", default="sba_loans", show_default=True, help="Name, or a YAML file.")
as_of_option = click.option(
    "--as-of",
    default="",
    help="ISO date, or today: use nothing known later. [default: the use case's; of monitoring the day of the run]",
)
source_option = click.option("--source", default="", help="Path, gs://… or s3://… of the raw table.")
repaired_option = click.option(
    "--repaired", default="", help="Path, gs://… or s3://… of rows that were in quarantine and are repaired."
)
set_option = click.option("--set", "extra", multiple=True, metavar="NAME=VALUE", help="Any other pipeline parameter.")

place_option = click.option(
    "--place",
    default=DEFAULT,
    show_default=True,
    help="Where it runs: local, kind, cloud, or a YAML file of your own; see pipelines/places/.",
)
tag_option = click.option("--tag", default="", help="Of the images. [default: the place's]")
host_option = click.option(
    "--host", default="", help="URL of the Kubeflow Pipelines API. [default: FAIRLEAD_KFP_HOST, or the place's]"
)
experiment_option = click.option("--experiment", default="", help="[default: the place's]")


def what_to_run(command: Command) -> Command:
    """Give a command the pipeline and its parameters."""
    for part in (set_option, repaired_option, source_option, as_of_option, use_case_option, pipeline_argument):
        command = part(command)
    return command


def compiled_for(command: Command) -> Command:
    """Give a command the place that pipelines are compiled for."""
    return tag_option(place_option(command))


def where(settings: Settings, place: str, host: str = "", tag: str = "") -> tuple[Place, str]:
    """Return the place that was asked for, and the URL of its API: that given, else the settings', else the place's.

    Raises:
        FairleadError: there is no such place, or a value in it is wrong.
    """
    found = load(place)
    if tag:
        # Digests pin other builds than the one that was asked for.
        found = found.model_copy(update={"images": found.images.model_copy(update={"tag": tag, "digests": {}})})
    return found, host or settings.kfp_host or found.kubeflow.host


def sent_to(settings: Settings, place: str, host: str, tag: str) -> tuple[Place, str]:
    """Return the same for what is sent there.

    Raises:
        FairleadError: as ``where``, or the place is still an example: runs would fail at their first artifact.
    """
    found, endpoint = where(settings, place, host, tag)
    if "EXAMPLE" in found.pipeline_root or "EXAMPLE" in found.images.registry:
        raise FairleadError(
            f"place {place} is an example (pipeline_root {found.pipeline_root}, images from {found.images.registry}); "
            f"copy pipelines/places/{found.name}.yaml, fill it in, and give the copy: --place FILE"
        )
    return found, endpoint
