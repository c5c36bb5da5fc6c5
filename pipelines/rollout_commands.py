"""Commands on rollouts: start one, see where it stands and why, step in, report."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError
from components.rollout import history
from components.rollout import plan as plans
from components.rollout.explain import explain as explained
from components.rollout.explain import headline, wishes
from components.rollout.history import History
from components.rollout.planes.kserve_mode import Mode
from components.rollout.store import SqliteStore

Command = TypeVar("Command", bound=Callable[..., object])

SILENT_LOOKS = 3
"""A rollout that was not looked at for so many looks, and a minute, has no controller any more."""

plan_argument = click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
id_argument = click.argument("rollout_id", metavar="[ID]", default="")
reason_option = click.option("--reason", default="", help="Why, for the record.")


@click.group("rollout")
def rollout() -> None:
    """Bring a candidate to all of the traffic, step by step, and back in one step.

    Without an ID, commands mean the one rollout that is not over, or the last one.
    """


@rollout.command()
@plan_argument
@click.option("--stable", default="", metavar="URI", help="Reigning model. [default: the registered champion]")
@click.option("--candidate", default="", metavar="URI", help="Who wants its place. [default: the challenger]")
@click.option("--plane", default="envoy", show_default=True, type=click.Choice(["envoy", "memory"]))
@click.option("--id", "rollout_id", default="", help="What the rollout is called. [default: plan and number]")
@click.option("--detach", is_flag=True, help="Run it in the background and return at once.")
@click.pass_obj
def start(
    settings: Settings, plan_file: Path, stable: str, candidate: str, plane: str, rollout_id: str, detach: bool
) -> None:
    """Start a rollout by a PLAN (YAML) and run it until it is over.

    On this machine: two model servers under a supervisor, with Envoy before them. Killed or interrupted, it goes on
    with: fairlead rollout run ID. The servers outlive this command. On a cluster the operator runs rollouts.
    The exit status is 3 when it ends without a promotion.
    """
    from pipelines.rollout_start import start as begin

    _may(settings)
    made = begin(settings, plans.load(plan_file), stable, candidate, plane, rollout_id)
    click.echo(f"rollout {made.id}: {made.candidate} against {made.stable}, plan {made.plan.name}")
    _run_on(settings, made.id, detach)


@rollout.command()
@id_argument
@click.option("--detach", is_flag=True, help="Run it in the background and return at once.")
@click.pass_obj
def run(settings: Settings, rollout_id: str, detach: bool) -> None:
    """Go on running a rollout that was started, after its controller was stopped or killed."""
    _may(settings)
    _run_on(settings, _which(settings, rollout_id), detach)


@rollout.command()
@id_argument
@click.pass_obj
def status(settings: Settings, rollout_id: str) -> None:
    """Show where a rollout stands."""
    known = history.read(_store(settings), _which(settings, rollout_id))
    state = known.state
    click.echo(f"{known.rollout.id}: {headline(state)}")
    click.echo(f"  {state.reason}")
    click.echo(
        f"  {state.looks} looks since {known.rollout.started:%Y-%m-%d %H:%M:%S} UTC, plan {known.rollout.plan.name}"
    )
    for line in wishes(known):
        click.echo(f"  {line}")
    for line in _open_approvals(settings, known):
        click.echo(f"  {line}")
    if known.failure:
        click.echo(f"  not brought about, tried again: {known.failure}")
    if _is_left_alone(known):
        click.echo(f"  nobody has looked lately; go on with: fairlead rollout run {known.rollout.id}")


@rollout.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List all rollouts, oldest first."""
    store = _store(settings)
    found = store.rollouts()
    if not found:
        click.echo("no rollout was started; start one with: fairlead rollout start PLAN")
    for name in found:
        known = history.read(store, name)
        click.echo(f"{name:<24} {headline(known.state):<44} {known.rollout.candidate} by {known.rollout.actor}")


@rollout.command()
@id_argument
@click.pass_obj
def explain(settings: Settings, rollout_id: str) -> None:
    """Say why a rollout stands where it stands, what is missing, and how many requests it will probably take."""
    known = history.read(_store(settings), _which(settings, rollout_id))
    for line in explained(known):
        click.echo(line)
    for line in _open_approvals(settings, known):
        click.echo(f"  {line}")


@rollout.command()
@id_argument
@click.option("--output", type=click.Path(path_type=Path), help="Where. [default: below FAIRLEAD_HOME]")
@click.pass_obj
def report(settings: Settings, rollout_id: str, output: Path | None) -> None:
    """Write the rollout's report, an HTML page."""
    from components.rollout.report import write_report

    name = _which(settings, rollout_id)
    target = output or settings.home / "reports" / f"rollout-{name}.html"
    write_report(_store(settings), name, target, settings)
    click.echo(f"report: {target}")


@rollout.command("plan")
@plan_argument
@click.option("--requests-per-hour", default=3600.0, show_default=True, help="To both variants together.")
@click.option(
    "--assume",
    multiple=True,
    metavar="METRIC=MEAN:HARM[:SPREAD]",
    help="Of the stable model, and the rise that should be found; for means also the standard deviation.",
)
def check(plan_file: Path, requests_per_hour: float, assume: tuple[str, ...]) -> None:
    """Check a PLAN, and with --assume simulate how soon it will find harm and show safety.

    \b
    For example, errors at 1 % that would double:
      fairlead rollout plan PLAN --requests-per-hour 20000 --assume error_rate=0.01:0.01
    """
    from pipelines.rollout_plan import describe, expectations

    made = plans.load(plan_file)
    for line in describe(made):
        click.echo(line)
    for line in expectations(made, assume, requests_per_hour):
        click.echo(line)


@rollout.command()
@click.pass_obj
def close(settings: Settings) -> None:
    """Stop the proxy and the model servers of this machine; weights, logs and records stay.

    Refused while a rollout is not over: abort it first.
    """
    from components.rollout.planes.machine import MachinePlane
    from pipelines.rollout_around import machine_of

    read_access(settings).require(settings.actor, "rollout")
    store = SqliteStore(settings.home / "rollouts.db")
    live = [name for name in store.rollouts() if not history.read(store, name).settled]
    if live:
        raise FairleadError(f"rollout {', '.join(live)} is not over; first: fairlead rollout abort {live[0]}")
    MachinePlane(machine_of(settings), settings).close()
    click.echo("proxy and servers are stopped; the next rollout starts them again")


@rollout.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--default-mode", default="Knative", show_default=True, type=click.Choice(["Knative", "Standard"]))
def lint(files: tuple[Path, ...], default_mode: Mode) -> None:
    """Say whether manifests (FILES) will really split requests, and why not; a plan may be among them.

    The default mode is what the cluster's KServe takes where an InferenceService names none. The exit status is 1 when
    something will not work as written.
    """
    from components.rollout.planes.lint import lint as look

    found = look(files, default_mode)
    for finding in found:
        click.echo(finding)
    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        raise FairleadError(f"{errors} of {len(found)} findings are errors: requests will not be split as written")
    click.echo("requests will be split as written")


def _wish(kind: str, text: str) -> click.Command:
    @click.command(kind, help=text)
    @id_argument
    @reason_option
    @click.pass_obj
    def command(settings: Settings, rollout_id: str, reason: str) -> None:
        _may(settings)
        store, name = _store(settings), _which(settings, rollout_id)
        history.record_wish(store, name, {"kind": kind, "actor": settings.actor, "reason": reason}, datetime.now(UTC))
        click.echo(f"{kind} of {name} is recorded; its next look takes it up")
        if _is_left_alone(history.read(store, name)):
            click.echo(f"nobody has looked lately; go on with: fairlead rollout run {name}")

    return command


for _kind, _text in {
    "pause": "Let the weights stand still; guardrails go on.",
    "resume": "Go on after a pause.",
    "promote": "Skip what is left of the steps, or of the watch. Evidence and approval are asked for all the same.",
    "abort": "Take the candidate out, whatever the evidence says.",
}.items():
    rollout.add_command(_wish(_kind, _text))


def _store(settings: Settings) -> SqliteStore:
    return SqliteStore(settings.home / "rollouts.db")


def _may(settings: Settings) -> None:
    read_access(settings).require(settings.actor, "rollout")


def _which(settings: Settings, rollout_id: str) -> str:
    """Return the rollout that is meant: the one named, the one that is not over, or the last."""
    store = _store(settings)
    found = store.rollouts()
    if rollout_id or not found:
        return history.read(store, rollout_id or "?").rollout.id
    live = [name for name in found if not history.read(store, name).settled]
    if len(live) > 1:
        raise FairleadError(f"several rollouts are not over: {', '.join(live)}; name one")
    return (live or found)[-1]


def _open_approvals(settings: Settings, known: History) -> list[str]:
    """Say how the approval can be given that a rollout waits for."""
    from components.registry import approvals

    if known.state.phase != "awaiting_approval":
        return []
    plan, candidate = known.rollout.plan, known.rollout.candidate
    asked = [a for a in approvals.approvals(settings, plan.use_case) if a.state == "requested"]
    return [
        f"to approve it: fairlead approve {a.id} (asked for by {a.requested_by}); or: fairlead reject {a.id}"
        for a in asked
        if candidate.endswith(f"/{a.version}")
    ]


def _is_left_alone(known: History) -> bool:
    if known.settled or known.failure:
        return False
    last = known.look.observation.at if known.look is not None else known.rollout.started
    patience = max(60.0, SILENT_LOOKS * known.rollout.plan.look_seconds)
    return (datetime.now(UTC) - last).total_seconds() > patience


def _run_on(settings: Settings, name: str, detach: bool) -> None:
    if detach:
        log = settings.home / "logs" / f"rollout-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pipelines", "rollout", "run", name]
        with log.open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env=os.environ)
        click.echo(f"runs in the background as process {process.pid}; log: {log}")
        return
    from pipelines.rollout_start import run_on

    state = run_on(settings, name, time.sleep, click.echo)
    click.echo(f"{name}: {headline(state)}")
    click.echo(f"  {state.reason}")
    if state.phase != "promoted":
        sys.exit(3)
