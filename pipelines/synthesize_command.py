"""The command that makes a synthetic table: private, plain, or from the use case alone; staged in time where asked."""

import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import click
import polars as pl

from components.core.artifacts import whole_file, write_whole
from components.core.errors import FairleadError
from components.core.use_case import UseCase, as_of_date, load

ENDINGS = (".html", ".md", ".json")
"""What a report can be written as."""


@click.command("synthesize")
@click.argument("use_case")
@click.option("--rows", type=click.IntRange(min=1), required=True, help="How many rows to draw.")
@click.option("--target", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Parquet file to write.")
@click.option("--epsilon", type=float, help="Learn with differential privacy and spend at most this.")
@click.option("--delta", type=float, help="Spend at most this besides. [default: a tenth of one row's share]")
@click.option("--plain", is_flag=True, help="Learn without noise: NO PRIVACY.")
@click.option("--from-schema", is_flag=True, help="Look at no row: invent all from the use case.")
@click.option("--like", default="", metavar="PERIOD:MONTHS,…", help="Stage time: 2003:12,2008:12 or 2008Q4:3.")
@click.option(
    "--start", default="", metavar="DATE", help="Month in which the staged time begins. [default: the first period]"
)
@click.option("--period", type=click.Choice(["year", "quarter"]), help="What rows are told apart by in time.")
@click.option("--source", default="", help="Real table instead of the use case's own.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the rows that are drawn; never of the noise.")
@click.option("--as-of", default="", metavar="DATE", help="Training date of the models that a report compares.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Compare with the real table; .html, .md or .json. A part of the rows is then kept from the generator.",
)
def synthesize(
    use_case: str, rows: int, target: Path, report: Path | None, start: str, as_of: str, **given: Any
) -> None:
    """Make a synthetic table for USE_CASE (a name or a YAML file) that can be trained on like the real one.

    Train on it with: fairlead run training --use-case USE_CASE --source TARGET
    """
    from components.data.synthetic.generate import generate, stretches

    case = load(use_case)
    months = stretches(given["like"])
    _require_one_way(given, report)
    _require_parquet(target, report)
    training_date = as_of_date(case, as_of)
    begin = _day(start)
    began = time.monotonic()
    real = None if given["from_schema"] else _real(case, given["source"])
    generator = _learn(case, real, report is not None, given)
    table = generate(generator, case, rows, given["seed"], months, begin)
    seconds = time.monotonic() - began
    with whole_file(target) as scratch:
        table.write_parquet(scratch)
    click.echo(generator.guarantee.in_words())
    click.echo(f"{table.height:,} rows in {target}, {seconds:.0f} seconds")
    if report is not None and real is not None:
        from components.judgement.synthetic.assess import assess

        found = assess(real, table, case, generator.guarantee, training_date, seconds)
        texts = {".html": found.html, ".md": found.markdown, ".json": found.model_dump_json}
        write_whole(report, texts[report.suffix]().encode())
        click.echo("\n".join([*found.summary[2:], f"The report is in {report}; it is not private."]))


def _learn(case: UseCase, real: pl.DataFrame | None, compared: bool, given: dict[str, Any]) -> Any:
    """Learn the generator in the way that was asked for, on the rows that a report does not need."""
    from components.data.synthetic.fit import Unit, fit_plain, fit_private
    from components.data.synthetic.invented import invent

    if real is None:
        return invent(case)
    if compared:
        from components.judgement.synthetic.usefulness import is_held_out

        real = real.filter(~is_held_out(real[case.data.row_id], case))
    period: Unit = given["period"] or ("quarter" if "Q" in given["like"] else "year")
    if given["plain"]:
        return fit_plain(real, case, period)
    return fit_private(real, case, given["epsilon"], given["delta"], period)


def _real(case: UseCase, source: str) -> pl.DataFrame:
    """Read the real rows that keep every expectation."""
    from components.data.ingest import ingest
    from components.data.quarantine import check_rows

    with tempfile.TemporaryDirectory() as folder:
        raw, clean, quarantine = (Path(folder) / f"{name}.parquet" for name in ("raw", "clean", "quarantine"))
        ingest(case.data, raw, source or None)
        check_rows(raw, case.data, clean, quarantine)
        return pl.read_parquet(clean)


def _require_one_way(given: dict[str, Any], report: Path | None) -> None:
    ways = {"--epsilon": given["epsilon"] is not None, "--plain": given["plain"], "--from-schema": given["from_schema"]}
    chosen = [name for name, asked in ways.items() if asked]
    if len(chosen) != 1:
        raise FairleadError(
            f"{' and '.join(chosen) or 'neither --epsilon nor --plain nor --from-schema'} given; choose one: "
            "--epsilon 1 (differentially private; 1 is strong, 3 usual), --plain (no privacy) or --from-schema (looks "
            "at no row)"
        )
    if given["delta"] is not None and given["epsilon"] is None:
        raise FairleadError(f"--delta {given['delta']} is spent beside --epsilon; give both or neither")
    if given["from_schema"] and report is not None:
        raise FairleadError(
            f"--report {report} compares with real rows, and --from-schema looks at none; leave one out"
        )


def _require_parquet(target: Path, report: Path | None) -> None:
    if target.suffix != ".parquet":
        raise FairleadError(f"--target {target} has to end in .parquet")
    if report is not None and report.suffix not in ENDINGS:
        raise FairleadError(f"--report {report} has to end in one of {', '.join(ENDINGS)}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise FairleadError(f"--start {text!r} is no date; give it like 2003-01-01") from error


COMMANDS = (synthesize,)
