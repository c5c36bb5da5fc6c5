"""Losses: how fast an outcome becomes known must not decide whose model looks better."""

import numpy as np
import polars as pl
import pytest

from components.rollout.analysis import analyse
from components.rollout.labelled import warning
from components.rollout.measure import Seen, measure, notes
from components.rollout.plan import Metric
from components.rollout.rescore import SCORES
from components.rollout.samples import Paired, TwoArm
from tests.rollout.drawn import OUTCOMES, START, line, plan, predictions, requests, seen

LOSS = Metric(name="log_loss", margin=0.0)
BRIER = Metric(name="brier", margin=0.0)
HOUR = 3600.0


def test_mature_outcomes_count_all_at_once_in_the_order_of_their_requests() -> None:
    rows = predictions((1, "a", "stable", 0.1), (2, "b", "candidate", 0.8), (7000, "c", "stable", 0.5))
    found = seen([line(1), line(7000)], rows, {"c": 1, "b": 0, "a": 0}, now=7300.0)
    sample = measure(plan(BRIER, mature_after_hours=1.0), found)[1]["brier"]
    assert isinstance(sample, TwoArm)
    assert sample.value.tolist() == pytest.approx([0.01, 0.64])
    assert sample.candidate.tolist() == [False, True]


@pytest.mark.parametrize(("hours", "misled"), [(None, True), (2.5, False)])
def test_bad_outcomes_that_come_first_do_not_promote_a_worse_model(hours: float | None, misled: bool) -> None:
    """The candidate says higher probabilities than are true; outcomes of 1 are known early, those of 0 at the end."""
    rng = np.random.default_rng(0)
    n = 3000
    odds = rng.normal(-1.5, 1.0, n)
    stable, candidate = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds - 1.0))
    label = (rng.random(n) < stable).astype(int)
    asked = np.arange(n) * 2.0
    known = asked + np.where(label == 1, rng.exponential(300.0, n).clip(max=8000), 8000.0)
    ids = np.array([f"r{i}" for i in range(n)])
    p = plan(LOSS, rescore=True, mature_after_hours=hours)
    best = 0.0
    for now in np.linspace(600.0, 14_500.0, 12):
        there = np.flatnonzero(known <= now)
        there = there[np.argsort(known[there])]
        scores = {
            "request_id": ids[there],
            "row": [0] * len(there),
            "stable": stable[there],
            "candidate": candidate[there],
        }
        outcomes = {"request_id": ids[there], "row": [0] * len(there), "label": label[there]}
        rows = predictions(*((asked[i], str(ids[i]), "stable", 0.5) for i in np.flatnonzero(asked <= now)))
        base = seen(rows=rows, now=float(now))
        found = Seen(base.requests, rows, pl.DataFrame(outcomes, OUTCOMES), pl.DataFrame(scores, SCORES), base.now)
        specs, samples = measure(p, found)
        best = max(best, analyse(specs, samples, p.alpha)["log_loss"].e_safe)
    assert (best > 40) is misled


def test_a_request_counts_once_all_of_its_rows_have_an_outcome() -> None:
    rows = pl.concat([predictions((1, "a", "stable", 0.2)), predictions((1, "a", "stable", 0.4)).with_columns(row=1),
                      predictions((2, "b", "candidate", 0.2))], how="vertical_relaxed")  # fmt: skip
    part = pl.DataFrame({"request_id": ["a", "b"], "row": [0, 0], "label": [0, 0]}, OUTCOMES)
    whole = pl.concat([part, pl.DataFrame({"request_id": ["a"], "row": [1], "label": [0]}, OUTCOMES)])
    drawn = requests([line(1)])
    for outcomes, expected in ((part, [0.04]), (whole, [0.04, (0.04 + 0.16) / 2])):
        found = Seen(drawn, rows, outcomes, pl.DataFrame(schema=SCORES), START.replace(minute=1))
        sample = measure(plan(BRIER), found)[1]["brier"]
        assert isinstance(sample, TwoArm)
        assert sample.value.tolist() == pytest.approx(expected)


def test_pairs_of_rows_that_come_together_are_one_pair() -> None:
    one = predictions((1, "a", "stable", 0.2), (1, "a", "candidate", 0.4))
    rows = pl.concat([one, one.with_columns(row=pl.lit(1, pl.Int64()))])
    found = seen(rows=rows)
    outcomes = pl.DataFrame({"request_id": ["a", "a"], "row": [0, 1], "label": [0, 0]}, OUTCOMES)
    both = Seen(found.requests, rows, outcomes, found.rescored, found.now)
    sample = measure(plan(BRIER, strategy="shadow"), both)[1]["brier"]
    assert isinstance(sample, Paired)
    assert sample.difference.tolist() == pytest.approx([0.16 - 0.04])


def test_a_plan_that_takes_outcomes_as_they_come_is_told_what_that_means() -> None:
    assert "mature_after_hours" in warning(plan(LOSS), LOSS)
    assert warning(plan(LOSS, mature_after_hours=1.0), LOSS) == ""
    assert "no outcome can count" in warning(plan(LOSS, mature_after_hours=168.0), LOSS)
    assert "mature_after_hours" in notes(plan(LOSS), seen())["log_loss"]
