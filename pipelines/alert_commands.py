"""Commands on alerts: what stands, what changed, who is told; silence some for a time."""

import signal
import threading
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.notifier import NotTold
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.alerts.values import Event
from components.monitoring.exporter import HOST, PORT, Exporter, serve
from components.monitoring.runbooks import path_of

DAY = click.DateTime(["%Y-%m-%d"])


def book_path(settings: Settings) -> Path:
    """Return where the alert book is kept."""
    return settings.home / "alerts.db"


def looks_path(settings: Settings) -> Path:
    """Return the folder in which looks are kept for the exporter."""
    return settings.home / "looks"


@click.group()
def alerts() -> None:
    """See what is wrong with a model under watch, and who was told."""


@alerts.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the alerts that stand, the silences that hold, and what waits to be told."""
    book = AlertBook(book_path(settings))
    standing = book.standing()
    if not standing:
        click.echo("no alert stands")
    for alert in standing:
        summary = "" if alert.call is None else alert.call.summary
        click.echo(f"{alert.level:<5} {alert.model} {alert.key}, since {alert.since}, seen {alert.seen}: {summary}")
        click.echo(f"      runbook: {path_of(alert.key.partition('/')[0])}")
    for s in book.silences():
        if not s.lifted_by and s.until >= _today():
            click.echo(f"silence {s.number}: {s.pattern} of {s.model} until {s.until}, by {s.author}: {s.reason}")
    for w in book.store.waiting():
        click.echo(f"waits for {w.notifier}: {w.event.kind} {w.event.key}, {w.attempts} attempts, {w.problem or 'new'}")


@alerts.command()
@click.option("--last", default=50, show_default=True, type=click.IntRange(min=1), help="So many changes.")
@click.option("--key", default="", help="Only of this alert, as NAME/SUBJECT.")
@click.pass_obj
def history(settings: Settings, last: int, key: str) -> None:
    """List the changes of alerts, oldest first."""
    events = [e for e in AlertBook(book_path(settings)).store.events() if key in ("", e.key)]
    if not events:
        click.echo("no alert has changed yet" if not key else f"no change of {key} is on record")
    for e in events[-last:]:
        hushed = f" (silenced {e.silenced})" if e.silenced else ""
        click.echo(f"{e.at} {e.kind:<8} {e.before} -> {e.level} {e.model} {e.key}: {e.summary}{hushed}")


@alerts.command()
@click.argument("pattern")
@click.option("--until", type=DAY, help="Last day on which it holds.")
@click.option("--days", type=click.IntRange(min=1), help="Or: for so many days from today on.")
@click.option("--reason", required=True, help="Why; for those who come after you.")
@click.option("--model", default="*", show_default=True, help="A model, or a pattern of models.")
@click.pass_obj
def silence(
    settings: Settings, pattern: str, until: datetime | None, days: int | None, reason: str, model: str
) -> None:
    """Keep alerts that match PATTERN from the notifiers for a time: a key such as drift/Bank, or drift/*.

    They are on record all the same, and told when the silence is over if they still stand.
    """
    _may(settings)
    if (until is None) == (days is None):
        raise FairleadError("a silence needs its end: give either --until or --days")
    end = until.date() if until is not None else _today() + timedelta(days=(days or 0) - 1)
    if end < _today():
        raise FairleadError(f"--until {end} is over; give today, {_today()}, or a later day")
    made = AlertBook(book_path(settings)).silence(pattern, end, settings.actor, reason, model)
    click.echo(f"silence {made.number}: {made.pattern} of {made.model} until {made.until}")


@alerts.command()
@click.argument("number", type=int)
@click.pass_obj
def unsilence(settings: Settings, number: int) -> None:
    """End silence NUMBER before its time; what stands is told at the next look."""
    _may(settings)
    ended = AlertBook(book_path(settings)).unsilence(number, settings.actor)
    click.echo(f"silence {ended.number} of {ended.pattern} is over")


@alerts.command()
@click.pass_obj
def send(settings: Settings) -> None:
    """Tell the notifiers what they have not taken yet; looks do this by themselves."""
    _may(settings)
    left = AlertBook(book_path(settings), open_notifiers(settings, click.echo)).deliver()
    for w in left:
        click.echo(f"waits for {w.notifier}: {w.event.kind} {w.event.key}: {w.problem or 'it is not configured'}")
    click.echo(f"{len(left)} are waiting")


@alerts.command()
@click.option("--port", default=PORT, show_default=True, help="Serve metrics on it until interrupted.")
@click.option("--host", default=HOST, show_default=True, help="Address to listen on; there is no log-in.")
@click.option("--file", type=click.Path(path_type=Path), help="Write them once instead, for a textfile collector.")
@click.pass_obj
def export(settings: Settings, port: int, host: str, file: Path | None) -> None:
    """Show the alert book and the last look at each model to Prometheus."""
    shown = Exporter(AlertBook(book_path(settings)).store, open_notifiers(settings, click.echo), looks_path(settings))
    if file is not None:
        shown.write(file)
        click.echo(f"metrics: {file}")
        return
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with serve(shown, port, host) as url:
        click.echo(f"metrics: {url}")
        over.wait()


@alerts.command()
@click.pass_obj
def test(settings: Settings) -> None:
    """Send an alert that says it is a test, and its end, through every notifier that is configured.

    Fails when one of them does not take it.
    """
    _may(settings)
    failed = []
    for name, notifier in open_notifiers(settings, click.echo).items():
        try:
            for event in _tried(settings.actor):
                notifier.tell(event)
        except NotTold as error:
            failed.append(f"{name}: {error}")
        else:
            click.echo(f"{name}: taken")
    if failed:
        raise FairleadError("; ".join(failed))


def _tried(actor: str) -> tuple[Event, Event]:
    day = _today()
    stamp = datetime.now().astimezone().isoformat()
    raised = Event(
        id=f"test {stamp}",
        at=day,
        kind="raised",
        use_case="test",
        model="test",
        version="test",
        name="test",
        subject="notifiers",
        level="amber",
        before="green",
        value=1.0,
        threshold=1.0,
        summary=f"{actor} tries whether alerts arrive; nothing is wrong",
        since=day,
        runbook=path_of("test"),
        tell=True,
    )
    over = {"id": f"{raised.id} over", "kind": "cleared", "level": "green", "before": "amber"}
    return raised, raised.model_copy(update=over)


def _may(settings: Settings) -> None:
    read_access(settings).require(settings.actor, "rollout")


def _today() -> date:
    return datetime.now().astimezone().date()
