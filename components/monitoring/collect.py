"""A look from what is kept: the registry's champion, the prediction log and the table that it learned from."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from components.core.artifacts import whole_directory, whole_file
from components.core.config import Settings
from components.core.contracts import Contract
from components.core.errors import FairleadError, unknown
from components.core.use_case import UseCase
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.drift.apart import Discrepancy, write_rows
from components.monitoring.joined import Joined
from components.monitoring.look import look
from components.monitoring.values import Findings
from components.monitoring.watched import watch
from components.monitoring.windows import cut
from components.registry.registry import Registry
from components.registry.store import fetch
from components.registry.version import Version
from components.serving.prediction_log_reader import read
from components.training import signing
from components.training.bundle import Bundle

APART = "mmd"
"""The test of all features that runs in an environment of its own."""

NOTHING = "{}"
"""Stands in place of what was not measured."""

TODAY = "today"
"""Stands for the day, in UTC, on which a look is made."""


def the_day(now: str) -> date:
    """Read the day of a look.

    Args:
        now: an ISO date, or ``today`` or nothing for the present day (UTC).

    Raises:
        FairleadError: it is no date, or one that has not come yet.
    """
    today = datetime.now(UTC).date()
    if now in ("", TODAY):
        return today
    try:
        found = date.fromisoformat(now)
    except ValueError as error:
        raise FairleadError(f"now {now!r} is no day; give an ISO date such as 2005-06-30, or {TODAY}") from error
    if found > today:
        raise FairleadError(f"now {found} has not come yet; the latest day that can be looked at is today, {today}")
    return found


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


@dataclass(frozen=True)
class Log:
    """The watched rows of one version's model, as its servers log them; looking again reads on.

    Args:
        use_case: whose predictions.
        contract: of the version.
        uri: of the prediction log, as ``prediction_log_reader`` takes it.
        outcomes: SQLite file of the outcomes; empty for the log's own.

    Raises:
        FairleadError: the log is not named, or cannot be read.
    """

    use_case: UseCase
    contract: Contract
    uri: str
    outcomes: str

    def __post_init__(self) -> None:
        if not self.uri:
            raise FairleadError("no prediction log is named; say where servers log, such as sqlite:///predictions.db")

    @cached_property
    def _joined(self) -> Joined:
        outcomes = outcomes_of(self.uri, self.outcomes)
        return Joined(self.uri, outcomes, self.use_case, self.contract.inputs, model=self.contract.model)

    def at(self, day: date) -> pl.DataFrame:
        """Return the watched rows as of the end of a day.

        Raises:
            FairleadError: there are none, and the log is of other models.
        """
        rows = self._joined.at(day)
        if rows.is_empty():
            self._require_own()
        return rows

    def _require_own(self) -> None:
        models = read(self.uri, columns=("model",))["model"].unique().sort().to_list()
        if models and self.contract.model not in models:
            raise unknown(
                f"model in {self.uri}",
                self.contract.model,
                models,
                "Give the log of the servers of this model, which serve it under its own name.",
            )


def collect(
    use_case: UseCase, now: str, log: str, outcomes: str, settings: Settings, rows: Path, bundle: Path
) -> tuple[str, str]:
    """Write the watched rows as known on a day, and the champion's bundle beside them.

    Args:
        use_case: whose predictions.
        now: see ``the_day``.
        log: URI of the prediction log.
        outcomes: SQLite file of the outcomes; empty for the log's own.
        settings: where the registry is.
        rows: parquet to write.
        bundle: directory to write.

    Returns:
        The champion's version, and the day as an ISO date.

    Raises:
        FairleadError: there is no champion, or the log cannot be read.
    """
    day, reigns = the_day(now), champion(use_case, settings)
    found = Log(use_case, reigns.contract, log, outcomes).at(day)
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(reigns.uri, Path(folder), settings)
        signing.verify(fetched, settings.verify_key)
        # What an earlier try left may be of another champion.
        shutil.rmtree(bundle, ignore_errors=True)
        with whole_directory(bundle) as scratch:
            shutil.copytree(fetched, scratch, dirs_exist_ok=True)
    with whole_file(rows) as scratch:
        found.write_parquet(scratch)
    return str(reigns.version), day.isoformat()


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


def lay_out(use_case: UseCase, day: str, version: str, features: Path, rows: Path, bundle: Path, target: Path) -> None:
    """Write both windows for the test that runs in an environment of its own; see ``look_at`` for the others.

    Args:
        use_case: thresholds.
        day: of the look.
        version: of the champion.
        features: as in ``look_at``.
        rows: as in ``look_at``.
        bundle: as in ``look_at``.
        target: ``.npz`` to write, under whatever name.
    """
    watched = watch(use_case, Bundle.open(bundle), version, pl.read_parquet(features))
    windows = cut(watched, watched.scored(pl.read_parquet(rows)), the_day(day))
    with tempfile.TemporaryDirectory() as folder:
        # numpy gives a file its own ending.
        made = Path(folder) / "windows.npz"
        write_rows(windows.reference.rows, windows.rows, watched.kinds, made)
        shutil.copyfile(made, target)


def look_at(
    use_case: UseCase, day: str, version: str, features: Path, rows: Path, bundle: Path, apart: str = NOTHING
) -> Findings:
    """Look once at rows that ``collect`` wrote.

    Args:
        use_case: thresholds and label policy.
        day: that the rows were collected for, an ISO date.
        version: of the champion.
        features: the table of ``build_features`` that the champion learned from, or a later one.
        rows: parquet of watched rows.
        bundle: directory of the bundle that ``collect`` wrote.
        apart: what was measured of the windows of ``lay_out``, as JSON.
    """
    watched = watch(use_case, Bundle.open(bundle), version, pl.read_parquet(features))
    told = json.loads(apart)
    measured = Discrepancy(**told) if told else None
    return look(watched, pl.read_parquet(rows), the_day(day), apart=measured)


def raise_alerts(use_case: UseCase, findings: Path, settings: Settings, write: Callable[[str], object] = print) -> str:
    """Take findings into the alert book of the home, and tell the notifiers that are set.

    Args:
        use_case: thresholds.
        findings: file that a look has written.
        settings: where the book is, and who is told.
        write: takes the lines of the console.

    Returns:
        The changes, one JSON object on a line.

    Raises:
        FairleadError: a later day's look is on record.
    """
    book = AlertBook(settings.home / "alerts.db", open_notifiers(settings, write))
    found = Findings.model_validate_json(findings.read_bytes())
    return "".join(f"{event.model_dump_json()}\n" for event in book.observe(found, use_case.monitoring))


def headline(found: Findings) -> dict[str, float]:
    """Return the few figures of a look that a list of runs shows; what nothing is known of is left out."""
    figures = {
        "window_rows": float(found.window.rows),
        "red_calls": float(sum(c.severity == "red" for c in found.calls)),
        "amber_calls": float(sum(c.severity == "amber" for c in found.calls)),
    }
    if found.drift is not None and found.drift.severity != "no_data":
        figures["drifted"] = float(len(found.drift.drifted()))
    if found.outlier_rate.value is not None:
        figures["outlier_rate"] = found.outlier_rate.value
    return figures
