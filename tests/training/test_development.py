from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import beta

from components.training.development import Development, developed, development, learn, weigh

NOW = date(2003, 12, 31)
MONTHS = 36
DAYS = 1095
"""Longest delay of a bad outcome in the worlds below."""
COMES = beta(2, 2)
"""How outcomes come in over these days."""


def world(n, first=date(1999, 1, 1), last=NOW, *, rate=0.2, growth=1.0, seed=0):
    """Rows with what hindsight knows of them: ``bad``, and ``outcome_time`` of those that are."""
    rng = np.random.default_rng(seed)
    span = (last - first).days
    event = np.datetime64(first) + (span * rng.random(n) ** (1 / growth)).astype(int)
    bad = rng.random(n) < rate
    when = event + np.maximum(1, DAYS * COMES.rvs(n, random_state=rng)).astype(int)
    frame = pl.DataFrame({"event_time": event, "outcome_time": when, "bad": bad})
    return frame.with_columns(outcome_time=pl.when("bad").then("outcome_time"))


def known(frame, now=NOW):
    return frame.filter(pl.col("event_time") <= now).with_columns(
        outcome_time=pl.when(pl.col("outcome_time") <= now).then("outcome_time")
    )


def truth(grown):
    return COMES.cdf(np.array(grown.ages) / DAYS)


@pytest.mark.parametrize("growth", [pytest.param(1.0, id="steady"), pytest.param(4.0, id="ever more rows")])
def test_development_is_that_of_the_world(growth):
    worlds = [learn([(known(world(8000, growth=growth, seed=s)), NOW)], MONTHS) for s in range(60)]
    mean = np.mean([w.shares for w in worlds], axis=0)
    assert np.abs(mean - truth(worlds[0])).max() < 0.01
    # Counting the young rows' quick outcomes like all others would be far off.
    frame = known(world(8000, growth=growth))
    delay = frame.select((pl.col("outcome_time") - pl.col("event_time")).dt.total_days()).to_series().drop_nulls()
    assert (delay <= 365).mean() - COMES.cdf(1 / 3) > 0.03


def test_shares_rise_from_0_to_1_and_stay_there():
    grown = learn([(known(world(2000)), NOW)], MONTHS)
    assert grown.told
    assert (np.diff(grown.shares) >= 0).all()
    assert grown.share_known(np.array([-5.0, 0.0, 1096.75, 5000.0])).tolist() == [0, 0, 1, 1]
    assert grown.outcomes == 295


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(world(0), id="no rows"),
        pytest.param(world(500, rate=0.0), id="no outcomes"),
        pytest.param(world(3), id="three rows"),
        pytest.param(world(5000, date(2002, 1, 1)), id="nothing mature"),
        pytest.param(world(5000, date(1980, 1, 1), date(1990, 1, 1)), id="too long ago"),
    ],
)
def test_where_too_little_is_known_nothing_counts_as_known(frame):
    grown = learn([(known(frame), NOW)], MONTHS)
    assert not grown.told
    assert grown.share_known(np.array([0.0, 1000.0, 1200.0])).tolist() == [0, 0, 1]
    assert weigh(known(frame), NOW, MONTHS, 0.1)["mature"].all()


def test_each_table_counts_up_to_the_day_that_it_knows():
    """Rows of old, known as of the training date, beside a log that began thereafter."""
    old, log = world(6000), world(6000, date(2004, 1, 1), date(2006, 6, 30), seed=1)
    now = date(2006, 6, 30)
    assert not learn([(known(log, now), now)], MONTHS).told
    both = learn([(known(old), NOW), (known(log, now), now)], MONTHS)
    assert np.abs(np.array(both.shares) - truth(both)).max() < 0.035
    wrong = learn([(known(old), now), (known(log, now), now)], MONTHS)
    assert np.abs(np.array(wrong.shares) - truth(wrong)).max() > 0.1


@pytest.mark.parametrize(
    ("shares", "spread"),
    [pytest.param((0.5, 0.5), 0.0, id="alike"), pytest.param((0.6, 0.4), 0.2, id="now more, now less")],
)
def test_spread_is_how_far_quarters_part_from_the_whole(shares, spread):
    """Outcomes come after 300 days or after 900: in every other quarter so many of them early."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        event = np.datetime64("1998-01-01") + rng.integers(0, 2190, 6000)
        early = rng.random(6000) < np.where(event.astype("datetime64[M]").astype(int) // 3 % 2, *shares)
        turned = np.where(rng.random(6000) < 0.2, event + np.where(early, 300, 900), np.datetime64("NaT"))
        found.append(development(event, turned, np.full(6000, np.datetime64(NOW)), MONTHS).spread)
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(spread, abs=0.05)


def test_the_share_of_bad_rows_is_right_on_average():
    shares, truths = [], []
    for seed in range(60):
        frame = world(3000, seed=seed)
        weighed = weigh(frame, NOW, MONTHS, 0.1).filter(~pl.col("mature"))
        shares.append(np.average(weighed["label"], weights=weighed["weight"]))
        truths.append(weighed["bad"].mean())
        assert weighed["label"].mean() < 0.15
    error = np.array(shares) - np.array(truths)
    assert abs(error.mean()) < 3 * error.std() / np.sqrt(len(error)) < 0.01


def test_what_comes_later_is_not_seen():
    frame = world(2000, last=date(2006, 1, 1))
    columns = ["event_time", "label", "weight", "matures", "mature", "developed"]
    assert_frame_equal(
        weigh(frame, NOW, MONTHS, 0.1).select(columns), weigh(known(frame), NOW, MONTHS, 0.1).select(columns)
    )


def test_a_quarter_by_hand():
    grown = Development(ages=(0.0, 100.0, 1096.0), shares=(0.0, 0.5, 1.0), outcomes=100)
    day = NOW - timedelta(days=50)
    frame = pl.DataFrame(
        {
            "event_time": [day] * 10 + [NOW - timedelta(days=10), date(2000, 1, 1), date(1999, 1, 1)],
            "outcome_time": [NOW, None, NOW, *[None] * 7, NOW, NOW, None],
            "outcome": [1, 0, 0, *[0] * 7, 1, 1, 0],
        }
    )
    weighed = weigh(frame, NOW, MONTHS, 0.1, grown)
    # One of ten is known to be bad, of those like it a quarter: four are expected, and six share what is left.
    assert weighed["developed"].to_list() == [0.25] * 10 + [1, 1]
    assert weighed["weight"].to_list() == pytest.approx([4, *[6 / 9] * 9, 1, 1])
    assert weighed["label"].to_list() == [1, *[0] * 9, 0, 0]  # outcome 0; and after its maturity of 2003-01-01


def test_a_quarter_of_bad_rows_alone_leaves_no_others():
    grown = Development(ages=(0.0, 1096.0), shares=(0.0, 1.0), outcomes=100)
    day = NOW - timedelta(days=548)
    all_bad = pl.DataFrame({"event_time": [day] * 4, "outcome_time": [NOW] * 4})
    assert weigh(all_bad, NOW, MONTHS, 0.1, grown)["weight"].to_list() == [1] * 4
    most_bad = pl.DataFrame({"event_time": [day] * 4, "outcome_time": [NOW, NOW, NOW, None]})
    assert weigh(most_bad, NOW, MONTHS, 0.1, grown)["weight"].to_list() == pytest.approx([3.8 / 3] * 3 + [0.2])


rows = st.tuples(st.integers(0, 2200), st.one_of(st.none(), st.integers(1, 1500)))


@given(st.lists(rows, max_size=60), st.floats(0.01, 1), st.booleans())
def test_each_quarter_weighs_as_many_rows_as_it_has(rows, minimum, as_learned):
    frame = pl.DataFrame(
        {
            "event_time": [NOW - timedelta(days=age) for age, _ in rows],
            "outcome_time": [None if d is None else NOW - timedelta(days=age - d) for age, d in rows],
            "number": range(len(rows)),
        },
        schema_overrides={"event_time": pl.Date, "outcome_time": pl.Date},
    )
    grown = None if as_learned else Development(ages=(0.0, 1096.0), shares=(0.0, 1.0), outcomes=9)
    weighed = weigh(frame, NOW, MONTHS, minimum, grown)
    assert weighed["number"].is_sorted()
    assert (weighed["weight"] >= 0).all()
    assert (weighed.filter("mature")["weight"] == 1).all()
    assert (weighed["developed"] >= minimum).all()
    quarters = weighed.group_by(pl.col("event_time").dt.truncate("1q"), "mature").agg(pl.len(), pl.col("weight").sum())
    assert quarters["weight"].to_list() == pytest.approx(quarters["len"].to_list())


def test_developed_is_1_for_mature_rows_alone():
    grown = Development(ages=(0.0, 1096.0), shares=(0.0, 1.0), outcomes=9)
    frame = pl.DataFrame({"event_time": [NOW, NOW - timedelta(days=548)], "mature": [True, False]})
    assert developed(frame, NOW, grown).to_list() == [1.0, 0.5]


def test_days_may_come_as_numpy_has_them():
    event = np.arange("1999-01-01", "2004-01-01", dtype="datetime64[D]")
    grown = development(event, event + 100, np.full(len(event), np.datetime64(NOW)), MONTHS)
    assert grown.share_known(np.array([60.0, 122.0])) == pytest.approx([0, 1], abs=0.01)
