"""The demonstration: a champion, a challenger a year later judged against it, then served and called."""

import json
import resource
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.ledger import Ledger
from components.registry import approvals
from components.registry.registry import Registry
from components.registry.store import fetch
from components.serving.process import serving
from components.training.bundle import Bundle
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.reports import keep_report
from pipelines.runners import local
from pipelines.runners.local import Run, Say

USE_CASE = "sba_loans"


def demo(settings: Settings, say: Say) -> None:
    """Show the main job on the table that ships, and end with a summary that says where to look.

    The first time, the model of the year before is trained and promoted, so that the run that follows has a champion
    to be judged against. What an earlier demonstration made is used again.

    Args:
        settings: where everything goes.
        say: takes one line of progress.
    """
    started = time.monotonic()
    case = use_cases.load(USE_CASE)
    registry = Registry(settings)
    if registry.champion(USE_CASE) is None:
        before = case.as_of.replace(year=case.as_of.year - 1)
        say(f"The reigning model: trained on what was known on {before}")
        _crown(registry, settings, version_of(train(settings, before, say)), say)
    say(f"The challenger: trained on what was known on {case.as_of}, judged against the reigning model")
    done = train(settings, case.as_of, say)
    uri = f"models:/{USE_CASE}/{version_of(done)}"
    say(f"Serving {uri} with a KServe model server on 127.0.0.1")
    answers = _call(uri, settings, done.folder / "server.log")
    for line in _summary(settings, done, uri, answers, time.monotonic() - started):
        say(line)


def train(settings: Settings, as_of: date, say: Say) -> Run:
    """Run the training pipeline as of a day."""
    return local.run(compiled("training"), parameters(USE_CASE, as_of.isoformat(), ""), settings.home, say)


def version_of(done: Run) -> int:
    """Return the version that a run has registered."""
    return int(json.loads(done.artifact("register", "registered").read_text(encoding="utf-8"))["version"])


def _crown(registry: Registry, settings: Settings, version: int, say: Say) -> None:
    # By its number: where the run was not the first, the challenger may be another version.
    asked = registry.request(USE_CASE, version)
    approvals.approve(settings, asked.id, "first model of the demonstration")
    made = registry.promote(USE_CASE, asked.version, asked.id)
    say(f"  version {made.version} is champion, approved by {settings.actor!r} (the ledger has it)")


def _call(uri: str, settings: Settings, log: Path) -> list[str]:
    """Serve a registered version and send it the requests that travel with it, as a client would."""
    bundle = Bundle.open(fetch(uri, settings.home / "fetched", settings))
    with serving(uri, settings, log) as server:
        return [_answer(server.url, example) for example in bundle.examples()]


def _answer(url: str, example: dict[str, Any]) -> str:
    call = urllib.request.Request(  # noqa: S310  our own loopback URL
        f"{url}/v2/models/{USE_CASE}/infer",
        data=json.dumps(example["request"]).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call, timeout=10) as response:  # noqa: S310  our own loopback URL
        outputs = {o["name"]: o["data"][0] for o in json.load(response)["outputs"]}
    return f"{example['name']} {outputs['probability']:.4f} → {outputs['decision']}"


def _count(gates: list[dict[str, Any]]) -> str:
    verdicts = [g["verdict"].replace("_", " ") for g in gates]
    return ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts), reverse=True))


def _summary(settings: Settings, done: Run, uri: str, answers: list[str], seconds: float) -> list[str]:
    rows = json.loads(done.artifact("check_rows", "report").read_text())
    slices = json.loads(done.artifact("evaluate", "slices").read_text())
    auc = {m["dataset"]: m["metrics"]["auc"] for m in slices if m["slice"] == "all"}
    gates = json.loads(done.artifact("judge", "verdict").read_text())["gates"]
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)) / 2**20
    scores = " · ".join(f"{name} {e['value']:.3f} [{e['low']:.3f}, {e['high']:.3f}]" for name, e in auc.items())
    return [
        "",
        f"Done in {seconds:.0f} s; no step took more than {peak:.1f} GB.",
        f"  data       {rows['kept']:,} of {rows['rows']:,} loans used, {rows['quarantined']:,} in quarantine by rule",
        f"  AUC        {scores}",
        f"  gates      {_count(gates)}; registered as {uri}",
        f"  V2 answers {' · '.join(answers)}",
        f"  ledger     {Ledger(settings.ledger_path).verify()} entries, unbroken",
        f"  report     {keep_report(done, settings.home)}",
        f"  serve it   make serve ARGS='--bundle {uri}'",
        "  versions   .fairlead/envs/platform/bin/fairlead versions sba_loans",
    ]
