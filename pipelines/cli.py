"""The command line: run pipelines here or on Kubeflow; look after versions, quarantine and the ledger."""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from components.core import use_case as use_cases
from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from pipelines import (
    alert_commands,
    catalogue,
    drift_commands,
    feature_commands,
    judgement_commands,
    kubeflow_commands,
    mitigation_command,
    outcome_commands,
    provenance_command,
    quarantine_commands,
    reasons_command,
    registry_commands,
    retraining_commands,
    rollout_commands,
    statistics_command,
    synthesize_command,
    watch_command,
)
from pipelines.parameters import parameters
from pipelines.run_options import use_case_option, what_to_run


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


@main.command()
@what_to_run
@click.option("--isolated", is_flag=True, help="Run each step in an interpreter of its own: slower, as in a container.")
@click.pass_obj
def run(
    settings: Settings,
    pipeline: str,
    use_case: str,
    as_of: str,
    source: str,
    repaired: str,
    extra: tuple[str, ...],
    isolated: bool,
) -> None:
    """Run a pipeline on this machine, resuming from what earlier runs left."""
    from pipelines.reports import keep_report
    from pipelines.rollout_around import predictions_of
    from pipelines.runners import local

    log = f"sqlite:///{predictions_of(settings)}"
    arguments = parameters(use_case, as_of, source, extra, repaired, pipeline, log)
    done = local.run(catalogue.compiled(pipeline), arguments, settings.home, click.echo, isolated=isolated)
    click.echo(f"report: {keep_report(done, settings.home)}")


@main.command()
@click.argument("repaired", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--quarantine", required=True, type=click.Path(exists=True, path_type=Path), help="Of the run.")
@click.option("--clean", required=True, type=click.Path(exists=True, path_type=Path), help="Clean rows of the run.")
@use_case_option
def replay(repaired: Path, quarantine: Path, clean: Path, use_case: str) -> None:
    """Try repaired rows against a run's quarantine and tell which would join the clean rows.

    Nothing is changed. To train on them, run the pipeline again with --repaired and the same table.
    """
    from components.data.replay import replay as replay_rows

    # On copies: later runs take a run's files from the cache, with a report that counts them as they were.
    with tempfile.TemporaryDirectory() as folder:
        waiting = shutil.copyfile(quarantine, Path(folder) / "quarantine.parquet")
        joined = shutil.copyfile(clean, Path(folder) / "clean.parquet")
        done = replay_rows(repaired, waiting, joined, use_cases.load(use_case).data)
    click.echo(f"{done.joined} of {done.rows} rows join, {done.failed} fail again, {done.remaining} stay in quarantine")
    for rule, count in done.by_rule.items():
        click.echo(f"  {count} of those that fail break {rule}")
    if done.joined:
        click.echo(f"nothing was changed; to train on them, run the same again with --repaired {repaired}")


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """See the whole way on real loans: a champion, a challenger judged against it, served and called."""
    from pipelines.demo import demo as show

    show(settings, click.echo)


@main.command(name="rollout-demo")
@click.pass_obj
def rollout_demo(settings: Settings) -> None:
    """See four candidates meet live traffic: a bad, a slow and an unseen one, and one that deserves to reign."""
    from pipelines.rollout_demo import rollout_demo as show

    show(settings, click.echo)


@main.command("replay-history")
@click.pass_obj
def replay_history(settings: Settings) -> None:
    """Replay 2004 to 2012 with the loop closed, beside a frozen model, yearly training and an oracle.

    Fails when something that a replay has to show is not shown.
    """
    from pipelines.replay.replay import replay as show

    if not all(show(settings, click.echo).promises.values()):
        sys.exit(1)


@main.command()
@click.pass_obj
def bench(settings: Settings) -> None:
    """Measure the figures that the README states, each beside a target or a peer; takes about five minutes."""
    from pipelines.benchmarks.bench import bench as measure

    measure(settings.home, click.echo)


@main.command("bench-serving")
@click.option("--short", is_flag=True, help="Fewer and shorter rounds, for a look; the figures are noisier.")
@click.option("--bundle", default="", metavar="URI", help="What to serve. [default: the registered champion]")
@click.option("--only", multiple=True, metavar="NAME", help="Measure this server (and others named so) alone.")
@click.pass_obj
def bench_serving(settings: Settings, short: bool, bundle: str, only: tuple[str, ...]) -> None:
    """Measure the model server beside its peers, in one interleaved run; takes about ten minutes."""
    from pipelines.benchmarks.serving.bench_serving import SHORT, Plan
    from pipelines.benchmarks.serving.bench_serving import bench_serving as measure

    measure(settings, SHORT if short else Plan(), bundle, only, click.echo)


@main.command("bench-peeking")
@click.option("--short", is_flag=True, help="Few rollouts, for a look; the intervals are wide.")
def bench_peeking(short: bool) -> None:
    """Simulate rollouts that are looked at all the time: false verdicts, and requests until harm is found; two minutes.

    Fails when a promise is broken.
    """
    from pipelines.benchmarks.peeking import SMALL, Sizes
    from pipelines.benchmarks.peeking import bench as simulate

    if not simulate(click.echo, SMALL if short else Sizes()):
        sys.exit(1)


@main.command("bench-traffic")
@click.option("--short", is_flag=True, help="Fewer requests, for a look.")
@click.option("--bundle", default="", metavar="URI", help="What to serve. [default: the registered champion]")
@click.pass_obj
def bench_traffic(settings: Settings, short: bool, bundle: str) -> None:
    """Measure what a rollout costs those who send requests, behind a real proxy; takes a minute.

    Fails when a target is missed.
    """
    from pipelines.benchmarks.traffic import SHORT, Sizes
    from pipelines.benchmarks.traffic import bench_traffic as measure

    if not measure(settings, SHORT if short else Sizes(), bundle, click.echo):
        sys.exit(1)


for command in (
    feature_commands.features,
    outcome_commands.outcomes,
    rollout_commands.rollout,
    watch_command.watch,
    alert_commands.alerts,
    quarantine_commands.quarantine,
    retraining_commands.retraining,
    *kubeflow_commands.COMMANDS,
    *registry_commands.COMMANDS,
    *drift_commands.COMMANDS,
    *judgement_commands.COMMANDS,
    *statistics_command.COMMANDS,
    *reasons_command.COMMANDS,
    *provenance_command.COMMANDS,
    *mitigation_command.COMMANDS,
    *synthesize_command.COMMANDS,
):
    main.add_command(command)
