import os
from datetime import date

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.core.use_case import load
from components.core.watching import Retraining, Window
from components.retraining.values import Run
from pipelines.retraining_decision import (
    decide_now,
    newest_features,
    newest_findings,
    read_findings,
    watched_rows,
)
from pipelines.retraining_decision import (
    reigning as reigning_version,
)
from pipelines.retraining_runs import records_of
from tests.pipelines.retraining_home import (
    NOW,
    empty_store,
    found,
    register,
    reigning,
    settings,
    smoke,
    use_case_file,
    variant,
)
from tests.retraining.world import decision

__all__ = ["empty_store", "register", "reigning", "settings", "smoke", "use_case_file", "variant"]

NO_ROWS = pl.DataFrame(schema={"event_time": pl.Date, "outcome": pl.Int64, "outcome_time": pl.Date})
WINDOWS = (Window(), Window(policy="sliding", months=60))


def test_it_is_decided_by_findings_records_and_registry_and_kept(reigning, use_case_file):
    case = load(str(use_case_file))
    calm = decide_now(reigning, case, found(0.0), NO_ROWS, None)
    go = decide_now(reigning, case, found(), NO_ROWS, None)
    assert (calm.action, go.action, go.trigger) == ("wait", "retrain", "drift")
    assert records_of(reigning).decisions("sba_loans") == [calm, go]
    early = decide_now(reigning, case, found(now=date(2009, 1, 15)), NO_ROWS, None)
    assert early.reasons[-1] == "held back: last trained as of 2008-12-31, cooling down until 2009-01-30"
    records_of(reigning).decide(Run(key="k9", use_case="sba_loans", decision=decision("k9"), state="decided"), NOW)
    assert decide_now(reigning, case, found(), NO_ROWS, None).reasons[-1] == "held back: run k9 has not ended"


def test_of_several_windows_a_backtest_chooses_where_there_are_features(reigning, use_case_file, small_dataset):
    case = load(str(use_case_file))
    retraining = Retraining(cool_down_days=30, minimum_new_labels=0, immature="weigh", windows=WINDOWS)
    training = case.training.model_copy(update={"algorithms": ("logistic",), "bootstrap_rounds": 100})
    case = case.model_copy(update={"retraining": retraining, "training": training})
    blind = decide_now(reigning, case, found(), NO_ROWS, None)
    assert blind.reasons[-1].startswith("window expanding: the first of several, there is no table of features")
    seeing = decide_now(reigning, case, found(), NO_ROWS, small_dataset.with_name("features.parquet"))
    assert seeing.window in WINDOWS
    assert seeing.reasons[-1].startswith(f"window {seeing.window}: ")
    assert seeing.key == blind.key


def test_findings_of_another_model_or_use_case_decide_nothing(reigning, use_case_file):
    case = load(str(use_case_file))
    with pytest.raises(FairleadError, match="the findings are of version 7 and version 1 reigns now"):
        decide_now(reigning, case, found(version="7"), NO_ROWS, None)
    with pytest.raises(FairleadError, match="the findings are of wafer, not of sba_loans"):
        decide_now(reigning, case, found().model_copy(update={"use_case": "wafer"}), NO_ROWS, None)
    assert records_of(reigning).decisions("sba_loans") == []


def test_without_a_champion_there_is_nothing_to_train_anew(settings):
    with pytest.raises(FairleadError, match="sba_loans has no champion, so there is nothing to train anew"):
        reigning_version(settings, load("sba_loans"))


def test_the_findings_of_the_latest_day_are_taken(settings):
    with pytest.raises(FairleadError, match="no look at sba_loans has left findings"):
        newest_findings(settings, "sba_loans")
    place = settings.home / "artifacts" / "fairlead-monitoring-1" / "look"
    place.mkdir(parents=True)
    (settings.home / "findings").mkdir()
    old, new = found(0.1, now=date(2009, 3, 31)), found(0.2)
    (place / "findings").write_text(new.model_dump_json())
    later = settings.home / "findings" / "2009-03-31.json"
    later.write_text(old.model_dump_json())
    assert newest_findings(settings, "sba_loans") == new
    again = settings.home / "findings" / "2009-06-30.json"
    again.write_text(found(0.3).model_dump_json())
    os.utime(again, (2e9, 2e9))
    assert newest_findings(settings, "sba_loans") == found(0.3)
    again.write_text("{}")
    with pytest.raises(FairleadError, match=r"2009-06-30\.json holds no findings of a look"):
        read_findings(again)


def test_where_nothing_was_logged_there_are_no_rows(reigning, use_case_file):
    rows = watched_rows(reigning, load(str(use_case_file)), NOW, "", None)
    assert rows.is_empty()
    assert {"event_time", "outcome", "outcome_time", "known_on"} <= set(rows.columns)


def test_the_features_that_were_made_last_are_taken(settings):
    assert newest_features(settings) is None
    for number in (1, 2):
        path = settings.home / "artifacts" / f"run-{number}" / "build-features" / "features"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (number, number))
    assert newest_features(settings) == path
