"""A model trained and judged from one command: the table of all verdicts, and the page that tells the whole."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.errors import FairleadError
from components.judgement.gates import blocks, table
from components.judgement.verdict import Verdict
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.reports import keep_report
from pipelines.runners import local
from pipelines.runners.local import Run, RunFailed

Say = Callable[[str], None]


def judge(
    settings: Settings, use_case: str, say: Say, as_of: str = "", source: str = "", extra: tuple[str, ...] = ()
) -> bool:
    """Train a model, judge it, and register it where no gate stops it.

    Args:
        settings: where everything goes.
        use_case: name of one that ships, or the path of a YAML file.
        say: takes one line of progress.
        as_of: ISO date, or empty for the use case's own.
        source: where the raw table is instead of the use case's own.
        extra: further pipeline parameters, each ``NAME=VALUE``.

    Returns:
        Whether no gate stopped it.

    Raises:
        FairleadError: the run ended before there was a verdict.
    """
    started = time.monotonic()
    case = use_cases.load(use_case)
    say(f"{case.title} Training a model of {case.name}, and judging it")
    arguments = parameters(use_case, as_of, source, extra)
    try:
        done, stopped = local.run(compiled("training"), arguments, settings.home, say), ""
    except RunFailed as error:
        done, stopped = error.run, str(error)
    if "judge" not in done.outputs:
        raise FairleadError(stopped)
    verdict = Verdict.model_validate_json(done.artifact("judge", "verdict").read_bytes())
    if stopped and not any(blocks(gate) for gate in verdict.gates):
        raise FairleadError(stopped)
    for line in _summary(settings, case.name, done, verdict, bool(stopped), time.monotonic() - started):
        say(line)
    return not stopped


def _summary(settings: Settings, name: str, done: Run, verdict: Verdict, stopped: bool, seconds: float) -> list[str]:
    stops = list(dict.fromkeys(gate.gate for gate in verdict.gates if blocks(gate)))
    passed = sum(gate.verdict == "pass" for gate in verdict.gates)
    lines = ["", table(verdict.gates), "", f"Done in {seconds:.0f} s; {passed} of {len(verdict.gates)} verdicts pass."]
    page = _keep_page(settings, name, done)
    if stopped:
        return [*lines, f"  stopped by {', '.join(stops)}; nothing was registered", f"  judgement  {page}"]
    report = keep_report(done, settings.home)
    version = report.stem.rpartition("-v")[2]
    return [
        *lines,
        f"  registered as models:/{name}/{version}",
        f"  judgement  {page}",
        f"  report     {report}",
        f"  model card .fairlead/envs/platform/bin/fairlead card {name} {version}",
        f"  one check  .fairlead/envs/platform/bin/fairlead check fairness {name} {version}",
    ]


def _keep_page(settings: Settings, name: str, done: Run) -> Path:
    target = settings.home / "reports" / f"{name}-judgement.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(done.artifact("judge", "page"), target)
    return target
