"""Commands on outcomes: tell what became of what was predicted."""

from pathlib import Path

import click
import polars as pl
from polars.exceptions import PolarsError

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from components.serving.outcomes import record_outcomes
from pipelines.rollout_around import predictions_of

FORMS = (".csv", ".parquet")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def outcomes(settings: Settings, file: Path) -> None:
    """Record what became of predictions: a FILE (.csv or .parquet) of request_id, label and known_at.

    A label is 1 (bad) or 0, known_at an ISO time with a time zone; row, the place within a request of several rows, may
    be there too. What was recorded before is passed over; a later known_at corrects it.
    """
    read_access(settings).require(settings.actor, "rollout")
    new = record_outcomes(predictions_of(settings), _read(file))
    click.echo(f"{new} outcomes are new; they count from the next look on")


def _read(file: Path) -> pl.DataFrame:
    if file.suffix not in FORMS:
        raise unknown("form of a table of outcomes", file.suffix, FORMS)
    try:
        frame = pl.read_csv(file) if file.suffix == ".csv" else pl.read_parquet(file)
        if frame.schema.get("known_at") == pl.String:
            frame = frame.with_columns(pl.col("known_at").str.to_datetime(time_zone="UTC"))
        return frame
    except PolarsError as error:
        raise FairleadError(f"{file} cannot be read as a table of outcomes: {error}") from error
