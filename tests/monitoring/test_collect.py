"""A look from what is kept: the registry's champion, the prediction log, and the table that it learned from."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.monitoring.collect import (
    Log,
    champion,
    collect,
    headline,
    look_at,
    outcomes_of,
    raise_alerts,
    the_day,
)
from components.monitoring.look import look
from components.monitoring.values import Findings
from components.monitoring.watched import Watched
from tests.monitoring.alerts.looks import AT_ONCE, call, findings, report, result
from tests.monitoring.served import NOW, between, crown, serve, watched_by
from tests.registry.conftest import empty_store, register, settings, smoke

__all__ = ["empty_store", "register", "settings", "smoke"]


@pytest.fixture
def reigning(settings: Settings, register, judged_bundle: Path) -> Settings:
    """Settings of a home in which the judged bundle reigns as version 1."""
    register(judged_bundle)
    crown(settings, 1)
    return settings


def test_a_day_is_an_iso_date_or_the_present_one() -> None:
    today = datetime.now(UTC).date()
    assert the_day("2005-06-30") == date(2005, 6, 30)
    assert today <= the_day("") <= the_day("today") <= datetime.now(UTC).date()


@pytest.mark.parametrize("now", ["yesterday", "30.06.2005", "2005-06-31"])
def test_a_day_that_is_none_is_told(now: str) -> None:
    with pytest.raises(FairleadError, match=f"now '{now}' is no day; give an ISO date"):
        the_day(now)


def test_a_day_that_has_not_come_is_told() -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    with pytest.raises(FairleadError, match=f"now {tomorrow} has not come yet"):
        the_day(tomorrow.isoformat())


def test_without_a_champion_there_is_nothing_to_watch(settings: Settings, sba: UseCase) -> None:
    with pytest.raises(FairleadError, match="sba_loans has no champion, so there is nothing to watch"):
        champion(sba, settings)


@pytest.mark.parametrize(
    ("log", "outcomes", "found"),
    [
        ("sqlite:///a/log.db", "", "a/log.db"),
        ("a/log.db", "", "a/log.db"),
        ("sqlite:///a/log.db", "b.db", "b.db"),
        ("parquet:///a", "sqlite:////c/b.db", "/c/b.db"),
    ],
)
def test_outcomes_are_where_it_is_said_or_with_the_log(log: str, outcomes: str, found: str) -> None:
    assert outcomes_of(log, outcomes) == Path(found)


def test_a_log_that_takes_no_outcomes_needs_a_word() -> None:
    with pytest.raises(FairleadError, match="takes no outcomes; say in which SQLite file"):
        outcomes_of("parquet:///a", "")


def test_a_log_of_another_model_is_refused_and_one_beside_others_is_read(
    watched: Watched, loans: pl.DataFrame, sba: UseCase, tmp_path: Path
) -> None:
    path, contract = tmp_path / "log.db", watched.bundle.contract
    rows = between(loans, date(2009, 11, 1), NOW)
    serve(watched.bundle, rows, path, model="cards")
    with pytest.raises(FairleadError, match=r"unknown model in .* 'sba_loans'; allowed: cards"):
        Log(sba, contract, str(path), "").at(NOW)
    serve(watched.bundle, rows[:7], path)
    log = Log(sba, contract, str(path), "")
    assert len(log.at(NOW)) == 7
    # A day before the first row is no error: nothing was asked yet.
    assert log.at(date(2009, 1, 1)).is_empty()
    serve(watched.bundle, rows[7:9], path)
    assert len(log.at(NOW)) == 9


def test_a_log_that_is_not_there_yet_is_empty_and_one_that_is_not_named_is_none(
    watched: Watched, sba: UseCase, tmp_path: Path
) -> None:
    assert Log(sba, watched.bundle.contract, f"sqlite:///{tmp_path / 'none.db'}", "").at(NOW).is_empty()
    with pytest.raises(FairleadError, match="no prediction log is named"):
        Log(sba, watched.bundle.contract, "", "")


def test_what_is_collected_is_looked_at_as_in_one_process(
    reigning: Settings, log: Path, loans: pl.DataFrame, watched: Watched, tmp_path: Path
) -> None:
    rows, bundle, features = tmp_path / "rows", tmp_path / "bundle", tmp_path / "features.parquet"
    loans.write_parquet(features)
    told = collect(watched.use_case, "2009-12-31", f"sqlite:///{log}", "", reigning, rows, bundle)
    assert told == ("1", "2009-12-31")
    found = look_at(watched.use_case, told[1], told[0], features, rows, bundle)
    assert found.model_dump_json() == look(watched, pl.read_parquet(rows), NOW).model_dump_json()
    assert not list(tmp_path.glob(".*")), "nothing half made is left"


def test_a_bundle_that_was_tampered_with_is_not_looked_at(
    reigning: Settings, log: Path, sba: UseCase, tmp_path: Path
) -> None:
    (kept,) = (reigning.home / "bundles").iterdir()
    card = kept / "model_card.json"
    card.write_text(card.read_text().replace("log_loss", "log_lass"))
    with pytest.raises(FairleadError, match="model_card"):
        collect(sba, "2009-12-31", str(log), "", reigning, tmp_path / "rows", tmp_path / "bundle")
    assert not (tmp_path / "rows").exists()


def test_alerts_are_raised_once_and_told_once(settings: Settings, sba: UseCase, tmp_path: Path) -> None:
    case, said = watched_by(sba, **AT_ONCE.model_dump()), list[str]()
    path = tmp_path / "findings.json"
    path.write_text(findings(call()).model_dump_json())
    first = raise_alerts(case, path, settings, said.append)
    (event,) = [json.loads(line) for line in first.splitlines()]
    assert (event["kind"], event["name"], event["level"]) == ("raised", "loss", "red")
    assert raise_alerts(case, path, settings, said.append) == first
    assert len(said) == 1


def test_a_headline_leaves_out_what_nothing_is_known_of() -> None:
    full: Findings = findings(call(), call("drift/Bank", "amber"), drift=report(result(severity="amber")))
    assert headline(full) == {
        "window_rows": 900.0,
        "red_calls": 1.0,
        "amber_calls": 1.0,
        "drifted": 1.0,
        "outlier_rate": 0.01,
    }
    none = findings(drift=report(result(severity="no_data", effect=None)), outlier_rate={"value": None, "n": 0})
    assert set(headline(none)) == {"window_rows", "red_calls", "amber_calls"}
