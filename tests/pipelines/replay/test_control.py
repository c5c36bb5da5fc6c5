"""The control: its rows are what a log would hold, and each alarm in it is counted."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copytree, ignore_patterns

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from components.core.config import Settings
from components.core.use_case import UseCase
from components.core.watching import Retraining, Threshold
from components.monitoring.joined import Joined
from components.monitoring.look import look
from components.monitoring.watched import Watched, watch
from components.retraining.bookkeeping import labels_between
from components.serving.outcomes import record_outcomes
from components.training.bundle import Bundle
from pipelines.replay.control import Period, answered, control, known, looked_at
from pipelines.replay.world import World
from tests.monitoring.served import judged_bundle, loans, serve, watched, watched_by, yearly

__all__ = ["judged_bundle", "loans", "watched", "yearly"]

TESTS = ("ks", "psi", "chi_square", "jensen_shannon", "new_categories")
FIRST, LAST = date(2007, 1, 1), date(2007, 3, 31)


@pytest.fixture(scope="module")
def world(sba: UseCase, loans: pl.DataFrame) -> World:
    return World(sba, loans)


@pytest.fixture(scope="module")
def joined(world: World, watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Joined:
    """The loans of a quarter in a log that the servers' recorder wrote, with all that the world tells of them."""
    path, rows = tmp_path_factory.mktemp("control") / "log.db", world.between(FIRST, LAST)
    serve(watched.bundle, rows, path)
    told = world.told(FIRST, date(2014, 12, 31)).filter(pl.col("row_id").is_in(rows["row_id"].implode()))
    record_outcomes(path, told.select("label", "known_at", request_id="row_id"))
    return Joined(path, path, watched.use_case, watched.bundle.contract.inputs)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(date(2007, 2, 10), id="within the quarter"),
        pytest.param(LAST, id="at its end"),
        pytest.param(date(2008, 9, 30), id="before any is mature"),
        pytest.param(date(2010, 2, 14), id="while they mature"),
        pytest.param(date(2014, 8, 29), id="long after, with late charge-offs"),
    ],
)
def test_what_is_known_of_a_row_is_what_joined_says(world: World, watched: Watched, joined: Joined, now: date) -> None:
    ours = known(answered(watched, world.between(FIRST, LAST)), now)
    theirs = joined.at(now)
    assert len(theirs) > 50
    assert set(ours.columns) == set(theirs.columns)
    assert_frame_equal(ours, theirs.select(ours.columns))
    assert ours.equals(theirs.select(ours.columns))


def test_late_charge_offs_are_among_the_rows(world: World, watched: Watched) -> None:
    """Else the comparison above could not tell a correction from a label."""
    rows = known(answered(watched, world.between(FIRST, LAST)), date(2014, 8, 29))
    late = rows.filter((pl.col("outcome") == 1) & (pl.col("label") == 0))
    assert len(late) > 5
    assert (late["outcome_time"] > late["matures"]).all()


def test_a_bundle_without_a_guard_calls_no_row_odd_or_ordinary(world: World, watched: Watched, tmp_path: Path) -> None:
    bare = replace(
        watched.bundle, path=copytree(watched.bundle.path, tmp_path / "b", ignore=ignore_patterns("outliers*"))
    )
    found = answered(replace(watched, bundle=bare), world.between(FIRST, FIRST.replace(day=20)))
    assert found["outlier"].null_count() == found["outlier_score"].null_count() == len(found) > 0


def strict(sba: UseCase) -> UseCase:
    """The use case with one low level for everything that drifts, and a window that fits every seventh loan."""
    levels = {test: Threshold(amber=0.001, red=0.001) for test in TESTS}
    drift = {"thresholds": levels, "multivariate": (), "minimum_rows": 20}
    case = watched_by(sba, window_days=365, raise_after=1, drift=drift)
    policy = Retraining(triggers=("drift",), pressure=0.5, minimum_new_labels=1, cool_down_days=120)
    return case.model_copy(update={"retraining": policy})


def test_every_alarm_is_counted_on_the_day_of_its_look(
    sba: UseCase, judged_bundle: Path, loans: pl.DataFrame, tmp_path: Path
) -> None:
    period = Period(date(2008, 12, 31), date(2009, 1, 1), date(2009, 6, 30), date(1998, 1, 1), date(2000, 12, 31))
    case = strict(sba)
    seen = watch(case, Bundle.open(judged_bundle), "control", loans)
    found = looked_at(seen, World(case, loans), period, tmp_path)
    assert found.looks == 2
    assert found.rows == len(loans.filter(pl.col("event_time").is_between(period.first, period.last)))
    assert {m.day for m in found.alarms} <= {date(2009, 3, 31), date(2009, 6, 30)}
    # The first look tells all that it calls, each once; what stands at the second one is no second alarm.
    rows = answered(seen, World(sba, loans).between(period.first, period.last))
    called = look(seen, known(rows, date(2009, 3, 31)), date(2009, 3, 31)).calls
    assert sum(m.day == date(2009, 3, 31) for m in found.alarms) == len({c.key for c in called}) > 10
    assert len(found.alarms) < 2 * len(called)
    assert all(m.kind == "alarm" and m.severity in ("amber", "red") for m in found.alarms)
    # Drift at its most calls for a run at each look that the cool-down allows: not yet after three months.
    assert labels_between(loans, 36, period.as_of, date(2009, 3, 31)) > 1
    assert found.retrains == 1


def test_a_model_of_the_still_world_is_trained_there_and_looked_at(
    small_dataset: Path, sba: UseCase, session_settings: Settings, tmp_path: Path
) -> None:
    """End to end, on every seventh loan: two looks, and hardly anything to call for."""
    period = Period(date(2003, 12, 31), date(2004, 1, 1), date(2004, 6, 30), date(1998, 1, 1), date(2000, 12, 31))
    features = small_dataset.with_name("features.parquet")
    found = control(features, watched_by(sba, window_days=365), period, session_settings, tmp_path / "control")
    assert found.looks == 2
    assert found.rows == len(
        pl.read_parquet(features).filter(pl.col("event_time").is_between(period.first, period.last))
    )
    assert not [m for m in found.alarms if m.severity == "red"]
    assert found.retrains == 0
