from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.use_case import UseCase
from components.core.watching import Retraining, Window
from components.retraining.backtest import PERIOD_MONTHS, Backtest, choose_window
from components.retraining.pressure import after

AS_OF = date(2008, 12, 31)
SLIDING = Window(policy="sliding", months=24)
WINDOWS = (Window(), SLIDING, Window(policy="decaying", months=12))


@pytest.fixture(scope="module")
def weighing(sba: UseCase) -> UseCase:
    """Outcomes show within half a year, so that a small table has many that are known; few draws are enough."""
    labels = sba.labels.model_copy(update={"immature": "weigh", "maturity_months": 6})
    training = sba.training.model_copy(update={"bootstrap_rounds": 200})
    return sba.model_copy(update={"labels": labels, "training": training, "retraining": Retraining()})


@pytest.fixture(scope="module")
def rows(small_dataset) -> pl.DataFrame:
    frame = pl.read_parquet(small_dataset.with_name("features.parquet"))
    return frame.filter(pl.col("event_time") > date(2001, 12, 31)).gather_every(2)


def world(rows: pl.DataFrame, turns: date | None) -> pl.DataFrame:
    """Loans whose risk rises with their amount, and from the day on which the world turns falls with it."""
    rng = np.random.default_rng(3)
    amount = np.log(rows["GrAppv"].to_numpy())
    amount = (amount - amount.mean()) / amount.std()
    turned = np.zeros(len(rows)) if turns is None else (rows["event_time"] >= turns).to_numpy().astype(float)
    bad = rng.random(len(rows)) < 1 / (1 + np.exp(2.0 - 1.5 * amount * (1 - 2 * turned)))
    days = pl.Series(rng.integers(5, 120, len(rows)))
    when = pl.col("event_time").dt.offset_by(days.cast(pl.String) + "d")
    return rows.with_columns(outcome=pl.Series(bad.astype(np.int64))).with_columns(
        outcome_time=pl.when(pl.col("outcome") == 1).then(when)
    )


@pytest.fixture(scope="module")
def turned(rows: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("turned") / "features.parquet"
    world(rows, date(2005, 1, 1)).write_parquet(path)
    return path


def choose(path, case, windows=WINDOWS, as_of=AS_OF) -> Backtest:
    return choose_window(path, case, as_of, windows, "logistic")


def test_where_the_world_turned_old_rows_are_left_behind(turned, weighing):
    found = choose(turned, weighing)
    assert found.window != Window()
    assert found.reason.startswith(f"{found.window}: log loss lower than with expanding by 0.")
    first, sliding, decaying = found.table
    assert (first.window, first.against, first.reason) == (Window(), None, "first in the order of preference")
    assert sliding.worse_by.high < 0
    assert sliding.worse_by.value == pytest.approx(sliding.log_loss - first.log_loss)
    assert decaying.against == SLIDING
    assert all(len(s.days) == 3 for s in found.table)
    assert Backtest.model_validate_json(found.model_dump_json()) == found


def test_where_nothing_turned_the_simplest_is_taken(rows, weighing, tmp_path):
    path = tmp_path / "features.parquet"
    world(rows, None).write_parquet(path)
    found = choose(path, weighing)
    assert (found.window, found.reason) == (Window(), "expanding: no other window is shown to be better")
    assert choose(path, weighing, WINDOWS[:2]).table == found.table[:2]


def test_nothing_that_came_later_is_looked_at(turned, weighing, tmp_path):
    """The world after the day: other loans, and outcomes that nobody knew of yet turned round."""
    frame, as_of = pl.read_parquet(turned), date(2007, 6, 30)
    later = pl.col("outcome_time") > as_of
    other = tmp_path / "features.parquet"
    frame.filter(pl.col("event_time") <= date(2007, 9, 30)).with_columns(
        outcome=pl.when(later).then(0).otherwise("outcome"),
        outcome_time=pl.when(~later).then("outcome_time"),
        GrAppv=pl.when(pl.col("event_time") > as_of).then(1e6).otherwise("GrAppv"),
    ).write_parquet(other)
    seen, unseen = choose(turned, weighing, WINDOWS[:2], as_of), choose(other, weighing, WINDOWS[:2], as_of)
    assert seen == unseen


def test_where_immature_rows_are_excluded_mature_ones_score(turned, weighing):
    excluding = weighing.model_copy(update={"retraining": Retraining(immature="exclude")})
    found = choose(turned, excluding, WINDOWS[:2])
    newest = after(AS_OF, -6)
    assert found.table[0].days[0] <= after(newest, -PERIOD_MONTHS)
    assert found.window == SLIDING


def test_a_window_that_never_has_labels_is_told_and_not_taken(turned, weighing):
    short = Window(policy="sliding", months=1)
    found = choose(turned, weighing, (Window(), short))
    assert found.window == Window()
    told = found.table[1]
    assert (told.log_loss, told.worse_by.value, told.days) == (None, None, ())
    assert told.reason.startswith("no data: ")


def test_a_past_that_is_too_short_says_so(turned, weighing):
    found = choose(turned, weighing, as_of=date(2002, 2, 1))
    assert found.window == Window()
    assert found.reason.startswith("the past is too short to compare windows, expanding is taken: no data: ")


def test_of_one_window_there_is_nothing_to_choose(weighing, tmp_path):
    found = choose_window(tmp_path / "not-there.parquet", weighing, AS_OF)
    assert (found.window, found.reason, found.table) == (Window(), "expanding is the only window there is", ())
