"""Command that tries ways of mitigation beside one another."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.judgement.mitigation.parity import Criterion
from pipelines.retraining_commands import file_option

if TYPE_CHECKING:
    from components.training.tune import Trial

WAYS = ("reweighing", "without_proxies", "constrained", "one_threshold", "group_thresholds")
"""Those of ``components.judgement.mitigation.ways``, which takes seconds to import."""


@click.command()
@click.argument("use_case")
@click.option("--attribute", default="", help="Column to compare groups by. [default: the first of the use case]")
@click.option("--criterion", type=click.Choice(get_args(Criterion)), default="demographic_parity", show_default=True)
@click.option("--way", "ways", multiple=True, type=click.Choice(WAYS), help="Again for each. [default: all]")
@click.option(
    "--strength",
    "strengths",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True),
    default=(0.5, 0.75, 1.0),
    show_default=True,
    help="How hard a way tries; again for each.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="1: measure on the test split. More: on all rows, cut into so many parts; takes so many times as long.",
)
@click.option("--dataset", type=file_option, help="What label_rows wrote. [default: made anew]")
@click.option("--trial", type=file_option, help="JSON of a trial, as training chose it. [default: the search's first]")
@click.option("--as-of", default="", help="ISO date: use nothing known later. [default: the use case's]")
@click.option("--report", type=click.Path(path_type=Path), help="HTML page to write. [default: below the home]")
@click.pass_obj
def mitigate(
    settings: Settings,
    use_case: str,
    attribute: str,
    criterion: Criterion,
    ways: tuple[str, ...],
    strengths: tuple[float, ...],
    folds: int,
    dataset: Path | None,
    trial: Path | None,
    as_of: str,
    report: Path | None,
) -> None:
    """Try ways to narrow a gap between groups, and show what each gives and takes; USE_CASE is a name, or a YAML file.

    Models are trained for it and thrown away. A way that is to stay goes into the use case: training.mitigation.
    """
    from components.core.use_case import as_of_date, load
    from components.judgement.mitigation.compare import compare
    from components.judgement.mitigation.page import front_table, mitigation_page
    from components.judgement.text_table import text_table

    case = load(use_case)
    column = attribute or _first_attribute(case)
    if dataset is None:
        from pipelines.dataset import prepare

        click.echo("making the data set")
        dataset = prepare(case, as_of_date(case, as_of), settings)
    found = compare(dataset, case, _trial(trial, case), column, criterion, ways or WAYS, strengths, folds)
    table = front_table(found)
    for line in ("", *found.summary, "", text_table(table.header, table.rows), "", table.note, ""):
        click.echo(line)
    page = report or settings.home / "reports" / f"{case.name}-mitigation-{column}-{criterion}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(mitigation_page(case, found), encoding="utf-8")
    click.echo(f"report: {page}")


def _first_attribute(use_case: UseCase) -> str:
    attributes = use_case.judgement.fairness.attributes
    if use_case.judgement.mitigation.attribute:
        return use_case.judgement.mitigation.attribute
    if not attributes:
        raise FairleadError(
            f"use case {use_case.name} names no group to compare; add judgement.fairness.attributes to its YAML"
        )
    return attributes[0].column


def _trial(path: Path | None, use_case: UseCase) -> "Trial":
    from components.training.algorithms import algorithm
    from components.training.tune import Trial

    if path is None:
        name = use_case.training.algorithms[0]
        parameters = dict(algorithm(name).defaults)
        return Trial(algorithm=name, parameters=parameters, log_loss=0.0, seed=use_case.training.seed, number=0)
    try:
        return Trial.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise FairleadError(f"{path} is no trial: {error}; give what training wrote as chosen, in JSON") from error


COMMANDS = (mitigate,)
