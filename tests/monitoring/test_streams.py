import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.monitoring.detectors.catalogue import DETECTORS
from components.monitoring.detectors.detector import Baseline
from components.monitoring.streams import LOSS_BOUND, RECENT, STREAMS, Watch, detect, fits, watch_streams
from tests.monitoring.watched_rows import rows

JUDGED = {
    ("loss", "all"): Baseline(0.310, 0.03),
    ("loss", "size=small"): Baseline(0.310, 0.05),
    ("decision", "all"): Baseline(0.19, 0.03),
    ("outlier", "all"): Baseline(0.005, 0.045),
}


def of(watched: tuple[Watch, ...], stream: str, group: str = "all") -> Watch:
    return next(w for w in watched if (w.stream, w.group) == (stream, group))


def test_a_world_that_stays_is_quiet_and_one_that_changes_is_not() -> None:
    stays, changed = rows(), rows(changes=0.6)
    assert detect(stays, ["sequential"], baselines=JUDGED) == ()
    found = detect(changed, ["sequential"], baselines=JUDGED)
    assert [d.stream for d in found] == ["loss"]
    # The change is of August 2007, and shows when the rows from then on have matured.
    assert date(2008, 8, 1) < found[0].day < date(2009, 3, 1)
    assert found[0].value > 0.34


def test_a_loss_is_seen_when_its_row_has_matured_and_not_before() -> None:
    frame = rows(now=date(2007, 6, 30))
    watched = of(watch_streams(frame, ["adwin"], streams=["loss"]), "loss")
    assert watched.n == len(frame.filter(pl.col("mature")))
    early = frame.filter(~pl.col("mature") & (pl.col("label") == 1))
    assert len(early) > 50
    # Rows that are bad already and have not matured are no news: taking them in would raise the mean at once.
    assert watched.mean == pytest.approx(of(watch_streams(rows(), ["adwin"], streams=["loss"]), "loss").mean, abs=0.02)


def test_looking_later_does_not_change_what_was_found() -> None:
    names = ["sequential", "adwin", "hddm_a"]
    then = detect(rows(changes=0.6, now=date(2009, 6, 30)), names, baselines=JUDGED)
    later = detect(rows(changes=0.6), names, baselines=JUDGED)
    assert then
    assert [d for d in later if d.day <= date(2009, 6, 30)] == list(then)


def test_a_row_that_turns_bad_after_its_time_changes_nothing() -> None:
    frame = rows(changes=0.6)
    later = (pl.col("label") == 0) & (pl.int_range(pl.len()) % 5 == 0)
    corrected = frame.with_columns(
        outcome=pl.when(later).then(1).otherwise("outcome"),
        outcome_time=pl.when(later).then(pl.col("matures").dt.offset_by("7mo")).otherwise("outcome_time"),
        known_on=pl.when(later).then(pl.col("matures").dt.offset_by("7mo")).otherwise("known_on"),
    )
    names = ["sequential", "adwin"]
    assert detect(corrected, names, baselines=JUDGED) == detect(frame, names, baselines=JUDGED)


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_rows_does_not_count(seed: int) -> None:
    frame, names = rows(1500, changes=0.5, times=5), ["sequential", "adwin"]
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    found = detect(frame, names, baselines=JUDGED)
    assert found
    assert detect(shuffled, names, baselines=JUDGED) == found


def test_values_are_the_rows_own() -> None:
    frame = rows(300)
    watched = {w.stream: w for w in watch_streams(frame, ["adwin"])}
    p, y = frame["probability"].to_numpy(), frame["label"].to_numpy()
    assert watched["loss"].mean == pytest.approx(float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p)))))
    assert watched["error"].mean == pytest.approx(float(np.mean(frame["decision"].to_numpy() != y)))
    assert watched["decision"].mean == pytest.approx(float(frame["decision"].mean()))
    brier = of(watch_streams(frame, ["adwin"], loss="brier"), "loss")
    assert brier.mean == pytest.approx(float(np.mean((p - y) ** 2)))


def test_a_loss_without_end_counts_as_the_bound() -> None:
    frame = rows(400).with_columns(probability=pl.lit(0.0), label=pl.lit(1.0))
    assert of(watch_streams(frame, ["adwin"]), "loss").mean == LOSS_BOUND


def test_groups_have_streams_and_baselines_of_their_own() -> None:
    frame = rows(changes=0.6).with_columns(
        label=pl.when(pl.col("size") == "small").then(pl.col("label")).otherwise(rows()["label"])
    )
    watched = watch_streams(frame, ["sequential"], baselines=JUDGED, streams=["loss"], segments=["size"])
    assert [w.group for w in watched] == ["all", "size=large", "size=small"]
    assert of(watched, "loss", "size=small").state == "drift"
    nothing = of(watched, "loss", "size=large")
    assert nothing.state == "no_data"
    assert "no baseline" in nothing.reason


@pytest.mark.parametrize(
    ("stream", "cause"),
    [("loss", "labels have not arrived"), ("outlier", "the model has no outlier detector"), ("score", "few rows")],
)
def test_too_little_is_no_data_with_its_cause(stream: str, cause: str) -> None:
    frame = rows(150).with_columns(outlier=pl.lit(None, dtype=pl.Boolean))
    watched = of(watch_streams(frame, ["adwin"], streams=[stream]), stream)
    assert watched.state == "no_data"
    assert cause in watched.reason


def test_nothing_at_all_is_no_data_too() -> None:
    watched = watch_streams(rows(200).clear(), list(DETECTORS), baselines=JUDGED, segments=["size"])
    assert {(w.state, w.n, w.mean) for w in watched} == {("no_data", 0, None)}


def test_each_detector_runs_where_it_can_make_sense_of_what_it_sees() -> None:
    watched = watch_streams(rows(400), list(DETECTORS), baselines=JUDGED)
    ran = {(w.detector, w.stream) for w in watched}
    assert {s for d, s in ran if d == "ddm"} == {"error"}
    assert {s for d, s in ran if d == "hddm_a"} == set(STREAMS)
    assert all(fits(w.detector, STREAMS[w.stream]) for w in watched)


def test_a_detection_tells_the_newest_mean() -> None:
    found = detect(rows(changes=0.6), ["hddm_a"], streams=["error"])
    frame = rows(changes=0.6).filter(pl.col("mature")).sort(pl.max_horizontal("matures", "known_on"), "event_time")
    errors = (frame["decision"] != frame["label"]).cast(pl.Float64).to_numpy()
    for d in found:
        assert d.value == pytest.approx(errors[max(0, d.n - RECENT) : d.n].mean(), abs=0.02)
        assert not math.isnan(d.value)
    assert found


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["cusum"], {}, "unknown detector 'cusum'"),
        (["adwin"], {"streams": ["regret"]}, "unknown stream 'regret'; allowed: loss, error"),
        (["adwin"], {"segments": ["shoe"]}, "unknown column of the watched rows 'shoe'"),
        (["adwin"], {"loss": "auc"}, "unknown loss of a single row 'auc'; allowed: log_loss, brier"),
        (["ddm"], {"streams": ["loss"]}, "'ddm' wants zero or one, and fits none of the streams loss; it fits: error"),
    ],
)
def test_what_is_unknown_is_refused(names: list[str], options: dict[str, object], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        detect(rows(300), names, **options)
