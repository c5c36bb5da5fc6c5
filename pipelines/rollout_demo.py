"""The rollout demonstration: four candidates meet live traffic, and each gets what it deserves."""

import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.registry import approvals
from components.registry.registry import Registry
from components.registry.store import fetch
from components.rollout.plan import Metric, Plan, Step
from components.rollout.report import write_report
from components.training.bundle import Bundle
from pipelines.bad_candidates import SLOW_SECONDS, miscalibrated
from pipelines.demo import USE_CASE, train, version_of
from pipelines.live_traffic import calls, history
from pipelines.rollout_stage import Ended, Scenario, Stage, stage_home
from pipelines.runners.local import Say

CALLS = 9_000
"""Loans that a candidate may meet at most."""

LOG_ODDS = 4.0
"""The bad candidate's answers are off by so much."""

PLAN = Plan(
    name="demo",
    strategy="canary",
    use_case=USE_CASE,
    steps=(Step(weight=10, minimum_requests=50), Step(weight=30, minimum_requests=100), Step(weight=50)),
    metrics=(
        Metric(name="error_rate", tolerated=0.01),
        Metric(name="latency", above_ms=50, tolerated=0.05),
        Metric(name="log_loss", tolerated=0.01, margin=0.0),
    ),
    rescore=True,
    look_seconds=0.5,
)


def rollout_demo(settings: Settings, say: Say) -> None:
    """Roll out four candidates against the model of a year before, live, and write a report of each.

    Registry and ledger are copies: nothing changes in those of ``make demo``.

    Args:
        settings: of ``make demo``.
        say: takes one line of progress.

    Raises:
        FairleadError: a candidate did not get what it deserves.
    """
    case = use_cases.load(USE_CASE)
    before = _version(settings, case.as_of.replace(year=case.as_of.year - 1), say)
    after = _version(settings, case.as_of, say)
    started = time.monotonic()
    ours = _prepare(settings, before)
    stable, challenger = f"models:/{USE_CASE}/{before}", f"models:/{USE_CASE}/{after}"
    bundle = Bundle.open(fetch(challenger, ours.home / "fetched", ours))
    scenarios = _scenarios(challenger, str(miscalibrated(bundle, LOG_ODDS, ours, ours.home / "miscalibrated")))
    loans = calls(
        history(case, settings.home / "history"), case, bundle.contract.inputs, case.as_of, CALLS * len(scenarios)
    )
    say(f"Loans of {case.as_of.year + 1} and later, 350 a second, meet {stable} behind Envoy on 127.0.0.1")
    stage = Stage(ours, stable, say)
    ended = []
    try:
        for i, scenario in enumerate(scenarios):
            say(f"Candidate {i + 1} of {len(scenarios)}: {scenario.story}")
            mine = [] if scenario.expected == "running" else loans[i * CALLS : (i + 1) * CALLS]
            plan = PLAN if scenario.bundle == challenger else PLAN.model_copy(update={"approval": False})
            ended.append(stage.show(scenario, plan, mine))
            say(f"  {ended[-1].phase.replace('_', ' ')} after {ended[-1].seconds:.0f} s: {ended[-1].reason}")
    finally:
        stage.close()
    _summary(ours, stage, ended, time.monotonic() - started, say)


def _scenarios(challenger: str, spoilt: str) -> Sequence[Scenario]:
    late = f"the model of a year later, {1000 * SLOW_SECONDS:.0f} ms late"
    return (
        Scenario("bad", f"the model of a year later, its log-odds {LOG_ODDS:g} too high", "rolled_back", spoilt),
        Scenario("slow", late, "rolled_back", challenger, hooks="pipelines.bad_candidates:Slow"),
        Scenario("unseen", "the model of a year later, and nobody calls", "running", challenger),
        Scenario("good", "the model of a year later", "promoted", challenger),
    )


def _version(settings: Settings, as_of: date, say: Say) -> int:
    """Return the newest version as of a day that the present code can serve; one is trained where there is none."""
    for version in reversed(Registry(settings).versions(USE_CASE)):
        if version.contract.as_of == as_of.isoformat():
            try:
                Bundle.open(fetch(version.model_uri, settings.home / "fetched", settings))
            except FairleadError:
                continue  # made by other code
            return version.version
    say(f"No model as of {as_of} that this code can serve: training one")
    return version_of(train(settings, as_of, say))


def _prepare(settings: Settings, champion: int) -> Settings:
    """Copy registry and ledger, and put the older model in charge there."""
    ours = stage_home(settings, settings.home / "rollout-demo")
    if ours.home.exists():
        Stage(ours, "", lambda _: None).close()
        shutil.rmtree(ours.home)
    ours.home.mkdir(parents=True)
    for name in ("mlflow.db", "ledger.db"):
        _copy_database(settings.home / name, ours.home / name)
    registry = Registry(ours)
    reigning = registry.champion(USE_CASE)
    if reigning is None or reigning.version != champion:
        asked = registry.request(USE_CASE, champion)
        approvals.approve(ours, asked.id, "reigns when the demonstration of rollouts begins")
        registry.promote(USE_CASE, champion, asked.id)
    return ours


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _summary(settings: Settings, stage: Stage, ended: Sequence[Ended], seconds: float, say: Say) -> None:
    champion = Registry(settings).champion(USE_CASE)
    say("")
    say(f"Done in {seconds:.0f} s.")
    for e in ended:
        report = settings.home / f"{e.scenario.name}.html"
        write_report(stage.store, e.scenario.name, report, settings)
        weights = " → ".join(f"{w}" for w in e.weights)
        phase = e.phase.replace("_", " ")
        say(f"  {e.scenario.name:<7} {phase:<12} {e.looks:>3} looks, {e.seconds:>4.1f} s, {weights} %  {report}")
    say(f"  champion {champion.model_uri if champion else 'none'}")
    say(f"  ledger   {Ledger(settings.ledger_path).verify()} entries, unbroken")
    wrong = [e for e in ended if e.phase != e.scenario.expected]
    if wrong:
        told = "; ".join(f"{e.scenario.name} is {e.phase}, expected {e.scenario.expected}" for e in wrong)
        raise FairleadError(f"a candidate did not get what it deserves: {told}")
