"""The command that tells of a table what may leave the platform, with noise that guards every row."""

from pathlib import Path

import click

from components.core import use_case as use_cases
from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.errors import FairleadError, unknown

TOTAL_EPSILON = 3.0
TOTAL_DELTA = 1e-5


@click.command()
@click.argument("use_case")
@click.option("--epsilon", type=float, help="What this report may lose; has to be said. 1 is usual, 10 is weak.")
@click.option("--delta", default=0.0, show_default=True, help="Above 0: Gaussian noise, less of it on many questions.")
@click.option("--source", default="", help="Path, gs://… or s3://… of the table. [default: the use case's]")
@click.option("--column", "columns", multiple=True, metavar="NAME", help="Ask of this one; repeat. [default: of all]")
@click.option("--bounds", multiple=True, metavar="COLUMN=LOW:HIGH", help="Known from elsewhere, never from the table.")
@click.option(
    "--total-epsilon",
    type=click.FloatRange(0, min_open=True),
    help=f"Of the table; the first report sets it. [{TOTAL_EPSILON:g}]",
)
@click.option(
    "--total-delta", type=click.FloatRange(0, 1), help=f"Of the table; the first report sets it. [{TOTAL_DELTA:g}]"
)
@click.option("--target", type=click.Path(dir_okay=False, path_type=Path), help="JSON file. [default: below reports]")
@click.pass_obj
def statistics(
    settings: Settings,
    use_case: str,
    epsilon: float | None,
    delta: float,
    source: str,
    columns: tuple[str, ...],
    bounds: tuple[str, ...],
    total_epsilon: float | None,
    total_delta: float | None,
    target: Path | None,
) -> None:
    """Print differentially private statistics of a use case's table, and write them as JSON.

    Whether any one row is in the table can hardly be told from them. What reports lose adds up: the table's budget is
    kept below FAIRLEAD_HOME/privacy, and a report that would overspend it is refused. Noise is never drawn twice, so
    the same command answers otherwise each time, and spends each time.
    """
    from components.data.privacy_budget import Budget, Spending, read_budget, spend_from
    from components.data.private_questions import parse_bounds, questions_of
    from components.data.private_statistics import plan, release
    from components.data.private_table import read_table

    if epsilon is None:
        raise FairleadError("--epsilon is missing: say how much privacy the report may lose; 1 is usual, 10 is weak")
    case = use_cases.load(use_case)
    asked = questions_of(case, parse_bounds(bounds))
    for name in columns:
        if name not in case.data.columns:
            raise unknown("column", name, case.data.columns)
    if columns:
        asked = tuple(q for q in asked if getattr(q, "column", None) in (None, *columns))
    # Everything that can be refused is, before anything is spent.
    plan(asked, epsilon, delta)
    frame, table = read_table(case, source)
    path = settings.home / "privacy" / f"{table}.json"
    usual = read_budget(path) or Budget(table=table, epsilon=TOTAL_EPSILON, delta=TOTAL_DELTA)
    opening = Budget(
        table=table,
        epsilon=usual.epsilon if total_epsilon is None else total_epsilon,
        delta=usual.delta if total_delta is None else total_delta,
    )
    what = f"a report of {len(asked)} questions on {case.name}"
    after = spend_from(path, opening, Spending(epsilon=epsilon, delta=delta, what=what))
    report = release(frame, asked, epsilon, delta)
    for line in report.lines():
        click.echo(line)
    left = "epsilon {:.6g}, delta {:.3g}".format(*after.left)
    click.echo(f"spent: epsilon {epsilon:g}, delta {delta:g}; left of table {table[:12]}…: {left}")
    written = target or settings.home / "reports" / f"{case.name}-statistics.json"
    write_whole(written, (report.model_dump_json(indent=1) + "\n").encode())
    click.echo(f"report: {written}")


COMMANDS = (statistics,)
