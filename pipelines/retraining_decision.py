"""Deciding on this machine: the newest findings, what was done so far, and the window that a backtest chooses."""

from datetime import date
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.monitoring.collect import Log
from components.monitoring.values import Findings
from components.registry.registry import Registry
from components.registry.version import Version
from components.retraining.backtest import choose_window
from components.retraining.bookkeeping import past
from components.retraining.policy import decide
from components.retraining.values import Decision
from pipelines.retraining_runs import records_of
from pipelines.rollout_around import predictions_of, store_of

LOOKS = ("findings/*.json", "artifacts/*/look/findings")
"""Where looks leave their findings below the home."""

FEATURES = "artifacts/*/build-features/features"
"""Where pipelines leave the table of features below the home."""


def decide_now(
    settings: Settings, use_case: UseCase, findings: Findings, rows: pl.DataFrame, features: Path | None
) -> Decision:
    """Decide as of the day of the findings, and keep the decision.

    Args:
        settings: where the records, the registry and the rollouts are.
        use_case: whose.
        findings: of the newest look.
        rows: the watched rows, see ``components.monitoring.joined``.
        features: parquet of ``build_features``, to choose among several windows by; None takes the first.

    Raises:
        FairleadError: nobody reigns, or the findings are of another version.
    """
    champion = _watched(settings, use_case, findings)
    now, records = findings.now, records_of(settings)
    trained = date.fromisoformat(champion.contract.as_of)
    done = past(records, use_case, rows, now, trained, store_of(settings))
    decision = decide(findings, done, use_case.retraining, now, use_case.monitoring)
    if decision.action == "retrain" and len(use_case.retraining.windows) > 1:
        decision = _with_window(decision, use_case, features)
    records.note(use_case.name, decision)
    return decision


def newest_findings(settings: Settings, use_case: str) -> Findings:
    """Return the findings of the latest day among those that looks have left in the home.

    Raises:
        FairleadError: there are none of this use case.
    """
    paths = [path for pattern in LOOKS for path in settings.home.glob(pattern)]
    found = [(path, read_findings(path)) for path in sorted(paths, key=lambda p: p.stat().st_mtime)]
    mine = [findings for _, findings in found if findings.use_case == use_case]
    if not mine:
        raise FairleadError(
            f"no look at {use_case} has left findings below {settings.home}; look first with: fairlead run monitoring, "
            "or give the file with --findings"
        )
    latest = max(findings.now for findings in mine)
    return [findings for findings in mine if findings.now == latest][-1]


def read_findings(path: Path) -> Findings:
    """Read a file of findings.

    Raises:
        FairleadError: it cannot be read, or holds something else.
    """
    try:
        return Findings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise FairleadError(f"{path} holds no findings of a look: {str(error).splitlines()[0]}") from error


def watched_rows(settings: Settings, use_case: UseCase, now: date, log: str, outcomes: Path | None) -> pl.DataFrame:
    """Return the watched rows as of a day.

    Args:
        settings: where the log is when nothing else is said.
        use_case: whose.
        now: nothing later is seen.
        log: of predictions; empty takes that of this machine.
        outcomes: SQLite file of the outcomes; None takes that of this machine.

    Raises:
        FairleadError: nobody reigns, or the log cannot be read.
    """
    place = predictions_of(settings)
    contract = reigning(settings, use_case).contract
    return Log(use_case, contract, log or f"sqlite:///{place}", str(outcomes or place)).at(now)


def newest_features(settings: Settings) -> Path | None:
    """Return the table of features that was made last, None where there is none."""
    return max(settings.home.glob(FEATURES), key=lambda path: path.stat().st_mtime, default=None)


def reigning(settings: Settings, use_case: UseCase) -> Version:
    """Return the champion.

    Raises:
        FairleadError: nobody reigns.
    """
    champion = Registry(settings).champion(use_case.name)
    if champion is None:
        raise FairleadError(
            f"{use_case.name} has no champion, so there is nothing to train anew; make the first one with: "
            f"fairlead run training --use-case {use_case.name}, and promote it"
        )
    return champion


def _watched(settings: Settings, use_case: UseCase, findings: Findings) -> Version:
    champion = reigning(settings, use_case)
    if findings.use_case != use_case.name:
        raise FairleadError(f"the findings are of {findings.use_case}, not of {use_case.name}; give others")
    if findings.version != str(champion.version):
        raise FairleadError(
            f"the findings are of version {findings.version} and version {champion.version} reigns now: what another "
            "model did says nothing of this one; look anew"
        )
    return champion


def _with_window(decision: Decision, use_case: UseCase, features: Path | None) -> Decision:
    if features is None:
        told = f"window {decision.window}: the first of several, there is no table of features to compare them on"
        return decision.model_copy(update={"reasons": (*decision.reasons, told)})
    chosen = choose_window(features, use_case, decision.as_of)
    return decision.model_copy(
        update={"window": chosen.window, "reasons": (*decision.reasons, f"window {chosen.reason}")}
    )
