"""Commands on retraining: decide now, see what is running and why, carry on, give up, look back."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from components.core import use_case as use_cases
from components.core.access import read_access
from components.core.config import Settings
from components.core.use_case import UseCase
from components.retraining.values import Decision, Run

use_case_option = click.option("--use-case", default="sba_loans", show_default=True, help="Name, or a YAML file.")
file_option = click.Path(exists=True, dir_okay=False, path_type=Path)


def places(command: click.decorators.FC) -> click.decorators.FC:
    """Give a command the options that say where is trained and where is rolled out."""
    for part in (
        click.option("--source", default="", help="Path, gs://… or s3://… of the raw table to train on."),
        click.option("--kubeflow", is_flag=True, help="Train on Kubeflow Pipelines (FAIRLEAD_KFP_HOST), not here."),
        click.option("--template", type=file_option, help="ModelRollout (YAML): roll out on the cluster, not here."),
        click.option("--namespace", default="default", show_default=True, help="Of the ModelRollout."),
        click.option("--plan", type=file_option, help="Rollout plan (YAML). [default: pipelines/rollouts/canary.yaml]"),
        click.option("--background", is_flag=True, help="Run the rollout here in a process of its own."),
        click.option("--auto-approve", is_flag=True, help="Give the approval that a rollout has earned, as the actor."),
        use_case_option,
    ):
        command = part(command)
    return command


@click.group("retraining")
def retraining() -> None:
    """Train anew when the findings of a look call for it: decide, train, judge, roll out."""


@retraining.command()
@places
@click.option("--findings", type=file_option, help="Of a look. [default: the newest below FAIRLEAD_HOME]")
@click.option("--log", default="", help="URI of the prediction log. [default: that of this machine]")
@click.option("--outcomes", type=click.Path(path_type=Path), help="SQLite file of outcomes. [default: the log's]")
@click.option("--features", type=file_option, help="To choose the window by. [default: the newest below FAIRLEAD_HOME]")
@click.option("--decide-only", is_flag=True, help="Say what would be done, and do nothing.")
@click.pass_obj
def run(
    settings: Settings,
    /,
    use_case: str,
    findings: Path | None,
    log: str,
    outcomes: Path | None,
    features: Path | None,
    decide_only: bool,
    **where: Any,
) -> None:
    """Decide now, and when it is time train, judge and roll out; carry on what an earlier one has left.

    Asked twice, by whomever, it is done once. Without --auto-approve the new version waits for an approval before it
    gets all of the traffic: fairlead approve ID, and then this command again, or: fairlead retraining resume.
    """
    from pipelines.retraining_decision import decide_now, newest_features, newest_findings, read_findings, watched_rows

    case = use_cases.load(use_case)
    found = read_findings(findings) if findings else newest_findings(settings, case.name)
    if not decide_only and _carried_on(settings, use_case, found.now, where):
        return
    rows = watched_rows(settings, case, found.now, log, outcomes)
    decision = decide_now(settings, case, found, rows, features or newest_features(settings))
    _tell(decision)
    if decision.action == "wait" or decide_only:
        return
    from pipelines.retraining_places import trigger

    fired = trigger(settings, use_case, click.echo, **where).fire(case.name, found.version, decision, found.now)
    _tell_run(fired)


@retraining.command()
@places
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="For the record. [default: today]")
@click.pass_obj
def resume(settings: Settings, /, use_case: str, day: datetime | None, **where: Any) -> None:
    """Carry on a run that has not ended: after a crash, an approval, or while it trains elsewhere."""
    name = use_cases.load(use_case).name
    if not _carried_on(settings, use_case, day.date() if day else _today(), where):
        click.echo(f"{name}: no run is open")


@retraining.command()
@use_case_option
@click.pass_obj
def status(settings: Settings, use_case: str) -> None:
    """Show who reigns, what was decided last and why, and which run is open."""
    from components.registry.registry import Registry
    from components.retraining.bookkeeping import standing
    from pipelines.retraining_runs import records_of
    from pipelines.rollout_around import store_of

    case = use_cases.load(use_case)
    records = records_of(settings)
    aliases = {alias: str(v.version) for v in Registry(settings).versions(case.name) for alias in v.aliases}
    roles = standing(aliases, store_of(settings), case.name).model_dump()
    told = ", ".join(f"{role} {version or 'none'}" for role, version in roles.items())
    click.echo(f"{case.name}: {told}")
    decided = records.decisions(case.name)
    if decided:
        _tell(decided[-1])
    else:
        click.echo("nothing was decided yet; decide with: fairlead retraining run")
    for found in records.runs(case.name):
        if not found.ended:
            _tell_run(found)


@retraining.command("history")
@use_case_option
@click.pass_obj
def history_(settings: Settings, use_case: str) -> None:
    """List every challenger, what became of it and why, and who reigned when."""
    from components.core.ledger import Ledger
    from components.retraining.bookkeeping import challenges, reigns
    from pipelines.retraining_runs import records_of

    name = use_cases.load(use_case).name
    records = records_of(settings)
    found = challenges(records, name)
    if not found:
        click.echo(f"{name} was never trained anew")
    for c in found:
        version = f"version {c.version}" if c.version else "no version"
        click.echo(f"{c.as_of} {c.outcome:<5} {version} against {c.against or 'nobody'}, by {c.trigger}, {c.window}")
        click.echo(f"    {c.why}")
    for reign in reigns(records, Ledger(settings.ledger_path), name):
        since = reign.since or f"before the first run, promoted {reign.promoted_at[:10]}"
        click.echo(f"version {reign.version} reigned since {since} until {reign.until or 'now'}")


@retraining.command("give-up")
@click.argument("key")
@click.option("--reason", required=True, help="Why, for the ledger.")
@click.pass_obj
def give_up(settings: Settings, key: str, reason: str) -> None:
    """End a run that will not come to an end by itself; what runs for it elsewhere is not stopped."""
    from pipelines.retraining_places import nowhere
    from pipelines.retraining_runs import trigger_of

    read_access(settings).require(settings.actor, "train")
    ended = trigger_of(settings, nowhere()).give_up(key, _today(), reason)
    click.echo(f"run {key} is given up: {ended.reason}")


def _carried_on(settings: Settings, use_case: str, day: date, where: dict[str, Any]) -> bool:
    """Carry on the run that has not ended; False when there is none."""
    from pipelines.retraining_places import trigger
    from pipelines.retraining_runs import records_of

    case: UseCase = use_cases.load(use_case)
    if all(found.ended for found in records_of(settings).runs(case.name)):
        return False
    found = trigger(settings, use_case, click.echo, **where).advance(case.name, day)
    if found is not None:
        _tell_run(found)
    return True


def _tell(decision: Decision) -> None:
    click.echo(f"{decision.as_of}: {decision.action}, pressure {decision.pressure:.2f}")
    for reason in decision.reasons:
        click.echo(f"  {reason}")


def _tell_run(run: Run) -> None:
    version = f", version {run.version}" if run.version else ""
    click.echo(f"run {run.key}: {run.state.replace('_', ' ')}{version}")
    for line in run.reason.splitlines():
        click.echo(f"  {line}")
    if run.state == "rolling_out":
        click.echo(f"  see: fairlead rollout status {run.key}; then: fairlead retraining resume")


def _today() -> date:
    return datetime.now(UTC).date()
