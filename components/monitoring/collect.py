"""A look from what is kept: the registry's champion, the prediction log and the table that it learned from."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.joined import Joined
from components.monitoring.look import look
from components.monitoring.values import Findings
from components.monitoring.watched import watch
from components.registry.registry import Registry
from components.registry.store import fetch
from components.registry.version import Version
from components.training import signing
from components.training.bundle import Bundle

TODAY = "today"
"""Stands for the day, in UTC, on which a look is made."""


def the_day(now: str) -> date:
    """Read the day of a look.

    Args:
        now: an ISO date, or ``today`` or nothing for the present day (UTC).

    Raises:
        FairleadError: it is no date.
    """
    if now in ("", TODAY):
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(now)
    except ValueError as error:
        raise FairleadError(f"now {now!r} is no day; give an ISO date such as 2005-06-30, or {TODAY}") from error


def champion(use_case: UseCase, settings: Settings) -> Version:
    """Return the version that is watched.

    Raises:
        FairleadError: nobody reigns, so there is nothing to watch.
    """
    found = Registry(settings).champion(use_case.name)
    if found is None:
        raise FairleadError(
            f"{use_case.name} has no champion, so there is nothing to watch; see fairlead versions {use_case.name}, "
            "then request, approve and promote one"
        )
    return found


def collect(use_case: UseCase, now: str, log: str, outcomes: str, settings: Settings, rows: Path, bundle: Path) -> str:
    """Write the watched rows as known on a day, and the champion's bundle beside them.

    Args:
        use_case: whose predictions.
        now: see ``the_day``.
        log: of predictions, as ``prediction_log_reader`` takes it.
        outcomes: SQLite file of the outcomes; empty for the log's own.
        settings: where the registry is.
        rows: parquet to write.
        bundle: directory to write.

    Returns:
        The champion's version.

    Raises:
        FairleadError: there is no champion, or the log cannot be read.
    """
    reigns = champion(use_case, settings)
    fetched = fetch(reigns.uri, bundle, settings)
    signing.verify(fetched, settings.verify_key)
    joined = Joined(log, outcomes_of(log, outcomes), use_case, reigns.contract.inputs)
    joined.at(the_day(now)).write_parquet(rows)
    return str(reigns.version)


def outcomes_of(log: str, outcomes: str) -> Path:
    """Return where outcomes are: said, or in the log's own file.

    >>> outcomes_of("sqlite:///a/log.db", "").as_posix()
    'a/log.db'

    Raises:
        FairleadError: the log is no SQLite file, and nothing else is said.
    """
    if outcomes:
        return Path(outcomes.removeprefix("sqlite:///"))
    scheme, mark, path = log.partition(":///")
    if not mark or scheme == "sqlite":
        return Path(path if mark else log)
    raise FairleadError(f"log {log!r} takes no outcomes; say in which SQLite file they are recorded")


def look_at(use_case: UseCase, now: str, version: str, features: Path, rows: Path, bundle: Path) -> Findings:
    """Look once at rows that ``collect`` wrote.

    Args:
        use_case: thresholds and label policy.
        now: the day that the rows were collected for.
        version: of the champion.
        features: the table of ``build_features`` that the champion learned from, or a later one.
        rows: parquet of watched rows.
        bundle: directory below which ``collect`` put the bundle.
    """
    found = opened(bundle)
    watched = watch(use_case, found, version, pl.read_parquet(features))
    return look(watched, pl.read_parquet(rows), the_day(now))


def opened(folder: Path) -> Bundle:
    """Open the one bundle below a folder.

    Raises:
        FairleadError: there is none, or there are several.
    """
    found = [folder] if (folder / "contract.json").exists() else [p.parent for p in folder.glob("*/contract.json")]
    if len(found) != 1:
        raise FairleadError(f"{folder} holds {len(found)} bundles, expected one; collect the rows anew")
    return Bundle.open(found[0])


def raise_alerts(use_case: UseCase, findings: Path, settings: Settings, lines: list[str] | None = None) -> str:
    """Take findings into the alert book of the home, and tell the notifiers that are set.

    Returns:
        The changes, one JSON object on a line.
    """
    said: list[str] = [] if lines is None else lines
    book = AlertBook(settings.home / "alerts.db", open_notifiers(settings, said.append))
    found = Findings.model_validate_json(findings.read_bytes())
    return "".join(f"{event.model_dump_json()}\n" for event in book.observe(found, use_case.monitoring))


def headline(found: Findings) -> dict[str, float]:
    """Return the few figures of a look that a list of runs shows."""
    newest = [p for p in found.performance if p.group == "all" and p.version == found.version]
    drifted = () if found.drift is None else found.drift.drifted()
    return {
        "window_rows": float(found.window.rows),
        "red_calls": float(sum(c.severity == "red" for c in found.calls)),
        "amber_calls": float(sum(c.severity == "amber" for c in found.calls)),
        "drifted": float(len(drifted)),
        "cohorts": float(len(newest)),
    }
