"""The record of a replay as one could be: nine years of quarters, a crisis, alarms, runs and what became of them."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from components.core.contracts import Estimate
from pipelines.replay.charts import WAYS
from pipelines.replay.values import Cohort, Compared, Control, EstimateError, Moment, Replayed

NOTHING = Estimate(value=None, n=0)

BAD = [0.03, 0.04, 0.09, 0.33, 0.42, 0.24, 0.09, 0.07, 0.06]
"""Share of bad loans by year."""
LOSS = {
    "fairlead": [0.13, 0.15, 0.36, 0.72, 0.62, 0.45, 0.33, 0.25, 0.22],
    "frozen": [0.13, 0.16, 0.41, 1.15, 1.31, 0.84, 0.36, 0.28, 0.26],
    "yearly": [0.13, 0.16, 0.46, 1.1, 1.22, 0.70, 0.28, 0.26, 0.25],
    "yearly_early": [0.13, 0.17, 0.39, 0.84, 0.88, 0.60, 0.37, 0.24, 0.23],
    "oracle": [0.11, 0.14, 0.26, 0.57, 0.63, 0.53, 0.28, 0.22, 0.2],
}
"""Mean log loss by year and way."""

NAMES = ("drift", "estimate_broken", "estimated_loss", "group", "loss", "missing", "outliers")


def about(value: float, half: float, n: int = 1200) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def quarters() -> list[date]:
    return [date(year, month, 1) for year in range(2004, 2013) for month in (1, 4, 7, 10)]


def end(first: date) -> date:
    following: date = pl.Series([first]).dt.offset_by("3mo").item()
    return following - timedelta(days=1)


def cohorts() -> tuple[Cohort, ...]:
    rng, found = np.random.default_rng(1), []
    for i, first in enumerate(quarters()):
        year = i // 4
        losses = {way: about(values[year] * float(rng.uniform(0.95, 1.05)), 0.03) for way, values in LOSS.items()}
        true = losses["fairlead"].value or 0.0
        found.append(
            Cohort(
                first=first,
                last=end(first),
                rows=int(rng.integers(150, 2800)),
                bad_rate=BAD[year] * float(rng.uniform(0.9, 1.1)),
                version=str(1 + year // 2),
                loss=losses,
                estimated=about(true * (0.6 if year in (3, 4) else 0.95), 0.01),
                early=about(true * 0.97, 0.05) if i < 32 else NOTHING,
            )
        )
    return tuple(found)


def moments() -> tuple[Moment, ...]:
    found = []
    for i, first in enumerate(quarters()):
        day = end(first)
        for j, name in enumerate(NAMES):
            if (i + j) % 5 == 0:
                level = "red" if i % 2 else "amber"
                text = f"{name} of bank_rate: psi 0.31 (red from 0.25), and a value <of> “A & B” that has to be escaped"
                found.append(Moment(day=day, kind="alarm", severity=level, text=text, name=name, version="1"))
            elif (i + j) % 5 == 2:
                found.append(Moment(day=day, kind="cleared", text="below its threshold", name=name, version="1"))
        if i % 4 == 3:
            why = (
                "by drift, window sliding 36 months: drift 2.88: log_amount psi 0.479 (red from 0.25) x importance "
                "31%; bank_volume psi 1.19 (red from 0.25) x importance 12%; sector missing share 0.479 (red from 0.1) "
                "x importance 7%; and 15 more; beside that the predictions changed"
            )
            found.append(Moment(day=day, kind="retrain", text=why, version=str(i // 4 + 1)))
            ends = ("promoted", "stopped", "promoted", "rolled_back")[i // 4 % 4]
            said = "stopped by calibration, slice_auc\ntest/all relative_calibration_error.high <= 0.6: 0.71"
            found.append(Moment(day=day, kind=ends, text=said, version=str(i // 4 + 2)))
    return tuple(found)


def looks() -> list[dict[str, object]]:
    found = []
    for i, first in enumerate(quarters()):
        red = [f"{name}/x" for j, name in enumerate(NAMES) if (i + j) % 3 == 0 and i > 2]
        amber = [f"{name}/y" for j, name in enumerate(NAMES) if (i + j) % 4 == 0]
        day = end(first).isoformat()
        found.append({"now": day, "version": "1", "rows": 900, "red": red, "amber": amber, "causes": []})
    return found


def replayed(**changes: Any) -> Replayed:
    """A whole record, with some of it changed."""
    n = sum(c.rows for c in cohorts())
    means = {way: float(np.mean(values)) for way, values in LOSS.items()}
    given: dict[str, Any] = {
        "use_case": "sba_loans",
        "first": date(2004, 1, 1),
        "last": date(2012, 12, 31),
        "rows": n,
        "requests": 9_314,
        "failed": 3,
        "looks": 36,
        "seconds": {"serving": 41.2, "looking": 63.9, "training and rolling out": 148.07, "all": 271.6},
        "moments": moments(),
        "cohorts": cohorts(),
        "compared": tuple(
            Compared(
                way=way,
                loss=about(means[way], 0.04, n),
                better_by=about(means[way] - means["fairlead"], 0.021, n),
                better_by_runs=about(means[way] - means["fairlead"], 0.087, n),
            )
            for way in WAYS
        ),
        "estimate_error": EstimateError(
            cohorts=36,
            correlation=about(0.91, 0.05, 36),
            mean_absolute_error=0.0712,
            mean_error=-0.0534,
            broken_since=date(2007, 9, 30),
        ),
        "control": Control(looks=36, rows=48_473, alarms=(), retrains=0),
        "promises": {"a red alarm before 2006-01-01": True, "no alarm in a world that stands still": False},
        "immature": 1_010,
        "details": {"looks": looks()},
    }
    return Replayed(**{**given, **changes})
