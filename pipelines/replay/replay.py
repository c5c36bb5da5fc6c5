"""The replay: 2004 to 2012 once more, with the loop closed, beside other ways to keep a model."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from components.core import use_case as use_cases
from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.ledger import Ledger
from components.core.use_case import UseCase
from components.monitoring.report import write_report as write_look
from components.registry.store import fetch
from components.registry.version import Version
from pipelines.demo import train
from pipelines.live_traffic import history
from pipelines.replay.control import Period, control
from pipelines.replay.feed import Feed
from pipelines.replay.loop import Loop
from pipelines.replay.replay_report import write_report
from pipelines.replay.stage import crown, drained, environment, plane_of, prepare, require_whole
from pipelines.replay.told import scored, told
from pipelines.replay.values import Replayed
from pipelines.replay.ways import Search, other_ways
from pipelines.replay.world import World
from pipelines.rollout_around import predictions_of
from pipelines.runners.local import Say

USE_CASE = "sba_loans"
FIRST, LAST = date(2004, 1, 1), date(2012, 12, 31)
STILL = date(1997, 1, 1), date(2000, 12, 31)
"""The rows that fill the still world: all of them mature when the first model is trained."""


def replay(settings: Settings, say: Say) -> Replayed:
    """Replay the years after the training date, and end with one report.

    Registry, ledger and logs are the replay's own, below ``replay`` in the home; what the steps of earlier runs have
    made is used again.

    Args:
        settings: of the ordinary home.
        say: takes one line of progress.

    Raises:
        FairleadError: a loan was lost, or a part that has to run did not.
    """
    started = time.monotonic()
    case = use_cases.load(USE_CASE)
    ours = prepare(settings)
    features = history(case, ours.home / "history")
    with environment(ours), beside() as aside:
        say(f"The first model: trained on what was known on {case.as_of}")
        champion = crown(ours, USE_CASE, train(ours, case.as_of, _steps(say)))
        bundle = fetch(champion.uri, ours.home / "fetched", ours)
        # On the other core, while the loop runs: nothing of it is known to the loop.
        ways = aside.submit(other_ways, features, case, bundle, FIRST, LAST, ours.home / "ways.parquet", Search())
        still = Period(case.as_of, FIRST, LAST, *STILL)
        controlled = aside.submit(control, features, case, still, ours, ours.home / "control")
        loop = _live(ours, case, champion, features, say)
        with loop.clock.part("waiting for the other ways"):
            ways.result()
            still_world = controlled.result()
    rows = scored(loop, predictions_of(ours), ours.home / "ways.parquet")
    seconds = {**loop.clock.seconds, "all": time.monotonic() - started}
    found = told(loop, rows, still_world, FIRST, seconds)
    report = _keep(found, loop, ours)
    for line in _summary(found, ours, report):
        say(line)
    return found


@contextmanager
def beside() -> Iterator[ProcessPoolExecutor]:
    """Have a process of its own beside the block; where the block fails nobody waits for what it still does."""
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
                child.join()
            raise


def _live(settings: Settings, case: UseCase, champion: Version, features: Path, say: Say) -> Loop:
    plane = plane_of(settings)
    try:
        plane.open(champion.model_uri)
        feed = Feed(
            f"{plane.url}/v2/models/{case.name}/infer",
            champion.contract.inputs,
            champion.contract.entities,
            predictions_of(settings),
        )
        world = World(case, pl.read_parquet(features))
        say(f"Loans of {FIRST.year} to {LAST.year} meet {champion.model_uri} behind Envoy on 127.0.0.1")
        loop = Loop(settings, case, world, features, feed, champion, LAST, say)
        loop.run(FIRST)
        require_whole(feed, loop.loans)
        drained(settings, loop.loans)
        return loop
    finally:
        plane.close()


def _keep(found: Replayed, loop: Loop, settings: Settings) -> Path:
    folder = settings.home
    write_whole(folder / "replay.json", found.model_dump_json(indent=1).encode())
    write_look(loop.findings[-1], folder / "last-look.html", loop.findings[:-1])
    report = folder / "replay.html"
    write_report(found, report)
    return report


def _steps(say: Say) -> Say:
    return lambda line: say(f"  {line}")


def _summary(found: Replayed, settings: Settings, report: Path) -> list[str]:
    runs = [m for m in found.moments if m.kind == "retrain"]
    promoted = [m for m in found.moments if m.kind == "promoted"]
    alarms = [m for m in found.moments if m.kind == "alarm" and m.severity == "red"]
    first = f"the first red one on {min(m.day for m in alarms)}" if alarms else "none red"
    lines = [
        "",
        f"Done in {found.seconds['all']:.0f} s.",
        f"  loans      {found.rows:,} answered by {found.requests:,} requests, {found.failed} failed and sent again",
        f"  alarms     {sum(m.kind == 'alarm' for m in found.moments)}, {first}; "
        f"{len(found.control.alarms)} in the still world",
        f"  retrained  {len(runs)} times, {len(promoted)} promoted; the ledger has "
        f"{Ledger(settings.ledger_path).verify()} entries, unbroken",
        "  log loss   " + " · ".join(f"{c.way.replace('_', ' on ')} {c.loss.value:.4f}" for c in found.compared),
    ]
    lines += [f"  {'shown' if kept else 'MISSED':<10} {promise}" for promise, kept in found.promises.items()]
    return [*lines, f"  report     {report}", f"  last look  {settings.home / 'last-look.html'}"]
