"""What a look measured beside its findings."""

from datetime import date

import polars as pl

from components.monitoring.figures import SHOWN, figures, of_streams
from components.monitoring.streams import Detection, Watch
from components.monitoring.values import Drift
from components.monitoring.watched import Watched
from components.monitoring.windows import Windows, cut
from tests.monitoring.alerts.looks import cohort, estimate, report, result
from tests.monitoring.served import watched_by

NOW = date(2009, 12, 31)


def windows(watched: Watched) -> Windows:
    return cut(watched, watched.reference.with_columns(event_time=pl.lit(NOW)), NOW)


def drifted(*subjects: str) -> list[Drift]:
    return [result(subject, severity="red") for subject in subjects]


def test_what_drifted_is_drawn_first_then_what_matters_most(watched: Watched) -> None:
    found = figures(watched, windows(watched), report(*drifted("franchise", "*", "Bank")), [])
    drawn = list(found["histograms"])
    assert drawn[:3] == ["franchise", "Bank", "probability"]
    assert len(drawn) == SHOWN
    shares = [found["importance"][name] for name in drawn[3:]]
    assert shares == sorted(shares, reverse=True)


def test_estimates_are_tracked_by_the_metrics_that_are_measured(watched: Watched) -> None:
    cohorts = [cohort(estimated={"brier": estimate(0.2)}, realised={"brier": estimate(0.3)})]
    case = watched_by(watched.use_case, metrics=("brier", "calibration_error"), loss="log_loss")
    mine = Watched(**{**watched.__dict__, "use_case": case})
    errors = figures(mine, windows(watched), None, cohorts)["estimate_error"]
    assert list(errors) == ["log_loss", "brier"]
    assert errors["brier"]["n"] == 1
    assert errors["log_loss"]["n"] == 0
    assert "no labels tell it yet" in errors["log_loss"]["reason"]


def test_detections_come_in_the_order_of_their_days() -> None:
    def seen(detector: str, *days: int) -> Watch:
        found = [Detection(detector=detector, stream="loss", day=date(2005, 1, d), n=200 + d, value=0.5) for d in days]
        return Watch(
            detector=detector,
            stream="loss",
            n=900,
            mean=0.4,
            baseline=0.3,
            state="drift" if days else "quiet",
            detections=tuple(found),
        )

    found = of_streams([seen("sequential", 9), seen("adwin", 4, 20), seen("ddm")])
    assert [(d["day"], d["detector"]) for d in found["detections"]] == [
        ("2005-01-04", "adwin"),
        ("2005-01-09", "sequential"),
        ("2005-01-20", "adwin"),
    ]
    assert [(s["detector"], s["state"]) for s in found["streams"]] == [
        ("sequential", "drift"),
        ("adwin", "drift"),
        ("ddm", "quiet"),
    ]
    assert "detections" not in found["streams"][0]
