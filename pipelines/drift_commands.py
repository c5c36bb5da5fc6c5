"""Commands that measure the watching: what drift costs beside peers, and what detectors find on staged shifts."""

import sys

import click

from components.core.config import Settings


@click.command("bench-drift")
@click.option("--short", is_flag=True, help="A quick look at less; targets in time and memory are not held.")
@click.option("--bundle", default="", metavar="URI", help="Whose log is looked at. [default: the registered champion]")
@click.pass_obj
def bench_drift(settings: Settings, short: bool, bundle: str) -> None:
    """Measure drift beside evidently, nannyml, alibi-detect and plain numpy; sketches, a whole look, false alarms.

    The peers' environments are made when they are missing. Takes ten minutes; fails when a target is missed.
    """
    from pipelines.benchmarks import false_alarms
    from pipelines.benchmarks.drift.bench_drift import bench_drift as measure
    from pipelines.benchmarks.drift.whole_look import window

    kept = measure(settings.home, click.echo, short, window(settings, click.echo, bundle))
    if not short:
        kept = false_alarms.bench(click.echo) and kept
    if not kept:
        sys.exit(1)


@click.command("bench-detection")
@click.option("--short", is_flag=True, help="A quick look; the figures are coarse, and nothing is written.")
def bench_detection(short: bool) -> None:
    """Simulate what each test and each detector finds of staged shifts, and how often it cries wolf; three minutes.

    Writes components/monitoring/DETECTION.md. Fails when a promise is broken.
    """
    from pipelines.benchmarks import detection

    if not (detection.bench(click.echo, short=True) if short else detection.write(say=click.echo)):
        sys.exit(1)


COMMANDS = (bench_drift, bench_detection)
