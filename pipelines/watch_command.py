"""The command that watches the reigning model on this machine."""

import contextlib
import signal
import threading
from pathlib import Path
from typing import Any

import click

from components.core.config import Settings
from pipelines.retraining_commands import file_option, places


@click.command()
@places
@click.option("--log", default="", help="URI of the prediction log. [default: that of this machine]")
@click.option("--outcomes", default="", help="SQLite file of the outcomes. [default: the log's]")
@click.option("--features", type=file_option, help="Table that the champion learned from. [default: made anew]")
@click.option("--now", default="", help="ISO date: look once as of that day. [default: today, again and again]")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option(
    "--every", type=click.FloatRange(min=1), default=3600, show_default=True, help="Seconds between two looks."
)
@click.option("--port", default=0, help="Serve Prometheus metrics at this port of 127.0.0.1. [default: none]")
@click.option("--retrain", is_flag=True, help="Start the training runs that are due, and carry on open ones.")
@click.pass_obj
def watch(
    settings: Settings,
    /,
    use_case: str,
    log: str,
    outcomes: str,
    features: Path | None,
    now: str,
    once: bool,
    every: float,
    port: int,
    retrain: bool,
    **where: Any,
) -> None:
    """Watch the reigning model: drift, performance by late labels, causes; tell, decide and, with --retrain, act.

    Each look leaves its findings below FAIRLEAD_HOME/findings and a page below FAIRLEAD_HOME/reports. Who is told is
    set by FAIRLEAD_ALERT_WEBHOOK, FAIRLEAD_ALERT_SLACK and FAIRLEAD_ALERT_ALERTMANAGER.
    """
    from components.monitoring.exporter import serve
    from pipelines.retraining_places import trigger
    from pipelines.rollout_around import predictions_of
    from pipelines.watch import Watching, watch_on

    runs = trigger(settings, use_case, click.echo, **where) if retrain else None
    place = log or f"sqlite:///{predictions_of(settings)}"
    watching = Watching(settings, use_case, place, outcomes, features, click.echo, runs)
    done = threading.Event()
    if not (once or now):
        # A look that has begun is ended first.
        signal.signal(signal.SIGTERM, lambda *_: done.set())
    with serve(watching.exporter, port) if port else contextlib.nullcontext("") as url:
        if url:
            click.echo(f"metrics at {url}")
        if once or now:
            found = watching.look(now)
            click.echo(f"report: {watching.report(found.now)}")
            return
        with contextlib.suppress(KeyboardInterrupt):
            watch_on(watching, every, done.wait)
